"""AWS authorizes calls that name a key by its alias, and the creation of aliases, on the key.

An alias in the Resource element of a policy applies to the alias, not to the key. Sources: AWS KMS Developer Guide,
"Use aliases to control access to KMS keys",
https://docs.aws.amazon.com/kms/latest/developerguide/alias-authorization.html, and "Controlling access to aliases",
https://docs.aws.amazon.com/kms/latest/developerguide/alias-access.html

MiniStack 1.5.33 authorizes the former on the alias, and the latter on everything. This patch authorizes the creation of
an alias on the key only, whereas AWS also authorizes it on the alias.
"""

import json

import support


def apply():
    """Report the ARN of the key for calls that name an alias."""
    from ministack.core import iam_actions
    from ministack.services import kms

    extract = support.original(iam_actions, "extract_resource_arn", support.EXTRACT_RESOURCE_ARN)

    def extract_resource_arn(service, method, path, headers, body, query_params, region, account_id):
        if service == "kms" and body[:1] == b"{":
            request = json.loads(body)
            name = request.get("TargetKeyId") or request.get("KeyId") or ""
            if request.get("TargetKeyId") or name.startswith("alias/"):
                key = kms._resolve_key(name)
                return key["Arn"] if key else f"arn:aws:kms:{region}:{account_id}:key/of-no-alias"
        return extract(service, method, path, headers, body, query_params, region, account_id)

    iam_actions.extract_resource_arn = extract_resource_arn
