//! What each function is allowed, by the name of its step: everything that its step asks of IAM, KMS, STS, Parameter Store and Step Functions.

/// The actions of a step. Every step that looks at a role or a key may have to go to another account for it.
pub(super) fn of_step(name: &str) -> Vec<&'static str> {
    [of_enabling(name), of_taking_down(name), of_access(name), of_events(name)].concat()
}

/// Of the steps that set a project up.
fn of_enabling(name: &str) -> Vec<&'static str> {
    match name {
        "preflight" | "diagnose" => vec![
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:SimulatePrincipalPolicy",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "ssm:GetParameter",
            "sts:AssumeRole",
        ],
        "plan" => vec![
            "iam:GetRole",
            "iam:GetRolePolicy",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:GetKeyRotationStatus",
            "kms:ListKeys",
            "kms:ListResourceTags",
            "ssm:GetParameter",
            "sts:AssumeRole",
        ],
        "ensure-key" => vec![
            "iam:CreateServiceLinkedRole",
            "kms:CreateAlias",
            "kms:CreateKey",
            "kms:DescribeKey",
            "kms:EnableKeyRotation",
            "kms:GetKeyRotationStatus",
            "kms:ListKeys",
            "kms:ListResourceTags",
            "kms:TagResource",
            "sts:AssumeRole",
        ],
        "replicate-key" => vec![
            "kms:CreateKey",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "kms:ReplicateKey",
            "kms:TagResource",
            "sts:AssumeRole",
        ],
        "grant-key" => vec!["kms:GetKeyPolicy", "kms:PutKeyPolicy", "sts:AssumeRole"],
        "update-trust" => vec![
            "iam:CreateRole",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:PutRolePolicy",
            "iam:TagRole",
            "iam:UpdateAssumeRolePolicy",
            "sts:AssumeRole",
        ],
        "verify" => vec!["iam:GetRole", "iam:GetRolePolicy", "sts:AssumeRole"],
        "register" => vec![
            "iam:GetRole",
            "iam:TagRole",
            "kms:DescribeKey",
            "kms:ListResourceTags",
            "kms:TagResource",
            "ssm:GetParameter",
            "ssm:PutParameter",
            "sts:AssumeRole",
        ],
        _ => vec![],
    }
}

/// Of the steps that take it down, describe it and ask.
fn of_taking_down(name: &str) -> Vec<&'static str> {
    match name {
        "plan-disable" => vec![
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "ssm:GetParameter",
            "sts:AssumeRole",
        ],
        "revoke-key" => vec![
            "kms:DescribeKey",
            "kms:GetKeyPolicy",
            "kms:ListResourceTags",
            "kms:PutKeyPolicy",
            "kms:UntagResource",
            "sts:AssumeRole",
        ],
        "remove-trust" => vec![
            "iam:DeleteRole",
            "iam:DeleteRolePolicy",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "iam:PutRolePolicy",
            "iam:UntagRole",
            "iam:UpdateAssumeRolePolicy",
            "sts:AssumeRole",
        ],
        "unregister" => vec!["ssm:DeleteParameter", "ssm:GetParameter", "ssm:PutParameter"],
        "describe" => {
            vec!["iam:GetRole", "iam:GetRolePolicy", "kms:DescribeKey", "ssm:GetParameter", "sts:AssumeRole"]
        }
        "cancel-authorization" => vec!["ssm:GetParameter"],
        "approve" => vec!["states:SendTaskFailure", "states:SendTaskSuccess"],
        _ => vec![],
    }
}

/// Of the steps of cross-account access.
fn of_access(name: &str) -> Vec<&'static str> {
    match name {
        "plan-access" => vec![
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:GetRole",
            "iam:GetRolePolicy",
            "iam:ListAttachedRolePolicies",
            "iam:ListRolePolicies",
            "sts:AssumeRole",
        ],
        "create-access-policy" => vec![
            "iam:CreatePolicy",
            "iam:CreatePolicyVersion",
            "iam:DeletePolicy",
            "iam:DeletePolicyVersion",
            "iam:GetPolicy",
            "iam:GetPolicyVersion",
            "iam:ListPolicyVersions",
            "iam:TagPolicy",
            "sts:AssumeRole",
        ],
        "attach-access-policy" => vec![
            "iam:AttachRolePolicy",
            "iam:DetachRolePolicy",
            "iam:GetRole",
            "iam:ListAttachedRolePolicies",
            "sts:AssumeRole",
        ],
        "verify-access" => vec!["iam:GetRole", "iam:SimulatePrincipalPolicy", "sts:AssumeRole"],
        _ => vec![],
    }
}

/// Of the steps that follow from events.
fn of_events(name: &str) -> Vec<&'static str> {
    match name {
        "on-account-vended" => vec![
            "organizations:DescribeAccount",
            "organizations:DescribeOrganizationalUnit",
            "organizations:ListParents",
            "organizations:ListTagsForResource",
            "sqs:SendMessage",
            "ssm:GetParameter",
            "ssm:GetParametersByPath",
            "ssm:PutParameter",
            "states:StartExecution",
        ],
        "put-profile" => vec!["ssm:GetParametersByPath", "ssm:PutParameter"],
        "on-change" => vec![
            "kms:ListResourceTags",
            "sqs:SendMessage",
            "ssm:GetParametersByPath",
            "states:StartExecution",
            "sts:AssumeRole",
        ],
        "restore-key" => vec!["kms:CancelKeyDeletion", "kms:DescribeKey", "kms:EnableKey", "sts:AssumeRole"],
        "take-turn" => vec!["ssm:GetParameter", "states:DescribeExecution", "states:ListExecutions"],
        "list-projects" => vec!["ssm:GetParametersByPath"],
        "find-missed-accounts" => vec![
            "organizations:ListAccounts",
            "organizations:ListParents",
            "ssm:GetParameter",
            "ssm:GetParametersByPath",
        ],
        "check-keys" => vec!["kms:DescribeKey", "ssm:GetParametersByPath", "states:StartExecution", "sts:AssumeRole"],
        _ => vec![],
    }
}
