"""UpdatePrimaryRegion makes a replica of a multi-Region key the primary, and the primary a replica.

It is called in the Region of the primary, and the Region named must have a replica. Source: AWS KMS API Reference,
UpdatePrimaryRegion, https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdatePrimaryRegion.html

MiniStack 1.5.33 does not know the call. On AWS both keys are Updating for a while, here they change at once.
"""

import json

import support

ACTION = "TrentService.UpdatePrimaryRegion"


def apply():
    """Answer the call."""
    from ministack.core.responses import error_response_json, get_account_id, json_response
    from ministack.services import kms

    handle = support.original(kms, "handle_request", "(method, path, headers, body, query_params)")

    def update(data):
        key, region = kms._resolve_key(data.get("KeyId", "")), data.get("PrimaryRegion")
        if not key:
            return error_response_json("NotFoundException", f"Key {data.get('KeyId')} not found", 400)
        if not key.get("MultiRegion") or key.get("_mrk_type") != "PRIMARY":
            return error_response_json("UnsupportedOperationException", f"{key['Arn']} is no primary key.", 400)
        regions = key.get("_mrk_regions") or []
        if region not in regions:
            return error_response_json("NotFoundException", f"{key['Arn']} has no replica in {region}.", 400)
        for member in regions:
            copy = kms._keys._data[(get_account_id(), member, key["KeyId"])]
            copy["_mrk_primary_region"], copy["_mrk_type"] = region, "PRIMARY" if member == region else "REPLICA"
        return json_response({})

    async def handle_request(method, path, headers, body, query_params):
        if headers.get("x-amz-target", "") == ACTION:
            return update(json.loads(body))
        return await handle(method, path, headers, body, query_params)

    kms.handle_request = handle_request
