"""A policy with a condition is simulated with a value of the condition key."""

from tests import engines, probes


class SimulationContextTest(probes.RequestTest):
    unpatched = ("implicitDeny", "implicitDeny")
    patched = ("allowed", "implicitDeny")

    def probe(self, engine):
        account = engines.new_account()
        if_probe = engines.allow("kms:Encrypt", Condition={"StringEquals": {"aws:PrincipalOrgID": "o-probe"}})
        role = engine.role(account, if_probe)

        def simulate(value):
            entry = {
                "ContextKeyName": "aws:PrincipalOrgID",
                "ContextKeyValues": [value],
                "ContextKeyType": "string",
            }
            answer = engine.client("iam", account).simulate_principal_policy(
                PolicySourceArn=role, ActionNames=["kms:Encrypt"], ContextEntries=[entry]
            )
            return answer["EvaluationResults"][0]["EvalDecision"]

        return simulate("o-probe"), simulate("o-other")
