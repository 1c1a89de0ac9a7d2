"""The class of the parser is what can be observed: how long parsing takes depends on the machine."""

from tests import probes

SCRIPT = """
import yaml
from ministack.services.cloudformation import engine

parser = "C" if issubclass(engine.CfnLoader, yaml.CSafeLoader) else "Python"
print(parser, engine._parse_template("Arn: !GetAtt Key.Arn\\nSince: 2012-10-17"))
"""


class TemplateParserTest(probes.ProcessTest):
    script = SCRIPT
    unpatched = "Python {'Arn': {'Fn::GetAtt': ['Key', 'Arn']}, 'Since': '2012-10-17'}"
    patched = "C {'Arn': {'Fn::GetAtt': ['Key', 'Arn']}, 'Since': '2012-10-17'}"
