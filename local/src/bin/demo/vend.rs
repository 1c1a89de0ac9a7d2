//! Control Tower creates an account, and its event on the bus starts the enablement.

use std::time::Duration;

use anyhow::{Result, bail};
use atlas_cmk_local::{Account, Cloud, events, execution, execution::Run, progress, report, seed::Customer};
use serde_json::Value;

use super::stage::{self, Shown};

/// The management account of the organization.
const MANAGEMENT: &str = "111122223333";

const MACHINE: &str = "EnableEncryptionArn";

/// How long it is waited to see that nothing is started.
const A_WHILE: Duration = Duration::from_secs(4);

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::with_nothing()).await?;
    let management = Account::new(MANAGEMENT, cloud.engine.url());
    progress::step(&format!("deploying infra/management.yaml in the management account {MANAGEMENT}"));
    events::forward_from(&cloud, &management).await?;

    progress::heading("What accounts of the unit Workloads get: events/steps/put-profile.json");
    let profile = stage::event("steps/put-profile.json")?;
    let written = execution::invoke(&cloud, "put-profile", &profile).await?;
    progress::result(&report::changes(&written));

    progress::heading(
        "Control Tower: account 444455556666 was created (events/vending/controltower-create-managed-account.json)",
    );
    let event = stage::event("vending/controltower-create-managed-account.json")?;
    events::put(&management, &event).await?;
    progress::step(
        "on the default bus of the management account; its rule forwards, the rule of the stack invokes on-account-vended",
    );
    let started = events::started(&cloud, MACHINE, |_| true).await?;
    progress::done(&format!("started by the rule: {}", started.name));
    let run = stage::follow(&cloud, &started.arn).await?;

    progress::heading("The same event again");
    events::put(&management, &event).await?;
    tokio::time::sleep(A_WHILE).await;
    let after_duplicate = events::executions(&cloud, MACHINE).await?.len();
    progress::done(&format!("executions so far: {after_duplicate}"));
    let answer = execution::invoke(&cloud, "on-account-vended", &event).await?;
    let said = answer.output.as_ref().map(|output| output["accounts"][0].clone()).unwrap_or_default();
    progress::plain(&format!(
        "    asked directly, on-account-vended says: {} ({})",
        text(&said, "result"),
        text(&said, "reason")
    ));

    progress::heading(
        "An account that was not created (events/vending/controltower-create-managed-account-failed.json)",
    );
    events::put(&management, &stage::event("vending/controltower-create-managed-account-failed.json")?).await?;
    tokio::time::sleep(A_WHILE).await;
    let after_failure = events::executions(&cloud, MACHINE).await?.len();
    progress::done(&format!("executions so far: {after_failure}"));

    progress::heading("Summary");
    progress::result("The event of Control Tower changed:");
    progress::result(&report::changes(&run));
    progress::result(&report::numbers(&[("vended", &run)]));
    let verdict = judge(&cloud, &run, [after_duplicate, after_failure]).await;
    Ok((vec![run], verdict))
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("?")
}

async fn judge(cloud: &Cloud, run: &Run, counts: [usize; 2]) -> Result<String> {
    let output = stage::output("vended", run)?;
    if output["valid"] != true {
        bail!("Atlas cannot use the key");
    }
    if counts != [1, 1] {
        bail!("something was started that should not have been: {counts:?}");
    }
    let project = cloud.simulator.project(text(output, "projectId")).await?;
    if project["encryptionAtRest"]["awsKms"]["enabled"] != true {
        bail!("the project is not encrypted with its own key");
    }
    Ok("an account was created, and its project has a key of its own; the same event again started nothing".to_owned())
}
