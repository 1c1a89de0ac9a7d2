"""CloudFormation names a policy that has no name differently in each region."""

from tests import engines, probes

TEMPLATE = {
    "Resources": {
        "Policy": {
            "Type": "AWS::IAM::ManagedPolicy",
            "Properties": {"PolicyDocument": engines.document(engines.allow("s3:ListAllMyBuckets"))},
        }
    },
    "Outputs": {"Policy": {"Value": {"Ref": "Policy"}}},
}


class RegionalNamesTest(probes.RequestTest):
    unpatched = "one policy"
    patched = "two policies"

    def probe(self, engine):
        account = engines.new_account()
        stacks = [engine.deploy(account, TEMPLATE, region=region) for region in ("us-east-1", "eu-west-1")]
        names = {stack["Outputs"][0]["OutputValue"] for stack in stacks}
        return "one policy" if len(names) == 1 else "two policies"
