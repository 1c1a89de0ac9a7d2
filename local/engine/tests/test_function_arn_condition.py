"""A function, and a session of its role that is not the function's, make a call that is allowed to the function."""

import json

from tests import engines, probes


class FunctionArnConditionTest(probes.RequestTest):
    unpatched = ("AccessDeniedException", "AccessDeniedException")
    patched = ("done", "AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        function = engine.function(account, probes.LISTS_KEYS)
        if_function = engines.allow("kms:ListKeys", Condition={"ArnEquals": {"lambda:SourceFunctionArn": function}})
        iam = engine.client("iam", account)
        iam.put_role_policy(RoleName="probe-function", PolicyName="probe", PolicyDocument=engines.document(if_function))
        invoked = engine.client("lambda", account).invoke(FunctionName="probe")
        role = f"arn:aws:iam::{account}:role/probe-function"
        assumed = engine.client("sts", account).assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
        session = (assumed["AccessKeyId"], assumed["SecretAccessKey"], assumed["SessionToken"])
        return json.load(invoked["Payload"]), engines.outcome(engine.client("kms", session).list_keys)
