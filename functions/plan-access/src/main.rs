//! The Lambda function `plan-access`: the step [`PlanAccess`] and nothing else.

use atlas_cmk::{runtime, steps::PlanAccess};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<PlanAccess>()
}
