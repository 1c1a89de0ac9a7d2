//! The Lambda function `revoke-key`: the step [`RevokeKey`] and nothing else.

use atlas_cmk::{runtime, steps::RevokeKey};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<RevokeKey>()
}
