//! The Lambda function `grant-key`: the step [`GrantKey`] and nothing else.

use atlas_cmk::{runtime, steps::GrantKey};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<GrantKey>()
}
