"""A caller has permissions on the parameters of one path."""

from tests import engines, probes


class ParameterPathResourcesTest(probes.RequestTest):
    unpatched = ("AccessDeniedException", "AccessDeniedException")
    patched = ("done", "AccessDeniedException")

    def probe(self, engine):
        account = engines.new_account()
        on_path = engines.allow("ssm:GetParametersByPath", f"arn:aws:ssm:*:{account}:parameter/mine*")
        get = engine.client("ssm", engine.session(account, on_path)).get_parameters_by_path
        return engines.outcome(get, Path="/mine"), engines.outcome(get, Path="/yours")
