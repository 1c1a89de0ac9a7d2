"""A state machine with a key is started by a role without permissions on it, and its executions are read."""

import json

from tests import engines, probes


class EncryptedHistoriesTest(probes.RequestTest):
    unpatched = ("done", "done", "done", "done", "done")
    patched = ("KmsAccessDeniedException", "done", "KmsAccessDeniedException", "done", "done")

    def probe(self, engine):
        account = engines.new_account()
        key = engine.client("kms", account).create_key()["KeyMetadata"]["Arn"]
        root = engine.client("stepfunctions", account)
        states = {"Only": {"Type": "Succeed"}}

        def machine(name, statement):
            created = root.create_state_machine(
                name=name,
                definition=json.dumps({"StartAt": "Only", "States": states}),
                roleArn=engine.role(account, statement, name=f"{name}-machine"),
                encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": key},
            )
            return created["stateMachineArn"]

        def use(action, name):
            arn = f"arn:aws:states:{engines.REGION}:{account}:stateMachine:{name}"
            context = {"StringEquals": {"kms:EncryptionContext:aws:states:stateMachineArn": arn}}
            return engines.allow(action, key, Condition=context)

        def read(name, *statements, **more):
            session = engine.session(account, engines.allow("states:*"), *statements, name=name)
            return engines.outcome(engine.client("stepfunctions", session).describe_execution, **started, **more)

        without = machine("without", engines.allow("kms:Decrypt", key))
        probe = machine("probe", use(["kms:Decrypt", "kms:GenerateDataKey"], "probe"))
        refused = engines.outcome(root.start_execution, stateMachineArn=without)
        started = {"executionArn": root.start_execution(stateMachineArn=probe)["executionArn"]}
        return (
            refused,
            engines.outcome(root.describe_execution, **started),
            read("other", use("kms:Decrypt", "without")),
            read("reader", use("kms:Decrypt", "probe")),
            read("observer", includedData="METADATA_ONLY"),
        )
