"""A template denies the value of a secret to all roles but one: who reads and writes it until the stack is deleted?"""

from tests import engines, probes

READ_AND_WRITE = ["secretsmanager:GetSecretValue", "secretsmanager:PutSecretValue"]


class SecretPoliciesTest(probes.RequestTest):
    unpatched = ("ValidationError", *["done"] * 5)
    patched = ("done", "done", "AccessDeniedException", "AccessDeniedException", "done", "done")

    def probe(self, engine):
        account = engines.new_account()
        unless_function = {"ArnNotLike": {"aws:PrincipalArn": f"arn:aws:iam::{account}:role/func*"}}
        deny = {**engines.allow(READ_AND_WRITE), "Effect": "Deny", "Principal": "*", "Condition": unless_function}
        policy = {"SecretId": "probe", "ResourcePolicy": {"Version": "2012-10-17", "Statement": [deny]}}
        resource = {"Type": "AWS::SecretsManager::ResourcePolicy", "Properties": policy}
        secret = engine.client("secretsmanager", account).create_secret(Name="probe", SecretString="probe")
        function, other = (
            engine.client("secretsmanager", engine.session(account, engines.allow("secretsmanager:*"), name=name))
            for name in ("function", "other")
        )
        deployed = engines.outcome(engine.deploy, account=account, template={"Resources": {"Policy": resource}})
        by_arn = {"SecretId": secret["ARN"]}
        outcomes = (
            engines.outcome(function.get_secret_value, **by_arn),
            engines.outcome(other.get_secret_value, **by_arn),
            engines.outcome(other.put_secret_value, SecretId="probe", SecretString="changed"),
            engines.outcome(other.describe_secret, **by_arn),
        )
        stacks = engine.client("cloudformation", account)
        stacks.delete_stack(StackName="probe")
        engines.wait_for(lambda: engines.outcome(stacks.describe_stacks, StackName="probe") != "done")
        return deployed, *outcomes, engines.outcome(other.get_secret_value, **by_arn)
