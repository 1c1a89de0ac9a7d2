"""Engines for the probes, with any selection of patches, and what probes create in them."""

import atexit
import functools
import io
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import zipfile
from pathlib import Path

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

FOLDER = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
PATIENCE = 30
SDK = boto3.session.Session()
# Proxies of the environment do not lead to this machine.
DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
# MiniStack takes an access key of 12 digits for the root of that account.
ACCOUNTS = itertools.count(100000000001)


def environment(port, folder):
    """Return the environment of an engine, as in local/src/engine.rs."""
    return {
        "PATH": os.environ.get("PATH", ""),
        "PYTHONPATH": str(FOLDER),
        "PYTHONDONTWRITEBYTECODE": "1",
        "AUTH": "true",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_REGION": REGION,
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_HOST": "127.0.0.1",
        "DOCKER_HOST": "unix:///nonexistent",
        "GATEWAY_PORT": str(port),
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "CLOUDTRAIL_RECORDING": "1",
        "SFN_WAIT_SCALE": "0.01",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.01",
        **dict.fromkeys(("HOME", "TMPDIR", "STATE_DIR", "S3_DATA_DIR"), folder),
    }


def free_port():
    """Return a port that is free at this moment."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def run_in_process(selected, script):
    """Run a script in a process that has applied the selected patches, and return what it prints."""
    with tempfile.TemporaryDirectory() as folder:
        process = subprocess.run(
            [sys.executable, "-c", f"import patches; patches.apply({selected!r})\n{script}"],
            cwd=folder,
            env=environment(free_port(), folder),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )
    if process.returncode != 0:
        raise RuntimeError(process.stderr)
    return process.stdout.strip()


def wait_for(check, seconds=PATIENCE):
    """Return the first true value of a check, or its last value once the time is over."""
    ends = time.monotonic() + seconds
    while not (found := check()) and time.monotonic() < ends:
        time.sleep(0.05)
    return found


def outcome(call, **arguments):
    """Return "done", or the code of the error that a call returns."""
    try:
        call(**arguments)
    except ClientError as error:
        return error.response["Error"]["Code"]
    return "done"


def allow(action, resource="*", **more):
    """Return a statement of an identity policy."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def document(*statements):
    """Return a policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


class Engine:
    """A running engine. It ends when its standard input closes, and therefore with this process."""

    def __init__(self, selected):
        self.port = free_port()
        self.folder = folder = tempfile.mkdtemp(prefix="atlas-cmk-engine-")
        log = Path(folder, "engine.log")
        with log.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", f"import run; run.main({selected!r})", folder],
                cwd=folder,
                env=environment(self.port, folder),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
        atexit.register(self.end)
        if not wait_for(self.answers, 60) or self.process.poll() is not None:
            raise RuntimeError(f"the engine did not start:\n{log.read_text()}")

    def answers(self):
        """Whether the engine answers, or has ended."""
        try:
            DIRECT.open(f"http://127.0.0.1:{self.port}/_ministack/health", timeout=5).close()
        except (urllib.error.URLError, OSError):
            return self.process.poll() is not None
        return True

    def end(self):
        """Close the standard input, and wait until the engine has ended."""
        atexit.unregister(self.end)
        self.process.stdin.close()
        self.process.wait(timeout=20)

    def client(self, service, caller, region=REGION):
        """Return a client of a service. The caller is an account, for its root, or the credentials of a session."""
        key, secret, token = (caller, "root", None) if isinstance(caller, str) else caller
        return SDK.client(
            service,
            region_name=region,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id=key,
            aws_secret_access_key=secret,
            aws_session_token=token,
            config=Config(proxies={}, retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}),
        )

    def role(self, account, *statements, name="caller", path="/"):
        """Create a role with these permissions. Return its ARN."""
        iam = self.client("iam", account)
        trust = {
            "Effect": "Allow",
            "Principal": {"AWS": account, "Service": ["lambda.amazonaws.com", "states.amazonaws.com"]},
            "Action": "sts:AssumeRole",
        }
        role = iam.create_role(RoleName=name, Path=path, AssumeRolePolicyDocument=document(trust))["Role"]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="probe", PolicyDocument=document(*statements))
        return role["Arn"]

    def session(self, account, *statements, **more):
        """Create a role with these permissions. Return the credentials of a session of it."""
        role = self.role(account, *statements, **more)
        credentials = self.client("sts", account).assume_role(RoleArn=role, RoleSessionName="probe")["Credentials"]
        return credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"]

    def function(self, account, source, name="probe"):
        """Create a function in Python. Return its ARN."""
        created = self.client("lambda", account).create_function(
            FunctionName=name,
            Runtime="python3.12",
            Handler="index.handler",
            Role=self.role(account, name=f"{name}-function"),
            Code={"ZipFile": package(source)},
        )
        return created["FunctionArn"]

    def execute(self, account, states, permissions=None, name="probe"):
        """Run a state machine that uses JSONata, and return the description of the execution once it has ended.

        Its role may do everything unless permissions are given.
        """
        client = self.client("stepfunctions", account)
        machine = client.create_state_machine(
            name=name,
            definition=json.dumps({"QueryLanguage": "JSONata", "StartAt": next(iter(states)), "States": states}),
            roleArn=self.role(account, permissions or allow("*"), name=f"{name}-machine"),
        )
        execution = client.start_execution(stateMachineArn=machine["stateMachineArn"], input="{}")["executionArn"]

        def ended():
            described = client.describe_execution(executionArn=execution)
            return described if described["status"] != "RUNNING" else None

        return wait_for(ended)

    def deploy(self, account, template, name="probe", region=REGION):
        """Create a stack, and return its description once CloudFormation has finished."""
        client = self.client("cloudformation", account, region)
        body = json.dumps(template)
        client.create_stack(StackName=name, TemplateBody=body, Capabilities=["CAPABILITY_IAM"])

        def finished():
            stack = client.describe_stacks(StackName=name)["Stacks"][0]
            return None if stack["StackStatus"].endswith("IN_PROGRESS") else stack

        return wait_for(finished)

    def queue(self, account, name="probe", region=REGION):
        """Create a queue. Return its ARN."""
        self.client("sqs", account, region).create_queue(QueueName=name)
        return f"arn:aws:sqs:{region}:{account}:{name}"

    def messages(self, queue, seconds=PATIENCE):
        """Return the messages of a queue once it has some, or none after a time."""
        _, _, _, region, account, name = queue.split(":")
        client = self.client("sqs", account, region)
        url = client.get_queue_url(QueueName=name)["QueueUrl"]

        def receive():
            received = client.receive_message(
                QueueUrl=url, MaxNumberOfMessages=10, MessageAttributeNames=["All"], VisibilityTimeout=0
            )
            return received.get("Messages", [])

        return wait_for(receive, seconds)

    def rule(self, account, target, pattern=None, bus="default", region=REGION):
        """Create a rule with one target."""
        client = self.client("events", account, region)
        pattern = json.dumps(pattern or {"source": ["probe"]})
        client.put_rule(Name="probe", EventBusName=bus, EventPattern=pattern)
        client.put_targets(Rule="probe", EventBusName=bus, Targets=[{"Id": "1", **target}])

    def put_event(self, account, source="probe"):
        """Put an event on the default bus."""
        entry = {"Source": source, "DetailType": "Probe", "Detail": "{}"}
        return self.client("events", account).put_events(Entries=[entry])


def package(source):
    """Return the ZIP file of a function in Python."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("index.py", source)
    return content.getvalue()


def new_account():
    """Return the id of an account that no other probe uses."""
    return str(next(ACCOUNTS))


@functools.cache
def shared(selected):
    """Return an engine that many probes use."""
    return Engine(selected)
