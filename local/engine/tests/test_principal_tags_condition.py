"""Functions, and a session, call with a role whose policy binds it to the function that a tag of the role names."""

import json

from tests import engines, probes

FUNCTIONS = f"arn:aws:lambda:{engines.REGION}:%s:function:"
DENIED = "AccessDeniedException"


class PrincipalTagsConditionTest(probes.RequestTest):
    unpatched = (DENIED, DENIED, DENIED, DENIED, "done")
    patched = ("done", DENIED, DENIED, DENIED, "AccessDenied")

    def probe(self, engine):
        account = engines.new_account()
        iam = engine.client("iam", account)
        bound = FUNCTIONS % account + "${aws:PrincipalTag/atlas-cmk:function}"
        unless_bound = {
            "ArnNotEquals": {"lambda:SourceFunctionArn": bound},
            "BoolIfExists": {"aws:ViaAWSService": "false"},
        }
        deny = {**engines.allow("*"), "Effect": "Deny", "Condition": unless_bound}
        binding = iam.create_policy(PolicyName="binding", PolicyDocument=engines.document(deny))["Policy"]["Arn"]

        def invoked(name, tagged):
            engine.function(account, probes.LISTS_KEYS, name)
            role = f"{name}-function"
            listing = engines.document(engines.allow("kms:ListKeys"))
            iam.put_role_policy(RoleName=role, PolicyName="probe", PolicyDocument=listing)
            iam.attach_role_policy(RoleName=role, PolicyArn=binding)
            if tagged:
                iam.tag_role(RoleName=role, Tags=[{"Key": "atlas-cmk:function", "Value": tagged}])
            return json.load(engine.client("lambda", account).invoke(FunctionName=name)["Payload"])

        functions = invoked("own", "own"), invoked("other", "own"), invoked("untagged", None)
        role = f"arn:aws:iam::{account}:role/own-function"
        assumed = engine.client("sts", account).assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
        session = (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        listed = engines.outcome(engine.client("kms", session).list_keys)

        kept = f"arn:aws:iam::{account}:role/${{aws:PrincipalTag/kept, 'own-function'}}"
        deny = {**engines.allow("iam:ListRolePolicies", kept), "Effect": "Deny"}
        reading = engine.client("iam", engine.session(account, engines.allow("iam:*"), deny))
        return *functions, listed, engines.outcome(reading.list_role_policies, RoleName="own-function")
