"""A replica key is Creating for a while, and one of a key with imported material waits for its material.

Until it is created, it cannot be tagged and its policy cannot be changed. Source: AWS KMS API Reference, ReplicateKey,
https://docs.aws.amazon.com/kms/latest/APIReference/API_ReplicateKey.html, and AWS KMS Developer Guide, "Key states of
AWS KMS keys", https://docs.aws.amazon.com/kms/latest/developerguide/key-state.html

MiniStack 1.5.33 creates a replica that is Enabled at once.
"""

import time

import support

# Half a minute, scaled as the waits of executions are.
SECONDS = 0.3


def apply():
    """Let a replica be Creating for a while, and refuse changes meanwhile."""
    from ministack.core.responses import error_response_json, get_account_id
    from ministack.services import kms

    replicate_key = support.original(kms, "_replicate_key", "(data)")
    resolve_key = support.original(kms, "_resolve_key", "(key_id_or_arn)")
    put_key_policy = support.original(kms, "_put_key_policy", "(data)")
    tag_resource = support.original(kms, "_tag_resource", "(data)")

    def replicate(data):
        primary = resolve_key(data.get("KeyId", "")) or {}
        answer = replicate_key(data)
        place = (get_account_id(), data.get("ReplicaRegion"), primary.get("KeyId"))
        if answer[0] == 200 and (replica := kms._keys._data.get(place)):
            replica["KeyState"], replica["Enabled"] = "Creating", False
            replica["_created_at"] = time.monotonic() + SECONDS
        return answer

    def resolve(key_id_or_arn):
        key = resolve_key(key_id_or_arn)
        if key and key["KeyState"] == "Creating" and key["_created_at"] <= time.monotonic():
            is_imported = key.get("Origin") == "EXTERNAL"
            key["KeyState"], key["Enabled"] = ("PendingImport", False) if is_imported else ("Enabled", True)
        return key

    def unless_creating(change):
        def checked(data):
            key = resolve(data.get("KeyId", ""))
            if key and key["KeyState"] == "Creating":
                return error_response_json("KMSInvalidStateException", f"{key['Arn']} is pending creation.", 400)
            return change(data)

        return checked

    kms._replicate_key = replicate
    kms._resolve_key = resolve
    kms._put_key_policy = unless_creating(put_key_policy)
    kms._tag_resource = unless_creating(tag_resource)
