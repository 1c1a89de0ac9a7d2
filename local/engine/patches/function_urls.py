"""AWS calls a function by a URL with AWS_IAM for principals who may do lambda:InvokeFunctionUrl and InvokeFunction.

The latter is authorized with lambda:InvokedViaFunctionUrl. A principal of another account needs both in the policy of
the function, too. The others get 403. The event says who signed. Sources: AWS Lambda Developer Guide, "Control access
to Lambda function URLs", https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html; "Invoking Lambda function URLs",
https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html

MiniStack 1.5.33 verifies signatures, but asks for the former only, and for no policy of the function; refuses with the
errors of the API; and does not say in the event who signed.
"""

import support

URL = "lambda:InvokeFunctionUrl"
VIA_URL = ("lambda:InvokeFunction", {"lambda:InvokedViaFunctionUrl": "true"})


def forbidden():
    """Return the answer to somebody who may not call a URL."""
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": "AccessDeniedException"}
    return 403, headers, b'{"Message":"Forbidden"}'


def apply():
    """Authorize both actions, ask the policy of a function of another account, and add the caller to the event."""
    from ministack import app
    from ministack.core import iam_evaluator, responses, router
    from ministack.services import apigateway, lambda_svc

    enforce = support.original(
        app,
        "_enforce_data_plane",
        "(service, iam_action, headers, query_params, request_id, resource_arn='*', service_context=None, "
        "auth_error_response=None, named_resource='')",
    )
    build_event = support.original(
        lambda_svc,
        "_build_function_url_event",
        "(url_id, account_id, region, method, path, headers, body, query_params, source_ip='127.0.0.1', "
        "anonymous=False, trace_root='')",
    )
    identity_of = support.original(apigateway, "_iam_caller_identity_v2", "(headers, query_params)")

    def allowed_by_function(principal, arn, action, context):
        """Whether the policy of a function allows an action to a principal of another account."""
        _, _, _, region, owner, _, name, *_ = arn.split(":")
        function = lambda_svc._functions.get_scoped(owner, region, name) or {}
        request = iam_evaluator.EvalContext(
            principal_arn=principal.arn,
            principal_type=principal.type,
            principal_account=principal.account,
            action=action,
            resource_arn=arn,
            region=region,
            service_context={key.lower(): value for key, value in context.items()},
            principal_keys=principal.keys,
        )
        return iam_evaluator.evaluate_resource_policy(function.get("policy"), request).decision == "Allow"

    def enforce_both(service, iam_action, headers, query_params, *more, **named):
        of_url = named.get("service_context") or {}
        if iam_action != URL or of_url.get("lambda:FunctionUrlAuthType") != "AWS_IAM":
            return enforce(service, iam_action, headers, query_params, *more, **named)
        checks = ((URL, of_url), VIA_URL)
        for action, context in checks:
            if enforce(service, action, headers, query_params, *more, **{**named, "service_context": context}):
                return forbidden()
        function, key = named["resource_arn"], router.extract_access_key_id(headers, query_params)
        principal = iam_evaluator.resolve_principal(key, responses.get_account_id())
        is_own = principal.account == function.split(":")[4]
        if is_own or all(allowed_by_function(principal, function, *check) for check in checks):
            return None
        return forbidden()

    def event_with_signer(url_id, account_id, region, method, path, headers, body, query_params, **more):
        event = build_event(url_id, account_id, region, method, path, headers, body, query_params, **more)
        if not more.get("anonymous"):
            signer = {"cognitoIdentity": None, **identity_of(headers, query_params)}
            event["requestContext"]["authorizer"] = {"iam": signer}
        return event

    app._enforce_data_plane = enforce_both
    lambda_svc._build_function_url_event = event_with_signer
