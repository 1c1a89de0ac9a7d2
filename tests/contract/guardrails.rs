//! The service control policy of docs/guardrails.md, evaluated as it stands there.

use atlas_cmk_tests::evaluator::{Decision, Policies, Request, decide};
use serde_json::{Value, json};

fn policy() -> Value {
    let page = atlas_cmk_tests::read("docs/guardrails.md").unwrap();
    let (_, rest) = page.split_once("```json").unwrap();
    serde_json::from_str(rest.split_once("```").unwrap().0).unwrap()
}

/// Whether somebody who may do everything may still do this.
fn may(who: &str, action: &str, resource: &str, via_url: bool) -> bool {
    let everything =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let arn = format!("arn:aws:iam::777788889999:role/{who}");
    let request = Request::new(action, resource).with("aws:PrincipalArn", &[&arn]);
    let request = if action == "lambda:InvokeFunction" {
        request.with("lambda:InvokedViaFunctionUrl", &[if via_url { "true" } else { "false" }])
    } else {
        request
    };
    let identity = [everything, policy()];
    decide(&request, &Policies { identity: &identity, boundary: None, resource: None }) == Decision::Allowed
}

#[test]
fn the_service_control_policy_leaves_changes_to_the_pipeline_and_the_steps_to_the_state_machines() {
    let function = "arn:aws:lambda:us-east-1:777788889999:function:atlas-cmk-update-trust";
    let role = "arn:aws:iam::777788889999:role/stacks/atlas-cmk/atlas-cmk-us-east-1-update-trust";
    let machine = "arn:aws:states:us-east-1:777788889999:stateMachine:atlas-cmk-disable-encryption";
    let table = "arn:aws:dynamodb:us-east-1:777788889999:table/atlas-cmk-registry";
    let secret = "arn:aws:secretsmanager:us-east-1:777788889999:secret:atlas-cmk/tokens-A1b2C3";
    let topic = "arn:aws:sns:us-east-1:777788889999:atlas-cmk-notifications";
    for (action, resource) in [
        ("lambda:UpdateFunctionCode", function),
        ("lambda:AddPermission", function),
        ("iam:PutRolePolicy", role),
        ("states:UpdateStateMachine", machine),
        ("dynamodb:DeleteResourcePolicy", table),
        ("secretsmanager:DeleteResourcePolicy", secret),
        ("sns:SetTopicAttributes", topic),
    ] {
        assert!(!may("Administrator", action, resource, false), "{action}");
        assert!(may("deployer", action, resource, false), "{action}");
    }
    for (who, via_url, allowed) in [
        ("Administrator", false, false),
        ("deployer", false, false),
        ("Approver", true, true),
        ("account-pipeline", false, true),
        ("stacks/atlas-cmk/atlas-cmk-us-east-1-enable-encryption", false, true),
    ] {
        assert_eq!(may(who, "lambda:InvokeFunction", function, via_url), allowed, "{who}");
    }
    assert!(may("Administrator", "dynamodb:PutItem", table, false), "the policy of the table decides about items");
}
