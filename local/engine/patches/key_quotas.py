"""KMS limits the size of a key policy, and the tags of a key.

A key policy has at most 32 KB and a key 50 tags. Source: AWS KMS Developer Guide, "Resource quotas",
https://docs.aws.amazon.com/kms/latest/developerguide/resource-limits.html

MiniStack 1.5.33 has no limits.
"""

import support

POLICY = 32768
TAGS = 50


def apply():
    """Refuse what is over a quota."""
    from ministack.core.responses import error_response_json
    from ministack.services import kms

    put_key_policy = support.original(kms, "_put_key_policy", "(data)")
    tag_resource = support.original(kms, "_tag_resource", "(data)")

    def exceeded(what):
        return error_response_json("LimitExceededException", f"The request exceeds the quota for {what}.", 400)

    def put(data):
        return exceeded("the key policy") if len(data.get("Policy", "")) > POLICY else put_key_policy(data)

    def tag(data):
        key = kms._resolve_key(data.get("KeyId", "")) or {}
        tags = {it["TagKey"] for it in [*key.get("Tags", []), *data.get("Tags", [])]}
        return exceeded("tags of a key") if len(tags) > TAGS else tag_resource(data)

    kms._put_key_policy = put
    kms._tag_resource = tag
