//! The Lambda function `enable-kms`: the step [`EnableKms`] and nothing else.

use atlas_cmk::{runtime, steps::EnableKms};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<EnableKms>()
}
