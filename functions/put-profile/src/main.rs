//! The Lambda function `put-profile`: the step [`PutProfile`] and nothing else.

use atlas_cmk::{runtime, steps::PutProfile};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<PutProfile>()
}
