"""A template as CloudFormation deploys it: transformed by SAM, and with parameters and conditions in place.

cfn-lint looks at a template with the defaults of its parameters, and not at what a condition leaves out by default.
"""

import json
import re
from pathlib import Path

from cfnlint.decode.cfn_yaml import load
from samtranslator.translator.transform import transform

PSEUDO = {
    "AWS::AccountId": "777788889999",
    "AWS::Partition": "aws",
    "AWS::Region": "us-east-1",
    "AWS::StackName": "atlas-cmk",
    "AWS::StackId": "arn:aws:cloudformation:us-east-1:777788889999:stack/atlas-cmk/51af3dc0",
    "AWS::URLSuffix": "amazonaws.com",
}
NO_VALUE = object()


class NoManagedPolicies:
    """What SAM looks up in IAM, which the templates do not use."""

    def load(self):
        """Nothing."""
        return {}


def plain(node):
    """The same as built-in types: cfn-lint's carry positions."""
    if isinstance(node, dict):
        return {str(key): plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [plain(value) for value in node]
    return str(node) if isinstance(node, str) else node


def load_template(path):
    """A template with its state machines' definitions inside of it, which are files until they are packaged."""
    template = plain(load(str(path)))
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties["CodeUri"] = "s3://artifacts/function.zip"
        if resource["Type"] == "AWS::StepFunctions::StateMachine":
            definition = path.parent / properties.pop("DefinitionS3Location")
            properties["Definition"] = with_numbers(json.loads(definition.read_text()))
    return template


def with_numbers(node):
    """A definition with a number where cfn-lint knows no JSONata expression (AWS Step Functions Developer Guide, "Map
    state" and "Task state": MaxConcurrency and TimeoutSeconds may be one)."""
    if isinstance(node, list):
        return [with_numbers(value) for value in node]
    if not isinstance(node, dict):
        return node
    numbers = ("MaxConcurrency", "Seconds", "TimeoutSeconds")
    return {key: 1 if key in numbers and isinstance(value, str) else with_numbers(value) for key, value in node.items()}


def resolved(template, given):
    """The template with these parameters, or the defaults of those that are missing."""
    declared = template.get("Parameters", {})
    parameters = {name: given.get(name, parameter.get("Default")) for name, parameter in declared.items()}
    parameters = {name: ",".join(it) if isinstance(it, list) else it for name, it in parameters.items()}
    missing = [name for name, value in parameters.items() if value is None]
    if missing:
        raise SystemExit(f".ci/templates/parameters.json has no value for {', '.join(missing)}")
    if "Transform" in template:
        template = transform(template, dict(parameters), NoManagedPolicies())
    values = dict(PSEUDO)
    for name, value in parameters.items():
        is_list = declared[name]["Type"] == "CommaDelimitedList"
        values[name] = str(value).split(",") if is_list else str(value)
    return Resolver(template, values).template()


class Resolver:
    """Puts values into the places of intrinsic functions, where they are known before anything is deployed."""

    def __init__(self, template, values):
        self.source = template
        self.values = values
        self.mappings = template.get("Mappings", {})
        self.conditions = {}
        for name in template.get("Conditions", {}):
            self.condition(name)

    def template(self):
        """The template without parameters, conditions and outputs."""
        resources = {}
        for name, resource in self.source["Resources"].items():
            if self.conditions.get(resource.get("Condition"), True):
                resource = self.of({key: value for key, value in resource.items() if key != "Condition"})
                resources[name] = resource
        for resource in resources.values():
            self.drop_missing_dependencies(resource, resources)
        return {"AWSTemplateFormatVersion": "2010-09-09", "Resources": resources}

    @staticmethod
    def drop_missing_dependencies(resource, resources):
        """Leaves out resources that a condition left out."""
        needs = resource.pop("DependsOn", [])
        needs = [name for name in ([needs] if isinstance(needs, str) else needs) if name in resources]
        if needs:
            resource["DependsOn"] = needs

    def condition(self, name):
        """Whether a condition of the template holds."""
        if name not in self.conditions:
            self.conditions[name] = self.holds(self.source["Conditions"][name])
        return self.conditions[name]

    def holds(self, node):
        """Whether a condition function holds."""
        ((function, argument),) = node.items()
        match function:
            case "Condition":
                return self.condition(argument)
            case "Fn::Equals":
                one, other = (self.of(value) for value in argument)
                return one == other
            case "Fn::Not":
                return not self.holds(argument[0])
            case "Fn::And":
                return all(self.holds(value) for value in argument)
            case "Fn::Or":
                return any(self.holds(value) for value in argument)
        raise ValueError(f"{function} is no condition")

    def of(self, node):
        """A node with values in the places of intrinsic functions."""
        if isinstance(node, list):
            values = [self.of(value) for value in node]
            return [value for value in values if value is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            ((function, argument),) = node.items()
            if function == "Ref" or function.startswith("Fn::"):
                return self.function(function, argument)
        values = {key: self.of(value) for key, value in node.items()}
        return {key: value for key, value in values.items() if value is not NO_VALUE}

    def function(self, function, argument):
        """The value of an intrinsic function, or the function if it is not known yet."""
        match function:
            case "Ref":
                if argument == "AWS::NoValue":
                    return NO_VALUE
                return self.values.get(argument, {"Ref": argument})
            case "Fn::If":
                return self.of(argument[1] if self.condition(argument[0]) else argument[2])
            case "Fn::Sub":
                return self.substituted(argument)
            case "Fn::Join":
                separator, parts = argument[0], self.of(argument[1])
                is_known = isinstance(parts, list) and all(isinstance(part, str) for part in parts)
                return separator.join(parts) if is_known else {"Fn::Join": [separator, parts]}
            case "Fn::Select":
                index, values = self.of(argument[0]), self.of(argument[1])
                return values[int(index)] if isinstance(values, list) else {"Fn::Select": [index, values]}
            case "Fn::Split":
                separator, text = argument[0], self.of(argument[1])
                return text.split(separator) if isinstance(text, str) else {"Fn::Split": [separator, text]}
            case "Fn::FindInMap":
                name, first, second = (self.of(part) for part in argument)
                return self.mappings[name][first][second]
        return {function: self.of(argument)}

    def substituted(self, argument):
        """A text with its variables in place."""
        text, more = (argument, {}) if isinstance(argument, str) else (argument[0], self.of(argument[1]))
        known = {**self.values, **more}

        def value(match):
            found = known.get(match.group(1))
            return found if isinstance(found, str) else match.group(0)

        text = re.sub(r"\$\{([^!}][^}]*)\}", value, text)
        left = {name: known[name] for name in re.findall(r"\$\{([^!}][^}]*)\}", text) if name in more}
        if not re.search(r"\$\{[^!}]", text):
            return text.replace("${!", "${")
        return {"Fn::Sub": [text, left] if left else text}


def variants(infra, samples):
    """Each template once with all parameters given and once with the required ones only, by name."""
    for path in sorted(Path(infra).glob("*.yaml")):
        template = load_template(path)
        given = samples[path.stem]
        required = {name: given[name] for name, it in template["Parameters"].items() if "Default" not in it}
        unknown = set(given) - set(template["Parameters"])
        missing = set(template["Parameters"]) - set(given)
        if unknown or missing:
            raise SystemExit(
                f".ci/templates/parameters.json: {path.stem} lacks {missing}, and has no parameter {unknown}"
            )
        yield f"{path.stem}-all", resolved(load_template(path), given)
        yield f"{path.stem}-required", resolved(load_template(path), required)
