"""A session of a role makes a call that it is allowed, and one that it is not."""

import json
from pathlib import Path

from tests import engines, probes


class RecordedAuthorizationsTest(probes.RequestTest):
    unpatched = []
    patched = ["kms:ListKeys"]

    def probe(self, engine):
        account = engines.new_account()
        kms = engine.client("kms", engine.session(account, engines.allow("kms:ListKeys"), name="recorded"))
        engines.outcome(kms.list_keys)
        engines.outcome(kms.list_aliases)
        file = Path(engine.folder, "authorizations.jsonl")
        lines = file.read_text().splitlines() if file.exists() else []
        return [used["action"] for used in map(json.loads, lines) if used["role"] == "recorded"]
