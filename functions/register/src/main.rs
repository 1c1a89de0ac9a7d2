//! The Lambda function `register`: the step [`Register`] and nothing else.

use atlas_cmk::{runtime, steps::Register};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Register>()
}
