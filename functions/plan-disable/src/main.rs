//! The Lambda function `plan-disable`: the step [`PlanDisable`] and nothing else.

use atlas_cmk::{runtime, steps::PlanDisable};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<PlanDisable>()
}
