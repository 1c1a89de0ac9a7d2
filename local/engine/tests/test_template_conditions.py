"""Conditions compare the Region, a value of a mapping, and a list without items."""

from tests import engines, probes

TEMPLATE = {
    "Mappings": {"Stages": {"us-east-1": {"Name": "test"}}},
    "Parameters": {"List": {"Type": "CommaDelimitedList", "Default": ""}},
    "Conditions": {
        "Given": {"Fn::Not": [{"Fn::Equals": [{"Fn::Join": ["", {"Ref": "List"}]}, ""]}]},
        "Here": {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
        "Test": {"Fn::Equals": [{"Fn::FindInMap": ["Stages", {"Ref": "AWS::Region"}, "Name"]}, "test"]},
        "Elsewhere": {"Fn::Equals": [{"Ref": "AWS::Region"}, "eu-west-1"]},
    },
    "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
    "Outputs": {
        name: {"Condition": condition, "Value": condition}
        for name, condition in (("A", "Here"), ("B", "Test"), ("C", "Elsewhere"), ("D", "Given"))
    },
}


class TemplateConditionsTest(probes.RequestTest):
    unpatched = ["Given"]
    patched = ["Here", "Test"]

    def probe(self, engine):
        stack = engine.deploy(engines.new_account(), TEMPLATE)
        return sorted(output["OutputValue"] for output in stack.get("Outputs", []))
