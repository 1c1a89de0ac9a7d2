"""Runs MiniStack for as long as the process that started it lives.

That process holds the other end of our standard input. When it goes, however it goes, the pipe closes and the whole
process group, engine and functions, goes with it, and so does the folder it worked in.
"""

import json
import os
import shutil
import signal
import sys
import threading

KEY_ID_TAG = "local:key-id"


def end_with_parent():
    def watch():
        while sys.stdin.buffer.read(4096):
            pass
        shutil.rmtree(os.getcwd(), ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def let_keys_choose_their_ids():
    """AWS gives keys random ids. Here a tag may choose one, so that the ids in events/ are real on this machine."""
    from ministack.services import kms

    create_key, new_uuid, lock = kms._create_key, kms.new_uuid, threading.Lock()

    def create_key_with_id(data):
        wanted = next((tag["TagValue"] for tag in data.get("Tags", []) if tag.get("TagKey") == KEY_ID_TAG), None)
        if wanted is None:
            return create_key(data)
        with lock:
            kms.new_uuid = lambda: wanted
            try:
                return create_key(data)
            finally:
                kms.new_uuid = new_uuid

    kms._create_key = create_key_with_id


def show_conditions_the_role_of_a_session():
    """On AWS, aws:PrincipalArn is the ARN of the role, with its path. MiniStack 1.5.33 has that of the session there."""
    from ministack.core import iam_evaluator
    from ministack.services import iam

    resolve = iam_evaluator._resolve_condition_key

    def resolve_principal(key, context):
        if key.lower() == "aws:principalarn" and ":assumed-role/" in context.principal_arn:
            name = context.principal_arn.split("/")[1]
            role = iam._roles.get_scoped(context.principal_account, None, name)
            return role["Arn"] if role else context.principal_arn
        return resolve(key, context)

    iam_evaluator._resolve_condition_key = resolve_principal


def write_versions_of_secrets_once():
    """On AWS a version of a secret is written once: another value under its id is refused. MiniStack 1.5.33 replaces it."""
    from ministack.core.responses import error_response_json
    from ministack.services import secretsmanager

    put_secret_value, lock = secretsmanager._put_secret_value, threading.Lock()

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


def authorize_by_resource():
    """On AWS, what is asked of a key by its alias takes permissions on the key, and so does giving it an alias; asking the simulator of IAM takes
    them on the principal. MiniStack 1.5.33 looks for permissions on the alias, and on everything."""
    from ministack.core import iam_actions
    from ministack.services import kms

    extract = iam_actions.extract_resource_arn

    def extract_resource(service, method, path, headers, body, query_params, region, account_id):
        if service == "kms" and body[:1] == b"{":
            asked = json.loads(body)
            name = asked.get("TargetKeyId") or asked.get("KeyId") or ""
            if asked.get("TargetKeyId") or name.startswith("alias/"):
                key = kms._resolve_key(name)
                return key["Arn"] if key else f"arn:aws:kms:{region}:{account_id}:key/of-no-alias"
        if service == "iam" and "SimulatePrincipalPolicy" in query_params.get("Action", []):
            return query_params["PolicySourceArn"][0]
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource


end_with_parent()
show_conditions_the_role_of_a_session()
let_keys_choose_their_ids()
write_versions_of_secrets_once()
authorize_by_resource()
sys.argv = ["ministack"]
from ministack.app import main  # noqa: E402

main()
