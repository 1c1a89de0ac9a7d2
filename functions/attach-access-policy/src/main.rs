//! The Lambda function `attach-access-policy`: the step [`AttachAccessPolicy`] and nothing else.

use atlas_cmk::{runtime, steps::AttachAccessPolicy};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<AttachAccessPolicy>()
}
