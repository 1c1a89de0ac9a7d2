//! What enabling would change, and nothing of it done.

use std::time::SystemTime;

use anyhow::{Result, bail};
use atlas_cmk_local::{progress, report, seed::Customer};
use serde_json::{Value, json};

use super::stage::{self, Shown};

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::of_the_samples()).await?;
    let input = stage::event("manual-plan.json")?;
    cloud.simulator.forget_requests().await?;
    let before = SystemTime::now();
    let plan = stage::run(&cloud, &input, "Plan: what events/manual-plan.json would change").await?;
    let atlas_writes = cloud.atlas_writes().await?;
    let aws_writes = cloud.aws_writes_since(before).await?;

    progress::heading("The plan");
    progress::result(&report::plan(&plan));
    progress::result(&format!("Requests that changed something in Atlas: {}", atlas_writes.len()));
    progress::result(&format!("Calls that changed something in AWS: {}", aws_writes.len()));

    let mut apply = input.clone();
    apply["mode"] = json!("apply");
    let applied = stage::run(&cloud, &apply, "Apply: the same input").await?;
    progress::heading("Summary");
    progress::result("Applying changed:");
    progress::result(&report::changes(&applied));
    progress::result(&report::numbers(&[("plan", &plan), ("apply", &applied)]));

    let verdict = (|| {
        let planned = steps(stage::output("plan", &plan)?);
        let done = steps(stage::output("apply", &applied)?);
        if !atlas_writes.is_empty() || !aws_writes.is_empty() {
            bail!("planning changed something: {atlas_writes:?} {aws_writes:?}");
        }
        if planned != done {
            bail!("applying changed something else than was planned");
        }
        Ok("planning changed nothing, and applying changed exactly what was planned".to_owned())
    })();
    Ok((vec![plan, applied], verdict))
}

/// Steps and summaries of changes, in order.
fn steps(output: &Value) -> Vec<(String, String)> {
    let text = |change: &Value, field: &str| change[field].as_str().unwrap_or_default().to_owned();
    let changes = output["changes"].as_array().into_iter().flatten();
    changes.map(|change| (text(change, "step"), text(change, "summary"))).collect()
}
