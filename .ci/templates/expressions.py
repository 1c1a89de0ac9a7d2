"""JSONata in state machines: every expression parses, and a Choice takes booleans.

Step Functions documents JSONata 2.0.6 (AWS Step Functions Developer Guide, "Transforming data with JSONata"). Where
Node.js is at hand, that is what parses; otherwise, and for what an expression returns, its Python port.
"""

import json
import os
import subprocess
from pathlib import Path

import jsonata

BOOLEAN_OPERATORS = {"=", "!=", "<", "<=", ">", ">=", "in", "and", "or"}
BOOLEAN_FUNCTIONS = {"boolean", "contains", "every", "exists", "not", "some"}

# Prints, for each expression of a list, why it does not parse, or null.
PARSER = """
const jsonata = require('jsonata');
const why = (text) => { try { jsonata(text); return null; } catch (error) { return error.message; } };
console.log(JSON.stringify(JSON.parse(require('fs').readFileSync(0)).map(why)));
"""


def expressions(node, path):
    """Every expression below a node, with where it is."""
    if isinstance(node, list):
        for index, value in enumerate(node):
            yield from expressions(value, f"{path}[{index}]")
    elif isinstance(node, dict):
        for key, value in node.items():
            yield from expressions(value, f"{path}.{key}")
    elif isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        yield path, node[2:-2].strip()


def why_not_parsed(text):
    """What the Python port says of an expression that it refuses."""
    try:
        jsonata.Jsonata(text)
    except jsonata.JException as error:
        return str(error)
    return None


def is_boolean(node):
    """Whether an expression can be nothing but true or false."""
    match node.type:
        case "binary":
            return node.value in BOOLEAN_OPERATORS
        case "function":
            return node.procedure.value in BOOLEAN_FUNCTIONS
        case "block":
            return is_boolean(node.expressions[-1])
        case "condition":
            return is_boolean(node.then) and node._else is not None and is_boolean(node._else)
    return False


def problems(definitions, modules):
    """What Step Functions would refuse of these definitions, by name, and what parsed them."""
    found = [it for name, definition in definitions.items() for it in expressions(definition, name)]
    if Path(modules, "jsonata").is_dir():
        parser = "jsonata 2.0.6"
        texts = json.dumps([text for _, text in found])
        environment = {**os.environ, "NODE_PATH": str(Path(modules).resolve())}
        node = subprocess.run(
            ["node", "-e", PARSER], input=texts, env=environment, check=True, stdout=subprocess.PIPE, text=True
        )
        reasons = json.loads(node.stdout)
    else:
        parser = "jsonata-python"
        reasons = [why_not_parsed(text) for _, text in found]
    problems = []
    for (path, text), reason in zip(found, reasons, strict=True):
        if reason:
            problems.append(f"{path}: {reason} in {text}")
        elif path.endswith(".Condition") and not is_boolean(jsonata.Jsonata(text).ast):
            problems.append(f"{path}: {text} is not a comparison, so that it may be no boolean")
    return problems, f"{len(found)} expressions, parsed by {parser}"
