//! The Lambda function `restore-key`: the step [`RestoreKey`] and nothing else.

use atlas_cmk::{runtime, steps::RestoreKey};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<RestoreKey>()
}
