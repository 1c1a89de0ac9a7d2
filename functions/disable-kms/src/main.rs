//! The Lambda function `disable-kms`: the step [`DisableKms`] and nothing else.

use atlas_cmk::{runtime, steps::DisableKms};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<DisableKms>()
}
