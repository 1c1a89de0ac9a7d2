//! What belongs to one account is not another's, whatever name it has, and no role becomes more than what uses keys.

use atlas_cmk_local::{Account, approver::Approver, execution, registry, seed::EXTERNAL_ID};
use serde_json::{Value, json};

use crate::attacker;
use crate::world::{World, assert_failed, diagnosis, sample, trust_of_others};

/// The event of an account that was created under the name of the first one.
fn of_the_same_name(account: &str) -> Value {
    let event = sample("vending/controltower-create-managed-account.json").to_string();
    serde_json::from_str(&event.replace("444455556666", account)).unwrap()
}

/// A profile whose project name has no account id, as it was documented once: it is in the registry already.
async fn write_profile_of_old(world: &World) {
    let mut profile = sample("steps/put-profile.json")["profile"].clone();
    profile["organizationalUnits"] = json!([]);
    profile["accountTags"] = json!({});
    profile["input"]["project"]["name"] = json!("{{ accountName }}");
    let refused = world.invoke("put-profile", &json!({"name": "default", "profile": profile})).await;
    assert_eq!(refused.error.as_deref(), Some("Input.Invalid"), "{:?}", refused.output);
    assert!(refused.cause.unwrap().contains("would share"));
    let stored = json!({"name": "default", "profile": profile, "version": 1});
    registry::put(&world.cloud.stack, "profiles", "default", &stored).await.unwrap();
}

#[tokio::test]
async fn a_second_account_of_the_same_name_does_not_take_over_the_project_of_the_first() {
    let (world, mailbox) = World::with_nothing().await.watched().await;
    write_profile_of_old(&world).await;
    let vend = async |account: &str| {
        let answer = world.invoke("on-account-vended", &of_the_same_name(account)).await.output.unwrap();
        execution::follow(&world.cloud, answer["executionArn"].as_str().unwrap(), |_| {}).await.unwrap()
    };
    let first = vend(&world.account().id).await;
    assert_eq!((first.error.as_deref(), first.cause.as_deref()), (None, None));
    let project = first.output.unwrap()["projectId"].as_str().unwrap().to_owned();
    let before = world.cloud.simulator.project(&project).await.unwrap();

    // Another team's account, which the stack reaches as well.
    let second = Account::new(world.account().id.replacen('1', "5", 1), world.hub().endpoint());
    world.cloud.deploy_spoke(&second).await.unwrap();
    let run = vend(&second.id).await;
    assert_failed(&run, "Atlas.Conflict", "preflight", &[&world.account().id, "projectId"]);
    assert_eq!(world.cloud.simulator.project(&project).await.unwrap(), before, "the first one's project is as it was");
    let iam = aws_sdk_iam::Client::new(&second.sdk_config());
    assert!(iam.get_role().role_name("atlas-cmk").send().await.is_err(), "and nothing was created for the second one");

    // On purpose, by its id, a project is moved, once somebody has approved it.
    let fix = diagnosis(&run)["fix"].as_str().unwrap().to_owned();
    assert!(fix.contains(&format!("\"projectId\": \"{project}\"")), "{fix}");
    let spoke = format!("arn:aws:iam::{}:role/AtlasCmkSpoke", second.id);
    let input = json!({
        "projectId": project,
        "roleArn": format!("arn:aws:iam::{}:role/atlas-cmk/access", second.id),
        "key": {"alias": "alias/atlas-cmk"},
        "account": {"roleArn": spoke, "externalId": EXTERNAL_ID},
    });
    let approver = Approver::new(&world.cloud.stack, "Approver").await.unwrap();
    let approved = async {
        let question = mailbox.next_of("approval-requested").await.unwrap();
        assert_eq!(
            world.cloud.simulator.project(&project).await.unwrap(),
            before,
            "nothing is moved before the answer"
        );
        approver.approve(&question).await.unwrap();
    };
    let (moved, ()) = tokio::join!(world.enable_with(&input), approved);
    assert_eq!((moved.error.as_deref(), moved.cause.as_deref()), (None, None));
    assert!(moved.output.unwrap()["keyArn"].as_str().unwrap().contains(&second.id));
}

/// Clients with the rights of a role that functions assume in the other account.
async fn as_spoke(world: &World, role: &str) -> aws_sdk_iam::Client {
    let iam = aws_sdk_iam::Client::new(&world.account().sdk_config());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", world.account().id)}, "Action": "sts:AssumeRole"},
    ]});
    let update = iam.update_assume_role_policy().role_name(role).policy_document(trust.to_string());
    update.send().await.unwrap();
    aws_sdk_iam::Client::new(&world.account().session_of(role, "attack").await.unwrap())
}

