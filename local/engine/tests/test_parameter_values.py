"""The value of a parameter has double braces."""

from tests import engines, probes


class ParameterValuesTest(probes.RequestTest):
    unpatched = ("done", "done")
    patched = ("ValidationException", "done")

    def probe(self, engine):
        put = engine.client("ssm", engines.new_account()).put_parameter

        def outcome(name, value):
            return engines.outcome(put, Name=name, Value=value, Type="String")

        return outcome("nested", "a {{ssm:other}}"), outcome("plain", "a {b}")
