//! The Lambda function `create-access-policy`: the step [`CreateAccessPolicy`] and nothing else.

use atlas_cmk::{runtime, steps::CreateAccessPolicy};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CreateAccessPolicy>()
}