#[tokio::test]
async fn no_role_is_created_or_given_rights_without_the_boundary_in_hub_and_spoke() {
    let world = World::with_two_accounts().await;
    let hub = aws_sdk_iam::Client::new(&attacker::inside(&world, "update-trust").await);
    let spoke = as_spoke(&world, "AtlasCmkSpoke-iam").await;
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]})
        .to_string();
    let boundary = |account: &str| {
        let stack = &world.customer().stack;
        if account == world.hub().id {
            format!("arn:aws:iam::{account}:policy/stacks/{stack}/{stack}-us-east-1-access-role-boundary")
        } else {
            format!("arn:aws:iam::{account}:policy/AtlasCmkSpoke-access-role-boundary")
        }
    };
    for (attacker, account) in [(&hub, world.hub()), (&spoke, world.account())] {
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", account.id)}, "Action": "sts:AssumeRole"},
        ]})
        .to_string();
        let owner = aws_sdk_iam::Client::new(&account.sdk_config());
        // A role of its own making, unbounded or under another boundary.
        let create = || attacker.create_role().path("/atlas-cmk/").role_name("pwn").assume_role_policy_document(&trust);
        create().send().await.unwrap_err();
        owner.create_policy().policy_name("wide").policy_document(&all).send().await.unwrap();
        let wide = format!("arn:aws:iam::{}:policy/wide", account.id);
        create().permissions_boundary(&wide).send().await.unwrap_err();
        // One that was there before.
        let there = owner.create_role().path("/atlas-cmk/").role_name("deployer").assume_role_policy_document(&trust);
        there.send().await.unwrap();
        let put =
            |role: &str| attacker.put_role_policy().role_name(role).policy_name("atlas-cmk").policy_document(&all);
        put("deployer").send().await.unwrap_err();
        // The same calls as the function makes them are allowed, and the boundary caps what comes of it.
        create().permissions_boundary(boundary(&account.id)).send().await.unwrap();
        put("pwn").send().await.unwrap();
        let pwned = aws_sdk_iam::Client::new(&account.session_of("atlas-cmk/pwn", "attack").await.unwrap());
        let denied = format!("{:?}", pwned.create_user().user_name("intruder").send().await.unwrap_err());
        assert!(denied.contains("AccessDenied"), "{denied}");
    }
}

#[tokio::test]
async fn a_role_that_carries_no_boundary_is_reported_before_anything_is_written() {
    let world = World::new().await;
    let role = &world.customer().role_name;
    world
        .iam()
        .create_role()
        .path("/atlas-cmk/")
        .role_name(role)
        .assume_role_policy_document(trust_of_others())
        .send()
        .await
        .unwrap();
    let run = world.enable().await;
    let command = format!("put-role-permissions-boundary --role-name {role}");
    assert_failed(
        &run,
        "Account.AccessDenied",
        "preflight",
        &["has no permissions boundary that the stack accepts", &command],
    );
    assert_eq!(world.writes().await, [] as [String; 0]);
    let boundary = world.customer().access_role_boundary();
    let set = world.iam().put_role_permissions_boundary().role_name(role).permissions_boundary(boundary);
    set.send().await.unwrap();
    world.enable_successfully().await;
}

#[tokio::test]
async fn functions_assume_roles_in_accounts_of_the_organization_only() {
    let world = World::new().await;
    let sts = aws_sdk_sts::Client::new(&attacker::inside(&world, "describe").await);
    let n = &world.account().id[2..];
    // The engine takes accounts that start with 99 for those of strangers.
    for (account, is_ours) in [(format!("20{n}"), true), (format!("99{n}"), false)] {
        let other = Account::new(&account, world.hub().endpoint());
        let iam = aws_sdk_iam::Client::new(&other.sdk_config());
        let trust = json!({"Version": "2012-10-17", "Statement": [
            {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", world.hub().id)}, "Action": "sts:AssumeRole"},
        ]});
        let create = iam.create_role().role_name("AtlasCmkSpoke").assume_role_policy_document(trust.to_string());
        create.send().await.unwrap();
        let assume = sts.assume_role().role_arn(format!("arn:aws:iam::{account}:role/AtlasCmkSpoke"));
        let assumed = assume.role_session_name("attack").send().await;
        assert_eq!(assumed.is_ok(), is_ours, "{account}: {assumed:?}");
    }
}
