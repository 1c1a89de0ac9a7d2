//! What AWS refuses: the embedded cloud refuses it too, and atlas-cmk goes around it, or says what AWS said. Each test
//! fails without a rule of the engine; `local/engine/page.py` names it beside that rule.

use atlas_cmk_local::execution;
use aws_sdk_kms::types::Tag;
use aws_sdk_ssm::{error::ProvideErrorMetadata, types::ParameterType};
use serde_json::{Map, Value, json};

use crate::world::{World, administrators, assert_failed, sample, trust_of_others};

#[tokio::test]
async fn a_template_that_lets_topics_of_any_region_invoke_a_function_is_not_deployed() {
    let world = World::new().await;
    let account = [("VendingAccountId", world.hub().id.clone())];
    let any_region =
        |template: String| template.replace(":sns:${AWS::Region}:${VendingAccountId}", ":sns:*:${VendingAccountId}");
    let error = world.deploy_changed("any", any_region, &account).await.unwrap_err().to_string();
    assert!(error.contains("VendingTopicPermission"), "{error}");
}

#[tokio::test]
async fn more_secrets_than_an_event_pattern_has_room_for_are_not_deployed() {
    let world = World::new().await;
    let secret =
        |n: usize| format!("arn:aws:secretsmanager:us-east-1:{}:secret:atlas/organization-{n}-AbCdEf", world.hub().id);
    let secrets: Vec<String> = (0..50).map(secret).collect();
    let error = world.deploy_changed("many", |it| it, &[("MoreAtlasSecretArns", secrets.join(","))]).await;
    let error = error.unwrap_err().to_string();
    assert!(error.contains("at most 4096 characters"), "{error}");
}

#[tokio::test]
async fn a_condition_that_is_no_boolean_fails_the_run() {
    let world = World::new().await;
    let machine = execution::define_with(&world.cloud, "EnableEncryptionArn", "HasRegions", |state| {
        state["Choices"][0]["Condition"] = json!("{% $count($regions) %}");
    });
    let machine = machine.await.unwrap();
    let run = execution::run_machine(&world.cloud, &machine, &world.customer().input(), |_| {}).await.unwrap();
    assert_eq!(run.error.as_deref(), Some("States.QueryEvaluationError"), "{:?}", run.cause);
}

#[tokio::test]
async fn a_state_machine_does_only_what_its_role_allows() {
    let world = World::new().await;
    world.enable_successfully().await;
    world.deny(world.hub(), &world.role_of("reconcile-project"), Some("states:StartExecution")).await;
    let input = json!({"projectId": world.customer().project_id});
    let run = execution::run(&world.cloud, "ReconcileProjectArn", &input, |_| {}).await.unwrap();
    let text = format!("{:?} {:?} {:?}", run.error, run.cause, run.output);
    assert!(text.contains("states:StartExecution"), "{text}");
}

#[tokio::test]
async fn the_longest_name_of_an_execution_leaves_room_for_that_of_its_repair() {
    let world = World::new().await;
    world.enable_successfully().await;
    world.iam().delete_role_policy().role_name("atlas-cmk").policy_name("atlas-cmk").send().await.unwrap();
    let machine = world.cloud.stack.output("ReconcileProjectArn").unwrap();
    let sfn = aws_sdk_sfn::Client::new(&world.hub().sdk_config());
    let input = json!({"projectId": world.customer().project_id, "repair": true}).to_string();
    let start = async |length: usize| {
        sfn.start_execution().state_machine_arn(machine).name("n".repeat(length)).input(&input).send().await
    };
    let refused = start(81).await.map_err(aws_sdk_sfn::error::SdkError::into_service_error);
    assert!(refused.is_err_and(|error| error.is_invalid_name()), "a name has 80 characters at most");
    let started = start(80).await.unwrap();
    let run = execution::follow(&world.cloud, &started.execution_arn, |_| {}).await.unwrap();
    assert_eq!(run.output.as_ref().map(|it| &it["state"]), Some(&json!("repaired")), "{:?}", run.cause);
}

#[tokio::test]
async fn a_key_that_its_creator_could_not_change_is_not_created() {
    let world = World::with_nothing_in_one_account().await;
    world.deny(world.hub(), &world.role_of("ensure-key"), Some("kms:PutKeyPolicy")).await;
    let mut input = world.bare_input();
    input["account"] = Value::Null;
    let run = world.enable_with(&input).await;
    let cause = run.cause.unwrap_or_default();
    assert!(cause.contains("will not allow you to update the key policy"), "{:?} {cause}", run.error);
    let aliases = world.kms().list_aliases().send().await.unwrap();
    assert!(aliases.aliases().iter().all(|it| it.alias_name() != Some("alias/atlas-cmk")), "{aliases:?}");
}

#[tokio::test]
async fn a_role_whose_inline_policies_leave_no_room_is_named() {
    let world = World::new().await;
    let (role, boundary) = (&world.customer().role_name, world.customer().access_role_boundary());
    let create = world.iam().create_role().role_name(role).path("/atlas-cmk/").permissions_boundary(boundary);
    create.assume_role_policy_document(trust_of_others()).send().await.unwrap();
    let buckets: Vec<String> = (0..228).map(|n| format!("arn:aws:s3:::somebody-elses-bucket-{n:04}/*")).collect();
    let others = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": buckets}]});
    let put = world.iam().put_role_policy().role_name(role).policy_name("others");
    put.policy_document(others.to_string()).send().await.unwrap();
    let run = world.enable().await;
    assert_failed(&run, "Iam.QuotaExceeded", "update-trust", &["10240"]);
}

