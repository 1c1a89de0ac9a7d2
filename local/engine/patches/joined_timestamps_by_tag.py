"""On AWS, accounts have joined their organization at some time in the past. Here a tag may say how many hours ago.

This is no deviation of MiniStack 1.5.33, in which an account joins when it is created: with the tag, the sweep for
missed accounts has accounts of any age. Source: AWS Organizations API Reference, Account, `JoinedTimestamp`,
https://docs.aws.amazon.com/organizations/latest/APIReference/API_Account.html
"""

import json

import support

JOINED_TAG = "local:joined-hours-ago"


def apply():
    """Move JoinedTimestamp of a new account back by the hours in its tag."""
    from ministack.services import organizations

    create_account = support.original(organizations, "_create_account", "(payload)")

    def create_account_in_the_past(payload):
        answer = create_account(payload)
        hours = next((tag["Value"] for tag in payload.get("Tags", []) if tag.get("Key") == JOINED_TAG), None)
        if hours is not None:
            account = json.loads(answer[2])["CreateAccountStatus"]["AccountId"]
            organizations._accounts[account]["JoinedTimestamp"] -= int(hours) * 3600
        return answer

    support.entry(organizations._DISPATCH, "CreateAccount", "organizations._DISPATCH")
    organizations._create_account = create_account_in_the_past
    organizations._DISPATCH["CreateAccount"] = create_account_in_the_past
