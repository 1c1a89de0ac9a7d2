"""A version of a secret is written twice, with the same value and with another one."""

from tests import engines, probes

VERSION = "11111111-2222-3333-4444-555555555555"


class SecretVersionsTest(probes.RequestTest):
    unpatched = ("done", "done", "other")
    patched = ("done", "ResourceExistsException", "first")

    def probe(self, engine):
        client = engine.client("secretsmanager", engines.new_account())
        client.create_secret(Name="probe", SecretString="initial")

        def put(value):
            return engines.outcome(
                client.put_secret_value, SecretId="probe", ClientRequestToken=VERSION, SecretString=value
            )

        put("first")
        again, other = put("first"), put("other")
        return again, other, client.get_secret_value(SecretId="probe")["SecretString"]
