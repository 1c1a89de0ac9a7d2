"""AWS refuses another value under the ClientRequestToken of an existing version of a secret.

The request fails "because you can't modify a secret version". Source: AWS Secrets Manager API Reference,
PutSecretValue, `ClientRequestToken`,
https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html

MiniStack 1.5.33 replaces the value.
"""

import threading

import support


def apply():
    """Compare the value with that of an existing version before it is stored."""
    from ministack.core.responses import error_response_json
    from ministack.services import secretsmanager

    put_secret_value = support.original(secretsmanager, "_put_secret_value", "(data)")
    # Of two callers that write the same version at the same time, the second must find the value of the first.
    lock = threading.Lock()

    def put_once(data):
        with lock:
            _, secret = secretsmanager._resolve(data.get("SecretId"))
            version = (secret or {}).get("Versions", {}).get(data.get("ClientRequestToken"))
            if version and version["SecretString"] != data.get("SecretString"):
                return error_response_json(
                    "ResourceExistsException", "A version with this ClientRequestToken already exists.", 400
                )
            return put_secret_value(data)

    secretsmanager._put_secret_value = put_once
