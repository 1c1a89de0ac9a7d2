"""The root user of another account assumes a role that trusts a service, and one that trusts that account."""

from tests import engines, probes


class ServicePrincipalsTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("AccessDenied", "done")

    def probe(self, engine):
        account, other = engines.new_account(), engines.new_account()

        def assume(name, principal):
            trust = engines.document({"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"})
            role = engine.client("iam", account).create_role(RoleName=name, AssumeRolePolicyDocument=trust)["Role"]
            call = engine.client("sts", other).assume_role
            return engines.outcome(call, RoleArn=role["Arn"], RoleSessionName="probe")

        return assume("of-service", {"Service": "ec2.amazonaws.com"}), assume("of-account", {"AWS": other})
