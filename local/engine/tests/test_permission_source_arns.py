"""A permission names topics of any Region and account."""

from tests import engines, probes


class PermissionSourceArnsTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("ValidationException", "done")

    def probe(self, engine):
        account = engines.new_account()
        engine.function(account, "def handler(event, context): pass")

        def permit(source):
            return engines.outcome(
                engine.client("lambda", account).add_permission,
                FunctionName="probe",
                StatementId=source.replace(":", "-").replace("*", "any"),
                Action="lambda:InvokeFunction",
                Principal="sns.amazonaws.com",
                SourceArn=source,
            )

        return permit("arn:aws:sns:*:*:topic"), permit(f"arn:aws:sns:us-east-1:{account}:topic-*")
