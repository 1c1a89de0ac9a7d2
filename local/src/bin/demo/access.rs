//! A role in one account that assumes a role in another under an external ID: set up, tried, and removed.

use anyhow::{Context, Result, bail};
use atlas_cmk_local::{Account, Cloud, execution::Run, progress, report, seed::Customer};
use serde_json::{Value, json};

use super::stage::{self, Shown};

const SOURCE: &str = "atc-node";
const TARGET: &str = "atc-s3-access-keys";
const MACHINE: &str = "CrossAccountAccessArn";

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::with_nothing()).await?;
    roles(&cloud).await?;
    let before = world(&cloud).await?;

    let input = stage::event("manual-cross-account-access.json")?;
    let first = stage::run_machine(&cloud, MACHINE, &input, "Set up: events/manual-cross-account-access.json").await?;
    let again = stage::run_machine(&cloud, MACHINE, &input, "The same again").await?;
    let mut remove = input.clone();
    remove["mode"] = json!("remove");
    let removed = stage::run_machine(&cloud, MACHINE, &remove, "Remove it").await?;
    let after = world(&cloud).await?;

    progress::heading("Summary");
    progress::result("Setting up changed:");
    progress::result(&report::changes(&first));
    if let Some(output) = &first.output {
        let text = |field: &str| output[field].as_str().unwrap_or("?").to_owned();
        progress::result(&format!("  external ID  {} (made up, and asked for from now on)", text("externalId")));
        progress::result(&format!(
            "  verified     {}: it works with the external ID, and is refused without",
            text("verified")
        ));
        progress::result("");
    }
    progress::result("The same again changed:");
    progress::result(&report::changes(&again));
    progress::result("Removing changed:");
    progress::result(&report::changes(&removed));
    progress::result(&report::numbers(&[("set up", &first), ("again", &again), ("remove", &removed)]));
    let verdict = judge([&first, &again, &removed], before == after);
    Ok((vec![first, again, removed], verdict))
}

/// The role of the nodes in one account, and in the other the role that opens the buckets, which somebody uses already.
async fn roles(cloud: &Cloud) -> Result<()> {
    let (source, target) = (&cloud.stack.account, &cloud.account);
    progress::step(&format!("a role {SOURCE} in account {}, and a role {TARGET} in account {}", source.id, target.id));
    let nodes = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"},
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", source.id)}, "Action": "sts:AssumeRole"},
    ]});
    create(cloud, source, SOURCE, &nodes).await?;
    let theirs = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "Transfer", "Effect": "Allow", "Principal": {"Service": "transfer.amazonaws.com"}, "Action": "sts:AssumeRole"},
    ]});
    create(cloud, target, TARGET, &theirs).await
}

async fn create(cloud: &Cloud, account: &Account, name: &str, trust: &Value) -> Result<()> {
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let create = iam.create_role().role_name(name).path("/atlas-cmk/").assume_role_policy_document(trust.to_string());
    create.permissions_boundary(cloud.cross_account_boundary(account)?).send().await?;
    Ok(())
}

/// Both roles with what is attached to them, and the policies of both accounts.
async fn world(cloud: &Cloud) -> Result<Value> {
    let mut world = Vec::new();
    for (account, name) in [(&cloud.stack.account, SOURCE), (&cloud.account, TARGET)] {
        let iam = aws_sdk_iam::Client::new(&account.sdk_config());
        let role = iam.get_role().role_name(name).send().await?.role.context("no role in the answer")?;
        let attached = iam.list_attached_role_policies().role_name(name).send().await?;
        let attached: Vec<&str> =
            attached.attached_policies().iter().filter_map(|policy| policy.policy_arn()).collect();
        let own = iam.list_policies().path_prefix("/atlas-cmk/").send().await?;
        let own: Vec<&str> = own.policies().iter().filter_map(|policy| policy.arn()).collect();
        world.push(json!({"trust": role.assume_role_policy_document(), "attached": attached, "policies": own}));
    }
    Ok(world.into())
}

fn judge(runs: [&Run; 3], is_as_before: bool) -> Result<String> {
    let [first, again, removed] = runs;
    if stage::output("first", first)?["verified"] != "byAssuming" {
        bail!("the access was not tried");
    }
    let (one, other) = (stage::output("first", first)?, stage::output("second", again)?);
    if one["externalId"] != other["externalId"] || !again.changes().is_empty() {
        bail!("running again changed something");
    }
    stage::output("last", removed)?;
    if !is_as_before {
        bail!("something is left behind");
    }
    Ok("the role could be assumed with the external ID and only with it, and both accounts are as they were".to_owned())
}
