"""A caller may simulate the policies of one role."""

from tests import engines, probes


class PolicySimulationResourcesTest(probes.RequestTest):
    unpatched = ("AccessDenied", "AccessDenied")
    patched = ("done", "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        mine, other = engine.role(account, name="mine"), engine.role(account, name="other")
        on_role = engines.allow("iam:SimulatePrincipalPolicy", mine)
        simulate = engine.client("iam", engine.session(account, on_role)).simulate_principal_policy
        return tuple(
            engines.outcome(simulate, PolicySourceArn=role, ActionNames=["kms:Encrypt"]) for role in (mine, other)
        )
