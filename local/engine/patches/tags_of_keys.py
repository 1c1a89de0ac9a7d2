"""A tag of a key counts in authorization only after a while: up to five minutes.

Source: AWS KMS Developer Guide, "ABAC for AWS KMS", "it might take up to five minutes for tag and alias changes to
affect KMS key authorization", https://docs.aws.amazon.com/kms/latest/developerguide/abac.html

MiniStack 1.5.33 counts a tag at once. Here a test asks for the delay with the parameter `/engine/tags-of-keys` of the
account: how many seconds, scaled as the waits of executions are. The delay of a tag that is removed is not modelled.
"""

import os
import time

import support

PARAMETER = "/engine/tags-of-keys"
SCALE = float(os.environ.get("SFN_WAIT_SCALE") or 1)


def apply():
    """Remember when a key got its tags, and hide young ones from authorization."""
    from ministack.services import kms, ssm, tagging

    resource_tags = support.original(tagging, "resource_tags", "(arn)")
    create_key = support.original(kms, "_create_key", "(data)")
    replicate_key = support.original(kms, "_replicate_key", "(data)")
    tag_resource = support.original(kms, "_tag_resource", "(data)")
    since = {}

    def delay(account):
        parameters = list(ssm._parameters._data.items())
        found = (float(it["Value"]) for place, it in parameters if place[0] == account and place[-1] == PARAMETER)
        return next(found, 0) * SCALE

    def remembered(change):
        def tag(data):
            answer = change(data)
            for key in list(kms._keys._data.values()):
                for pair in key.get("Tags") or []:
                    since.setdefault((key["Arn"], pair["TagKey"], pair["TagValue"]), time.monotonic())
            return answer

        return tag

    def counted_tags(arn):
        tags = resource_tags(arn)
        if tags is None or not arn.startswith("arn:aws:kms:"):
            return tags
        until = time.monotonic() - delay(arn.split(":")[4])
        return {name: value for name, value in tags.items() if since.get((arn, name, value), 0) <= until}

    tagging.resource_tags = counted_tags
    kms._create_key = remembered(create_key)
    kms._replicate_key = remembered(replicate_key)
    kms._tag_resource = remembered(tag_resource)
