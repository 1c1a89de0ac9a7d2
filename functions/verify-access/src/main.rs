//! The Lambda function `verify-access`: the step [`VerifyAccess`] and nothing else.

use atlas_cmk::{runtime, steps::VerifyAccess};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<VerifyAccess>()
}
