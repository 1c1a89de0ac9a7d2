//! Someone schedules the deletion of a key that a project needs.

use anyhow::{Context, Result, bail};
use atlas_cmk_local::{Cloud, events, execution::Run, mailbox::Mailbox, progress, report, seed::Customer};
use serde_json::{Value, json};

use super::stage::{self, Shown};

/// The role of the person who does it.
const ROLE: &str = "BreakGlass";

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::of_the_samples()).await?;
    progress::step("a trail records calls of KMS and IAM in the account");
    events::start_trail(&cloud.account).await?;
    let mailbox = Mailbox::subscribed_to(&cloud.stack.account, cloud.stack.output("NotificationsArn")?).await?;

    let mut input = stage::event("manual-enable.json")?;
    input["guard"] = json!("restore");
    let enabled = stage::run(&cloud, &input, "Enable, with guard: restore").await?;

    progress::heading("Someone schedules the deletion of the key in us-east-1, in seven days");
    let key = cloud.customer.key_arn();
    schedule_deletion(&cloud, &key).await?;
    progress::step("the trail reports to the bus, and the rule of the stack invokes on-change");
    let alert = mailbox.next_of("key-endangered").await?;
    progress::done("published on the topic at once:");
    progress::result(&serde_json::to_string_pretty(&alert)?);

    progress::heading("The guard");
    let started = events::started(&cloud, "GuardKeyArn", |_| true).await?;
    let restored = stage::follow(&cloud, &started.arn).await?;
    let restoration = mailbox.next_of("key-restored").await?;
    progress::done("published on the topic:");
    progress::result(&serde_json::to_string_pretty(&restoration)?);

    progress::heading("Summary");
    progress::result("Restoring changed:");
    progress::result(&report::changes(&restored));
    let state = state_of(&cloud, &key).await?;
    progress::result(&format!("The key is {state}.\n"));
    let verdict = judge([&enabled, &restored], &alert, &state);
    Ok((vec![enabled, restored], verdict))
}

/// As a person would, in a session of a role of theirs.
async fn schedule_deletion(cloud: &Cloud, key: &str) -> Result<()> {
    let account = &cloud.account;
    let iam = aws_sdk_iam::Client::new(&account.sdk_config());
    let trust = json!({"Version": "2012-10-17", "Statement": [
        {"Effect": "Allow", "Principal": {"AWS": format!("arn:aws:iam::{}:root", account.id)}, "Action": "sts:AssumeRole"},
    ]});
    iam.create_role().role_name(ROLE).assume_role_policy_document(trust.to_string()).send().await?;
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:*", "Resource": "*"}]});
    iam.put_role_policy().role_name(ROLE).policy_name("all").policy_document(all.to_string()).send().await?;
    let session = account.session_of(ROLE, "alex").await?;
    let kms = aws_sdk_kms::Client::new(&session);
    kms.schedule_key_deletion().key_id(key).pending_window_in_days(7).send().await?;
    Ok(())
}

async fn state_of(cloud: &Cloud, key: &str) -> Result<String> {
    let kms = aws_sdk_kms::Client::new(&cloud.account.sdk_config());
    let described = kms.describe_key().key_id(key).send().await?;
    let state = described.key_metadata.and_then(|key| key.key_state).context("a key without a state")?;
    Ok(state.as_str().to_owned())
}

fn judge(runs: [&Run; 2], alert: &Value, state: &str) -> Result<String> {
    stage::output("first", runs[0])?;
    stage::output("guard's", runs[1])?;
    if !alert["by"].as_str().is_some_and(|by| by.contains(ROLE)) {
        bail!("the alert does not say who it was");
    }
    if state != "Enabled" {
        bail!("the key is {state}");
    }
    Ok("the scheduled deletion of a key that a project needs raised an alert at once, with the caller and the commands \
        to undo it, and was cancelled"
        .to_owned())
}
