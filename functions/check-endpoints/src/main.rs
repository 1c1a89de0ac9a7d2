//! The Lambda function `check-endpoints`: the step [`CheckEndpoints`] and nothing else.

use atlas_cmk::{runtime, steps::CheckEndpoints};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CheckEndpoints>()
}
