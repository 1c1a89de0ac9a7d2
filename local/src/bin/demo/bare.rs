//! An Atlas organization and an empty second account, and nothing else.

use anyhow::{Context, Result, bail};
use atlas_cmk_local::{
    Cloud,
    execution::Run,
    progress, report,
    seed::{Customer, clusters},
};
use serde_json::{Value, json};

use super::stage::{self, Shown};

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::with_nothing()).await?;
    let input = stage::event("manual-enable-everything.json")?;
    let first = stage::run(&cloud, &input, "First run: an organization and an empty account").await?;
    let project = stage::output("first", &first)?["projectId"].as_str().context("no project id")?.to_owned();

    progress::heading("The team creates its clusters in Atlas");
    for cluster in clusters().into_iter().chain(unsuited()) {
        progress::step(&format!("{} ({})", text(&cluster, "name"), text(&cluster, "instanceSize")));
        cloud.simulator.add_cluster(&project, cluster).await?;
    }
    let second = stage::run(&cloud, &input, "Second run: the same, now that there are clusters").await?;
    let third = stage::run(&cloud, &input, "Third run: the same again").await?;

    progress::heading("Summary");
    for (name, run) in [("first", &first), ("second", &second), ("third", &third)] {
        progress::result(&format!("The {name} run changed:"));
        progress::result(&report::changes(run));
    }
    progress::result("Clusters that were left as they are:");
    for skipped in second.output.iter().filter_map(|output| output["skippedClusters"].as_array()).flatten() {
        progress::result(&format!("  {}: {}", text(skipped, "name"), text(skipped, "reason")));
    }
    progress::result("");
    progress::result(&report::numbers(&[("first run", &first), ("second run", &second), ("third run", &third)]));
    let verdict = judge(&cloud, &project, [&first, &second, &third]).await;
    Ok((vec![first, second, third], verdict))
}

/// Clusters that cannot use a key of their own.
fn unsuited() -> Vec<Value> {
    vec![
        json!({"name": "playground", "instanceSize": "FLEX", "regions": ["US_EAST_1"]}),
        json!({"name": "archive", "instanceSize": "M10", "regions": ["US_EAST_1"], "paused": true}),
    ]
}

fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or("?")
}

async fn judge(cloud: &Cloud, project: &str, runs: [&Run; 3]) -> Result<String> {
    for (name, run) in ["first", "second", "third"].into_iter().zip(runs) {
        if stage::output(name, run)?["valid"] != true {
            bail!("after the {name} run Atlas cannot use the key");
        }
    }
    let world = cloud.simulator.project(project).await?;
    for cluster in clusters() {
        let name = text(&cluster, "name");
        let found = world["clusters"].as_array().into_iter().flatten().find(|it| it["name"] == name);
        if found.is_none_or(|it| it["encryptionAtRestProvider"] != "AWS" || it["stateName"] != "IDLE") {
            bail!("cluster {name} should use the key and be idle");
        }
    }
    if !runs[2].changes().is_empty() {
        bail!("the third run should have changed nothing");
    }
    Ok("from nothing to a project whose clusters use a key of its own, and running again changes nothing".to_owned())
}
