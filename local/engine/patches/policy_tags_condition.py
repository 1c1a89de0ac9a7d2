"""AWS sets the condition key aws:ResourceTag to the tags of a managed policy.

Source: Service Authorization Reference, "Actions, resources, and condition keys for AWS Identity and Access Management
(IAM)", resource type `policy`,
https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html

MiniStack 1.5.33 sets it to the tags of users and roles only.
"""

import support


def apply():
    """Add managed policies to the resources of IAM that have tags."""
    from ministack.services import iam, tagging

    collect = support.entry(tagging._RESOURCE_TAG_COLLECTORS, "iam", "tagging._RESOURCE_TAG_COLLECTORS")
    support.expect_signature(collect, "()", "the collector of IAM's tags")

    def collect_with_policies():
        yield from collect()
        for policy in list(iam._policies.values()):
            yield policy.get("Arn", ""), policy.get("Tags", [])

    tagging._RESOURCE_TAG_COLLECTORS["iam"] = collect_with_policies
