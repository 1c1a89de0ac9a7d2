//! The Lambda function `verify`: the step [`Verify`] and nothing else.

use atlas_cmk::{runtime, steps::Verify};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Verify>()
}
