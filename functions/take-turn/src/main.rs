//! The Lambda function `take-turn`: the step [`TakeTurn`] and nothing else.

use atlas_cmk::{runtime, steps::TakeTurn};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<TakeTurn>()
}
