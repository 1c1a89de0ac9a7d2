//! The Lambda function `update-trust`: the step [`UpdateTrust`] and nothing else.

use atlas_cmk::{runtime, steps::UpdateTrust};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<UpdateTrust>()
}
