//! The whole life of a project's encryption, beside neighbours who must not notice: enabled, a region more, a region
//! less, described, disabled.

use anyhow::{Result, bail};
use atlas_cmk_local::{
    Cloud, approver::Approver, execution::Run, mailbox::Mailbox, progress, report, seed::Customer, snapshot,
};
use aws_sdk_kms::types::Tag;
use serde_json::{Value, json};

use super::stage::{self, Shown};

/// The region that is added and removed.
const REGION: &str = "eu-central-1";

pub(crate) async fn show() -> Result<Shown> {
    let mut customer = Customer::of_the_samples();
    // The key is there already, so that what is left on it there is seen at the end.
    customer.replica_regions.push(REGION.to_owned());
    let cloud = stage::set(customer).await?;
    neighbours(&cloud).await?;
    let project = cloud.customer.project_id.clone();
    let before = snapshot::take(&cloud, &project).await?;

    let mut input = stage::event("manual-enable.json")?;
    input["clusters"] = json!("all");
    let enabled = stage::run(&cloud, &input, "Enable: three regions and all clusters").await?;
    input["regions"].as_array_mut().into_iter().for_each(|regions| regions.push(json!(REGION)));
    let added = stage::run(&cloud, &input, &format!("Add a region: {REGION}")).await?;

    let mut remove = stage::event("manual-remove-region.json")?;
    remove["regions"] = json!([REGION]);
    let disable = "DisableEncryptionArn";
    let removed = stage::run_machine(&cloud, disable, &remove, &format!("Remove a region: {REGION}")).await?;

    let describe = stage::event("steps/describe.json")?;
    let described = stage::invoke(&cloud, "describe", &describe, "Describe: what there is now").await?;
    progress::result(&view(stage::output("describing", &described)?));

    let down = stage::event("manual-disable.json")?;
    let topic = cloud.stack.output("NotificationsArn")?;
    let mailbox = Mailbox::subscribed_to(&cloud.stack.account, topic).await?;
    let approver = Approver::new(&cloud.stack, "Approver").await?;
    let approval = async {
        let question = mailbox.next_of("approval-requested").await?;
        progress::step("alice, who has the policy of approvers, approves the plan through the function URL");
        approver.approve(&question).await
    };
    let down = stage::run_machine(&cloud, disable, &down, "Disable the encryption, with scope role");
    let (down, approved) = tokio::join!(down, approval);
    let (down, _) = (down?, approved?);
    let after = snapshot::take(&cloud, &project).await?;
    let differences = snapshot::differences(&before, &after);

    progress::heading("Summary");
    for (name, run) in [
        ("Enabling", &enabled),
        ("Adding a region", &added),
        ("Removing it", &removed),
        ("Disabling the encryption", &down),
    ] {
        progress::result(&format!("{name} changed:"));
        progress::result(&report::changes(run));
    }
    progress::result("Keys to keep for as long as snapshots need them:");
    for key in down.output.iter().filter_map(|output| output["keysToKeep"].as_array()).flatten() {
        progress::result(&format!("  {}", key.as_str().unwrap_or("?")));
    }
    progress::result("");
    progress::result(
        "What differs from before, of the project in Atlas, the IAM role, key policies, tags and Parameter Store:",
    );
    progress::result(&if differences.is_empty() { "  nothing".to_owned() } else { differences.join("\n") });
    progress::result("");
    let runs =
        [("enable", &enabled), ("add", &added), ("remove", &removed), ("describe", &described), ("disable", &down)];
    progress::result(&report::numbers(&runs));

    let verdict = judge([&enabled, &added, &removed, &down], &differences);
    Ok((vec![enabled, added, removed, described, down], verdict))
}

/// Others who use the role and a key, with statements of their own.
async fn neighbours(cloud: &Cloud) -> Result<()> {
    progress::step("another team trusts the role for its backups, and guards the key in eu-west-1");
    let iam = aws_sdk_iam::Client::new(&cloud.account.sdk_config());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Sid": "BackupTeam", "Effect": "Allow", "Principal": {"Service": ["backup.amazonaws.com"]}, "Action": ["sts:AssumeRole"]},
    ]});
    let role = &cloud.customer.role_name;
    let create = iam.create_role().role_name(role).path("/atlas-cmk/").assume_role_policy_document(trust.to_string());
    create.permissions_boundary(cloud.customer.access_role_boundary()).send().await?;
    let kms = aws_sdk_kms::Client::new(&cloud.account.sdk_config_in("eu-west-1"));
    let key = cloud.customer.key_arn().replacen("us-east-1", "eu-west-1", 1);
    let policy = json!({"Version": "2012-10-17", "Statement": [{
        "Sid": "Guards", "Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", cloud.account.id)},
        "Action": ["kms:DescribeKey", "kms:Get*", "kms:List*", "kms:PutKeyPolicy", "kms:TagResource", "kms:UntagResource"],
        "Resource": "*",
    }]});
    kms.put_key_policy().key_id(&key).policy(policy.to_string()).send().await?;
    kms.tag_resource().key_id(&key).tags(Tag::builder().tag_key("team").tag_value("backup").build()?).send().await?;
    Ok(())
}

/// What `describe` answers, a line for each thing.
fn view(described: &Value) -> String {
    let text = |value: &Value, field: &str| value[field].as_str().unwrap_or("-").to_owned();
    let list = |field: &str| described[field].as_array().cloned().unwrap_or_default();
    let mut lines =
        vec![format!("  project      {} ({})", text(&described["project"], "name"), text(&described["project"], "id"))];
    for role in list("accessRoles") {
        let used_by: Vec<&str> = role["usedBy"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        lines.push(format!(
            "  access role  {} for {}, used by {}",
            text(&role, "state"),
            text(&role, "roleArn"),
            used_by.join(", ")
        ));
    }
    let encryption = &described["encryption"];
    lines.push(format!(
        "  encryption   enabled {}, valid {}, {}",
        encryption["enabled"],
        encryption["valid"],
        text(encryption, "key")
    ));
    for endpoint in list("privateEndpoints") {
        lines.push(format!("  endpoint     {}: {}", text(&endpoint, "region"), text(&endpoint, "status")));
    }
    for cluster in list("clusters") {
        let provider = text(&cluster, "encryptionAtRestProvider");
        lines.push(format!("  cluster      {}: {provider}, {}", text(&cluster, "name"), text(&cluster, "state")));
    }
    for key in list("keys") {
        lines.push(format!("  key          {}: {}", text(&key, "arn"), text(&key, "state")));
    }
    lines.push(format!("  differences from the registered state: {}", list("differences").len()));
    lines.join("\n") + "\n"
}

fn judge(runs: [&Run; 4], differences: &[String]) -> Result<String> {
    for (name, run) in ["enabling", "adding", "removing", "disabling"].into_iter().zip(runs) {
        if stage::output(name, run)?["changes"].as_array().is_none_or(Vec::is_empty) {
            bail!("the run that was {name} changed nothing");
        }
    }
    if !differences.is_empty() {
        bail!("the accounts are not as they were before");
    }
    Ok("both sides are as they were before, except for the keys, and the neighbours' statements are there byte for byte"
        .to_owned())
}
