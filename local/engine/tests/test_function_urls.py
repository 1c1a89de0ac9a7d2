"""Callers with both permissions, one, or none, of the account of a function URL and of another, call it.

A call goes to the address of the engine, with the host of the URL in the header Host, which is signed like the rest,
for the service `lambda`. The path /_aws/lambda-url/<id of the URL>/ of the engine is the same, with any host.
"""

import json
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests import engines, probes

SOURCE = """
def handler(event, context):
    signer = event["requestContext"].get("authorizer", {}).get("iam", {})
    return {"statusCode": 201, "body": signer.get("userArn", "nobody")}
"""
URL, FUNCTION = "lambda:InvokeFunctionUrl", "lambda:InvokeFunction"
VIA_URL = {"Bool": {"lambda:InvokedViaFunctionUrl": "true"}}
FORBIDDEN = (403, "Forbidden")
ANOTHER_ERROR = (403, "another error")


def call(engine, host, credentials):
    """Post to a function URL. Return the status, and the body or what is wrong."""
    request = AWSRequest("POST", f"http://127.0.0.1:{engine.port}/path?q=1", data=b"{}", headers={"Host": host})
    if credentials:
        SigV4Auth(Credentials(*credentials), "lambda", engines.REGION).add_auth(request)
    sent = urllib.request.Request(request.url, request.data, dict(request.headers), method=request.method)
    try:
        with engines.DIRECT.open(sent) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, json.load(refused).get("Message", "another error")


class FunctionUrlsTest(probes.RequestTest):
    unpatched = (FORBIDDEN, *[ANOTHER_ERROR] * 3, *[(201, "nobody")] * 5)
    patched = (*[FORBIDDEN] * 7, *[(201, "the caller")] * 2)

    def probe(self, engine):
        own, other = engines.new_account(), engines.new_account()
        engine.function(own, SOURCE)
        function = engine.client("lambda", own)
        url = function.create_function_url_config(FunctionName="probe", AuthType="AWS_IAM")["FunctionUrl"]
        for action, condition in (URL, {"FunctionUrlAuthType": "AWS_IAM"}), (FUNCTION, {"InvokedViaFunctionUrl": True}):
            statement = {"StatementId": action[7:], "Action": action, "Principal": f"arn:aws:iam::{other}:role/named"}
            function.add_permission(FunctionName="probe", **statement, **condition)
        both = (engines.allow(URL), engines.allow(FUNCTION, Condition=VIA_URL))
        caller = engine.session(own, *both, name="both")

        def called(credentials):
            status, body = call(engine, url.split("/")[2], credentials)
            if status == 201 and body == engine.client("sts", credentials).get_caller_identity()["Arn"]:
                body = "the caller"
            return status, body

        return (
            called(None),
            called(("AKIAUNKNOWN", "unknown", None)),
            called((caller[0], "another secret", caller[2])),
            called(engine.session(own, engines.allow("s3:*"), name="neither")),
            called(engine.session(own, engines.allow(URL), name="one")),
            called((other, "root", None)),
            called(engine.session(other, *both, name="stranger")),
            called(caller),
            called(engine.session(other, *both, name="named")),
        )
