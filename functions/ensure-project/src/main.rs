//! The Lambda function `ensure-project`: the step [`EnsureProject`] and nothing else.

use atlas_cmk::{runtime, steps::EnsureProject};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<EnsureProject>()
}
