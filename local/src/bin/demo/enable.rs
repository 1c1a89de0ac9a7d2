//! A project and a key that are there: enabled, and the same again.

use anyhow::{Result, bail};
use atlas_cmk_local::{execution::Run, progress, report, seed::Customer};

use super::stage::{self, Shown};

pub(crate) async fn show() -> Result<Shown> {
    let cloud = stage::set(Customer::of_the_samples()).await?;
    let input = stage::event("manual-enable.json")?;
    let first = stage::run(&cloud, &input, "First run: enable encryption as events/manual-enable.json asks").await?;
    let second = stage::run(&cloud, &input, "Second run: the same again").await?;

    progress::heading("Summary");
    progress::result("The first run changed:");
    progress::result(&report::changes(&first));
    progress::result("The second run changed:");
    progress::result(&report::changes(&second));
    progress::result(&report::numbers(&[("first run", &first), ("second run", &second)]));
    progress::result("Waiting is compressed a hundredfold here: a second of it is 100 seconds on AWS.");
    let verdict = judge(&first, &second);
    Ok((vec![first, second], verdict))
}

/// Both must have ended as they should: enabled, and the second without a change.
fn judge(first: &Run, second: &Run) -> Result<String> {
    for (name, run) in [("first", first), ("second", second)] {
        if stage::output(name, run)?["valid"] != true {
            bail!("after the {name} run Atlas cannot use the key");
        }
    }
    if first.changes().is_empty() {
        bail!("the first run should have changed something");
    }
    if !second.changes().is_empty() {
        bail!("the second run should have changed nothing");
    }
    Ok("the project can use its own key over private endpoints, and running again changes nothing".to_owned())
}
