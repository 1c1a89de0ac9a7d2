"""Parameters of several sizes are put, and a page of many parameters is asked for."""

from tests import engines, probes

REFUSED = "ValidationException"


class ParameterLimitsTest(probes.RequestTest):
    unpatched = ("done",) * 5
    patched = ("done", REFUSED, "done", REFUSED, REFUSED)

    def probe(self, engine):
        ssm = engine.client("ssm", engines.new_account())

        def put(size, tier):
            return engines.outcome(
                ssm.put_parameter, Name="/probe", Value="x" * size, Type="String", Tier=tier, Overwrite=True
            )

        return (
            put(4096, "Standard"),
            put(4097, "Standard"),
            put(8192, "Intelligent-Tiering"),
            put(8193, "Advanced"),
            engines.outcome(ssm.get_parameters_by_path, Path="/", MaxResults=11),
        )
