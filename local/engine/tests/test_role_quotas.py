"""A role gets a long trust policy, long inline policies, and many tags."""

from tests import engines, probes

REFUSED = "LimitExceeded"


class RoleQuotasTest(probes.RequestTest):
    unpatched = ("done",) * 5
    patched = (REFUSED, "done", REFUSED, "done", REFUSED)

    def probe(self, engine):
        account = engines.new_account()
        engine.role(account, name="probe")
        iam = engine.client("iam", account)
        trust = {"Effect": "Allow", "Principal": {"AWS": account}, "Action": "sts:AssumeRole"}
        long_trust = engines.document(*({**trust, "Sid": f"Number{n}"} for n in range(30)))
        half = engines.document(engines.allow("s3:*", [f"arn:aws:s3:::{'x' * 50}{n}" for n in range(80)]))

        def put(name):
            return engines.outcome(iam.put_role_policy, RoleName="probe", PolicyName=name, PolicyDocument=half)

        def tag(*keys):
            return engines.outcome(iam.tag_role, RoleName="probe", Tags=[{"Key": str(it), "Value": ""} for it in keys])

        return (
            engines.outcome(iam.update_assume_role_policy, RoleName="probe", PolicyDocument=long_trust),
            put("one"),
            put("two"),
            tag(*range(50)),
            tag(50),
        )
