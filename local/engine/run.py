"""Runs MiniStack for as long as the process that started it lives: `run.py FOLDER`, started by local/src/engine.rs.

That process holds the other end of our standard input. When it ends, for whatever reason, the pipe closes, and this script
kills its own process group (engine and functions) and removes FOLDER, in which they worked. So it refuses to run unless both
were made for it.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time

KEY_ID_TAG = "local:key-id"
JOINED_TAG = "local:joined-hours-ago"


def own_folder():
    """The folder that was made for this engine. Refuses to run in any other, or in a process group that somebody else is in."""
    folder = os.path.realpath(sys.argv[1]) if len(sys.argv) == 2 else ""
    is_own = os.path.basename(folder).startswith("atlas-cmk-engine-") and folder == os.path.realpath(os.getcwd())
    if not is_own or os.getpgrp() != os.getpid():
        sys.exit(
            "run.py removes the folder it works in and kills its process group when its standard input closes, so it runs only in an "
            "atlas-cmk-engine-* folder and a process group of its own; start it with `cargo local up` or `cargo demo`"
        )
    return folder


def end_with_parent(folder):
    def watch():
        while sys.stdin.buffer.read(4096):
            pass
        shutil.rmtree(folder, ignore_errors=True)
        os.killpg(0, signal.SIGKILL)

    threading.Thread(target=watch, daemon=True).start()


def let_keys_choose_their_ids():
    """AWS gives keys random ids. Here a tag may choose one, so that the ids in events/ are real on this machine."""
    from ministack.services import kms

    create_key, new_uuid, lock = kms._create_key, kms.new_uuid, threading.Lock()

    def create_key_with_id(data):
        wanted = next((tag["TagValue"] for tag in data.get("Tags", []) if tag.get("TagKey") == KEY_ID_TAG), None)
        with lock:
            if wanted is not None:
                kms.new_uuid = lambda: wanted
            try:
                return create_key(data)
            finally:
                kms.new_uuid = new_uuid

    kms._create_key = create_key_with_id


def let_accounts_choose_when_they_joined():
    """On AWS an account has been in its organization for a while. Here a tag may say for how many hours."""
    from ministack.services import organizations

    create_account = organizations._create_account

    def create_account_in_the_past(payload):
        answer = create_account(payload)
        hours = next((tag["Value"] for tag in payload.get("Tags", []) if tag.get("Key") == JOINED_TAG), None)
        if hours is not None:
            account = json.loads(answer[2])["CreateAccountStatus"]["AccountId"]
            organizations._accounts[account]["JoinedTimestamp"] -= int(hours) * 3600
        return answer

    organizations._create_account = create_account_in_the_past
    organizations._DISPATCH["CreateAccount"] = create_account_in_the_past


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
        # Loopback is as good as TLS: nothing of it leaves the machine.
        if key.lower() == "aws:securetransport":
            return "true"
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
    them on the principal, making a managed policy on its ARN to be, listing parameters on their path, and looking up an account or a unit on that. MiniStack 1.5.33 looks for permissions on the
    alias, and on everything."""
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
        if service == "organizations" and body[:1] == b"{":
            asked = json.loads(body)
            child = asked.get("AccountId") or asked.get("ChildId") or asked.get("OrganizationalUnitId")
            if child:
                kind = "ou" if child.startswith("ou-") else "account"
                return f"arn:aws:organizations::{account_id}:{kind}/o-local/{child}"
        if service == "ssm" and headers.get("x-amz-target", "").endswith(".GetParametersByPath"):
            path = json.loads(body)["Path"].strip("/")
            return f"arn:aws:ssm:{region}:{account_id}:parameter/{path}"
        if service == "iam" and "SimulatePrincipalPolicy" in query_params.get("Action", []):
            return query_params["PolicySourceArn"][0]
        if service == "iam" and "CreatePolicy" in query_params.get("Action", []):
            path, name = query_params.get("Path", ["/"])[0], query_params["PolicyName"][0]
            return f"arn:aws:iam::{account_id}:policy{path}{name}"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource


def wait_for_answers_as_steps_do():
    """On AWS, a task that waits for an answer fails at once if the function that asks for it fails, and its TimeoutSeconds may be an expression.
    MiniStack 1.5.33 waits on, and takes no expression. Waiting for an answer is compressed here like all other waiting."""
    from ministack.services import stepfunctions

    execute, invoke, call = (
        stepfunctions._execute_task,
        stepfunctions._invoke_with_callback,
        stepfunctions._call_lambda,
    )
    asking = threading.local()

    def execute_task(state, raw_input, execution, ctx):
        if "waitForTaskToken" in state.get("Resource", "") and isinstance(state.get("TimeoutSeconds"), str):
            seconds = stepfunctions._jsonata_state_field(state, "TimeoutSeconds", "number", raw_input, ctx)
            state = {**state, "TimeoutSeconds": seconds * stepfunctions._SFN_WAIT_SCALE}
        return execute(state, raw_input, execution, ctx)

    def invoke_with_callback(resource, input_data, token, state):
        asking.token = token
        try:
            return invoke(resource, input_data, token, state)
        finally:
            asking.token = None

    def call_lambda(function, event):
        try:
            return call(function, event)
        except stepfunctions._ExecutionError as error:
            waiting = stepfunctions._task_tokens.get(getattr(asking, "token", None))
            if waiting:
                waiting["error"] = {"Error": error.error, "Cause": error.cause}
                waiting["event"].set()
            raise

    stepfunctions._execute_task = execute_task
    stepfunctions._invoke_with_callback = invoke_with_callback
    stepfunctions._call_lambda = call_lambda


