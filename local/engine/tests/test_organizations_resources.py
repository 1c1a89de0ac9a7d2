"""A caller has permissions on accounts, but not on organizational units."""

from tests import engines, probes


class OrganizationsResourcesTest(probes.RequestTest):
    unpatched = ("AccessDeniedException", "AccessDeniedException", "AccessDeniedException")
    patched = ("done", "done", "AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        root = engine.client("organizations", account)
        created = root.create_account(Email="a@example.com", AccountName="a")["CreateAccountStatus"]["AccountId"]
        parent = root.list_roots()["Roots"][0]["Id"]
        unit = root.create_organizational_unit(ParentId=parent, Name="unit")["OrganizationalUnit"]["Id"]
        on_account = engines.allow("organizations:*", f"arn:aws:organizations::{account}:account/*/{created}")
        organizations = engine.client("organizations", engine.session(account, on_account))
        return (
            engines.outcome(organizations.describe_account, AccountId=created),
            engines.outcome(organizations.list_tags_for_resource, ResourceId=created),
            engines.outcome(organizations.describe_organizational_unit, OrganizationalUnitId=unit),
        )
