//! The Lambda function `ensure-key`: the step [`EnsureKey`] and nothing else.

use atlas_cmk::{runtime, steps::EnsureKey};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<EnsureKey>()
}