#[tokio::test]
async fn a_key_with_fifty_tags_is_named_before_anything_is_written() {
    let world = World::new().await;
    let tag = |n: usize| Tag::builder().tag_key(format!("tag-{n}")).tag_value("of others").build().unwrap();
    let put = async |tags: Vec<Tag>| {
        let key = world.customer().key_arn();
        world.kms().tag_resource().key_id(key).set_tags(Some(tags)).send().await
    };
    put((0..49).map(tag).collect()).await.unwrap();
    let run = world.enable().await;
    assert_failed(&run, "Iam.QuotaExceeded", "preflight", &["50 tags"]);
    assert_eq!(world.records().await, [], "nothing is written in Atlas");
    assert!(put(vec![tag(50), tag(51)]).await.is_err(), "KMS takes no tag beyond the fiftieth");
}

#[tokio::test]
async fn a_statement_that_names_a_role_to_come_is_refused_and_ours_is_not() {
    let world = World::new().await;
    let naming = json!({"Effect": "Allow", "Principal": {"AWS": world.customer().role_arn()},
        "Action": ["kms:Decrypt"], "Resource": "*"});
    let mut statements = administrators(&world).await;
    statements.as_array_mut().unwrap().push(naming);
    let policy = json!({"Version": "2012-10-17", "Statement": statements}).to_string();
    let put = world.kms().put_key_policy().key_id(world.customer().key_arn()).policy(policy).send().await;
    let refused = put.map_err(aws_sdk_kms::error::SdkError::into_service_error).unwrap_err();
    assert!(refused.is_malformed_policy_document_exception(), "{refused:?}");
    world.put_key_policy("us-east-1", administrators(&world).await).await;
    let run = world.enable().await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}

#[tokio::test]
async fn a_key_policy_that_denies_everybody_but_its_administrator_is_reported() {
    let world = World::new().await;
    let account = &world.account().id;
    let admin = format!("arn:aws:iam::{account}:user/admin");
    let mut statements = administrators(&world).await;
    statements.as_array_mut().unwrap().push(json!({"Sid": "OnlyTheAdministrator", "Effect": "Deny",
        "NotPrincipal": {"AWS": [admin, format!("arn:aws:iam::{account}:root")]},
        "Action": "kms:GetKeyPolicy", "Resource": "*"}));
    world.put_key_policy("us-east-1", statements).await;
    let run = world.enable().await;
    let cause = run.cause.unwrap_or_default();
    assert!(run.output.is_none() && cause.contains("kms:GetKeyPolicy"), "{:?} {cause}", run.error);
}

#[tokio::test]
async fn a_replica_that_kms_is_still_creating_is_waited_for() {
    let world = World::new().await;
    let mut input = world.customer().input();
    input["regions"] = json!(["us-east-1", "eu-central-1"]);
    let run = world.enable_with(&input).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
    assert!(world.failures_of(&run).await.contains(&"Kms.NotReplicated".to_owned()), "nothing was waited for");
    assert_eq!(world.enable_with(&input).await.changes(), [] as [Value; 0]);
}

#[tokio::test]
async fn an_execution_role_can_be_bound_to_its_function() {
    let world = World::new().await;
    let bind = async |function: &str| {
        let arn = format!("arn:aws:lambda:us-east-1:{}:function:{}-{function}", world.hub().id, world.customer().stack);
        let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Deny", "Action": "iam:*", "Resource": "*",
            "Condition": {"ArnNotEquals": {"lambda:SourceFunctionArn": arn}}}]});
        let put = world.iam().put_role_policy().role_name(world.role_of("preflight")).policy_name("bound");
        put.policy_document(policy.to_string()).send().await.unwrap();
    };
    bind("update-trust").await;
    assert_failed(&world.enable().await, "Account.AccessDenied", "preflight", &["iam:GetRole"]);
    bind("preflight").await;
    world.enable_successfully().await;
}

#[tokio::test]
async fn a_profile_that_parameter_store_would_refuse_is_kept_in_the_registry() {
    let world = World::new().await;
    let parameters = aws_sdk_ssm::Client::new(&world.hub().sdk_config());
    let mut profile = sample("steps/put-profile.json")["profile"].clone();
    let tags: Map<String, Value> = (0..40).map(|n| (format!("tag-{n}"), json!("a long value ".repeat(10)))).collect();
    for (field, value) in [("name", json!("{{ accountName }}")), ("accountTags", json!(tags))] {
        let value = json!({field: value}).to_string();
        let put = parameters.put_parameter().name("/profile").value(value).r#type(ParameterType::String);
        assert_eq!(put.send().await.unwrap_err().code(), Some("ValidationException"), "{field}");
    }
    profile["accountTags"] = json!(tags);
    assert!(profile.to_string().contains("{{ accountName }}"));
    let run = world.invoke("put-profile", &json!({"name": "default", "profile": profile})).await;
    assert_eq!(run.error, None, "{:?}", run.cause);
}
