//! The Lambda function `approve`: the step [`Approve`] and nothing else.

use atlas_cmk::{runtime, steps::Approve};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Approve>()
}