def show_conditions_the_policy_that_is_attached():
    """On AWS, iam:PolicyARN is the ARN of the managed policy that is attached or detached. MiniStack 1.5.33 has no such condition key."""
    from ministack.core import iam_actions

    request_tag_context = iam_actions.request_tag_context

    def context_with_policy(service, iam_action, body, params):
        context = request_tag_context(service, iam_action, body, params)
        if iam_action in ("iam:AttachRolePolicy", "iam:DetachRolePolicy"):
            arn = params.get("PolicyArn", "")
            context["iam:policyarn"] = arn[0] if isinstance(arn, list) else arn
        return context

    iam_actions.request_tag_context = context_with_policy


def show_conditions_the_tags_of_policies():
    """On AWS, aws:ResourceTag knows the tags of managed policies too. MiniStack 1.5.33 knows those of users and roles."""
    from ministack.services import iam, tagging

    collect = tagging._RESOURCE_TAG_COLLECTORS["iam"]

    def collect_with_policies():
        yield from collect()
        for policy in list(iam._policies.values()):
            yield policy.get("Arn", ""), policy.get("Tags", [])

    tagging._RESOURCE_TAG_COLLECTORS["iam"] = collect_with_policies


def read_templates_fast():
    """A large template takes Python's own YAML parser a second and the one in C a tenth of that. MiniStack 1.5.33 takes the former."""
    import yaml
    from ministack.services.cloudformation import engine

    class Loader(yaml.CSafeLoader):
        yaml_constructors = engine.CfnLoader.yaml_constructors
        yaml_multi_constructors = engine.CfnLoader.yaml_multi_constructors
        yaml_implicit_resolvers = engine.CfnLoader.yaml_implicit_resolvers

    engine.CfnLoader = Loader


def let_conditions_know_where_they_are():
    """On AWS a condition of a template may ask for the region and look into mappings. MiniStack 1.5.33 takes such a question for its answer."""
    from ministack.core.responses import get_account_id, get_region
    from ministack.services.cloudformation import changesets, engine, handlers, stacks

    evaluate = engine._evaluate_conditions

    def answered(expression, mappings):
        if isinstance(expression, list):
            return [answered(item, mappings) for item in expression]
        if not isinstance(expression, dict):
            return expression
        here = {"AWS::Region": get_region(), "AWS::Partition": "aws", "AWS::AccountId": get_account_id()}
        if expression.get("Ref") in here:
            return here[expression["Ref"]]
        expression = {key: answered(value, mappings) for key, value in expression.items()}
        if "Fn::FindInMap" in expression:
            name, first, second = expression["Fn::FindInMap"]
            return mappings[name][first][second]
        return expression

    def evaluate_here(template, params):
        conditions = answered(template.get("Conditions", {}), template.get("Mappings", {}))
        return evaluate({**template, "Conditions": conditions}, params)

    # Each of these has it by its name.
    for module in (changesets, engine, handlers, stacks):
        module._evaluate_conditions = evaluate_here


def end_functions_that_are_deleted():
    """On AWS a function that is deleted runs no more. MiniStack 1.5.33 lets one that CloudFormation deletes run on."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    def watch():
        while True:
            time.sleep(2)
            for worker in list(lambda_runtime._workers):
                account, region, name = worker.split(":")[:3]
                if not lambda_svc._functions.contains_scoped(account, region, name):
                    lambda_runtime.invalidate_worker(name, account=account, region=region)

    threading.Thread(target=watch, daemon=True).start()


def let_every_account_deploy_from_a_bucket():
    """On AWS the name of a bucket means the same to every account, and code that lies in one can be deployed in another. MiniStack 1.5.33 looks in
    the account that deploys only."""
    from ministack.services import s3

    get_object_data = s3._get_object_data

    def get_from_any_account(bucket, key, version_id=None):
        found = get_object_data(bucket, key, version_id=version_id)
        owners = (content for (_, name), content in list(s3._buckets._data.items()) if name == bucket)
        for content in owners if found is None else ():
            stored = content["objects"].get(key)
            if stored is not None:
                return s3._read_body(bucket, key, stored)
        return found

    s3._get_object_data = get_from_any_account


def let_functions_start_at_the_same_time():
    """On AWS functions start independently. MiniStack 1.5.33 walks through all sessions each time one of them gets its own, and fails the function if
    another one gets its own meanwhile."""
    from ministack.services import sts

    register, lock = sts.register_session, threading.Lock()

    def register_one_at_a_time(access_key, session):
        with lock:
            register(access_key, session)

    sts.register_session = register_one_at_a_time


end_with_parent(own_folder())

import events  # noqa: E402
import strict  # noqa: E402

let_functions_start_at_the_same_time()
let_every_account_deploy_from_a_bucket()
show_conditions_the_policy_that_is_attached()
show_conditions_the_tags_of_policies()
read_templates_fast()
let_conditions_know_where_they_are()
end_functions_that_are_deleted()
wait_for_answers_as_steps_do()
show_conditions_the_role_of_a_session()
let_keys_choose_their_ids()
let_accounts_choose_when_they_joined()
write_versions_of_secrets_once()
authorize_by_resource()
events.install()
strict.install()
sys.argv = ["ministack"]
from ministack.app import main  # noqa: E402

main()
