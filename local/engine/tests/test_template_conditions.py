"""A condition compares the Region, another one a value of a mapping."""

from tests import engines, probes

TEMPLATE = {
    "Mappings": {"Stages": {"us-east-1": {"Name": "test"}}},
    "Conditions": {
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "Test": {"Fn::Equals": [{"Fn::FindInMap": ["Stages", {"Ref": "AWS::Region"}, "Name"]}, "test"]},
        "Elsewhere": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
    },
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {
        name: {"Condition": condition, "Value": condition}
        for name, condition in (("A", "Here"), ("B", "Test"), ("C", "Elsewhere"))
    },
}


class TemplateConditionsTest(probes.RequestTest):
    unpatched = []
    patched = ["Here", "Test"]

    def probe(self, engine):
        stack = engine.deploy(engines.new_account(), TEMPLATE)
        return sorted(output["OutputValue"] for output in stack.get("Outputs", []))
