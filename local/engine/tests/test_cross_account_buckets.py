"""A function is created from code in a bucket of another account."""

from tests import engines, probes


class CrossAccountBucketsTest(probes.RequestTest):
    unpatched = "no code"
    patched = "code"

    def probe(self, engine):
        owner, account = engines.new_account(), engines.new_account()
        bucket = f"code-{owner}"
        s3 = engine.client("s3", owner)
        s3.create_bucket(Bucket=bucket)
        s3.put_object(Bucket=bucket, Key="code.zip", Body=engines.package("def handler(event, context): pass"))
        created = engine.client("lambda", account).create_function(
            FunctionName="probe",
            Runtime="python3.12",
            Handler="index.handler",
            Role=engine.role(account),
            Code={"S3Bucket": bucket, "S3Key": "code.zip"},
        )
        return "code" if created["CodeSize"] else "no code"
