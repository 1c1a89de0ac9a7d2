//! The Lambda function `check-credential`: the step [`CheckCredential`] and nothing else.

use atlas_cmk::{runtime, steps::CheckCredential};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CheckCredential>()
}
