//! The Lambda function `preflight`: the step [`Preflight`] and nothing else.

use atlas_cmk::{runtime, steps::Preflight};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Preflight>()
}
