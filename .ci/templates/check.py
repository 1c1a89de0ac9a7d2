"""Checks templates and state machines as they will be deployed: `check.py infra target/ci-lints`.

With `--prove`, checks instead that what AWS would refuse is found: each of six mistakes is made in turn.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import expressions
import resolve
import statements

DEPLOYED = Path("target/templates")


def definitions(infra):
    """The definitions of the state machines, by name."""
    files = sorted(Path(infra, "state-machines").glob("*.asl.json"))
    return {file.name.removesuffix(".asl.json"): json.loads(file.read_text()) for file in files}


def linted(lints, templates):
    """What cfn-lint says of templates, which include the definitions of state machines."""
    if not templates:
        return []
    DEPLOYED.mkdir(parents=True, exist_ok=True)
    files = []
    for name, template in templates.items():
        files.append(DEPLOYED / f"{name}.json")
        files[-1].write_text(json.dumps(template, indent=1))
    command = [f"{lints}/bin/cfn-lint", "--format", "parseable", *map(str, files)]
    output = subprocess.run(command, stdout=subprocess.PIPE, text=True)
    return [line for line in output.stdout.splitlines() if line.startswith(str(DEPLOYED))]


def problems(lints, templates, machines):
    """All problems, and what was checked. cfn-lint is slow, so it gets only what is otherwise right."""
    found, count = [], 0
    for name, template in templates.items():
        count += sum(1 for _ in statements.statements(template["Resources"]))
        found += [f"{name}: {problem}" for problem in statements.problems(template)]
    more, parsed = expressions.problems(machines, f"{lints}/node_modules")
    found = found + more or linted(lints, templates)
    return found, f"{len(templates)} templates, {count} statements, {len(machines)} definitions with {parsed}"


def prove(lints, templates, machines):
    """Makes each mistake in turn, and expects it to be found."""

    def changed(value, old, new):
        text = json.dumps(value)
        assert old in text, f"{old} is there to be changed"
        return json.loads(text.replace(old, new))

    hub = {"template-all": templates["template-all"]}
    enabling = machines["enable-encryption"]
    mistakes = {
        "a misspelt action": (changed(hub, '"iam:GetRole"', '"iam:GetRoles"'), {}, "no action iam:GetRoles"),
        "a condition key that no request carries": (
            changed(hub, "aws:RequestTag/atlas-cmk:managed-by", "kms:RequestTag/atlas-cmk:managed-by"),
            {},
            "never carry kms:RequestTag",
        ),
        "a SourceArn without a region": (
            changed(hub, "arn:aws:sns:us-east-1:111122223333:aft-*", "arn:aws:sns:*:111122223333:aft-*"),
            {},
            "E3031",
        ),
        "a state of a type that the language does not have": (
            changed(hub, '"Type": "Choice"', '"Type": "Choose"'),
            {},
            "E3601",
        ),
        "a condition that is no boolean": (
            {},
            {"enable-encryption": changed(enabling, "$addKeyStatements = true", "$addKeyStatements")},
            "may be no boolean",
        ),
        "an expression that does not parse": (
            {},
            {"enable-encryption": changed(enabling, "$count($findings) > 0", "$count($findings) > ")},
            "Unexpected end of expression",
        ),
    }
    for mistake, (templates, machines, expected) in mistakes.items():
        found, _ = problems(lints, templates, machines)
        if not any(expected in it for it in found):
            raise SystemExit(f"{mistake} is not found: {found}")
        print(f"found: {mistake}")


def main(infra, lints, *options):
    """Checks everything; the exit code says whether something is wrong."""
    # The transformation of SAM wants a Region.
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    samples = json.loads(Path(__file__).with_name("parameters.json").read_text())
    templates, machines = dict(resolve.variants(infra, samples)), definitions(infra)
    if "--prove" in options:
        return prove(lints, templates, machines)
    found, checked = problems(lints, templates, machines)
    print(*found, checked, sep="\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
