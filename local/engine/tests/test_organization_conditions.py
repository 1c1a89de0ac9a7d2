"""A policy names the organization of the caller, and another one that of the resource."""

from tests import engines, probes

ORGANIZATION = "o-abcde12345"


class OrganizationConditionsTest(probes.RequestTest):
    unpatched = ("AccessDeniedException",) * 3
    patched = ("done", "done", "AccessDeniedException")

    def probe(self, engine):
        def outcome(account, condition_key):
            in_organization = engines.allow("kms:ListKeys", Condition={"StringEquals": {condition_key: ORGANIZATION}})
            return engines.outcome(engine.client("kms", engine.session(account, in_organization)).list_keys)

        return (
            outcome(engines.new_account(), "aws:PrincipalOrgID"),
            outcome(engines.new_account(), "aws:ResourceOrgID"),
            # Accounts that start with 99 belong to no organization.
            outcome("99" + engines.new_account()[2:], "aws:PrincipalOrgID"),
        )
