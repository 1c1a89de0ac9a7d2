//! The Lambda function `cancel-authorization`: the step [`CancelAuthorization`] and nothing else.

use atlas_cmk::{runtime, steps::CancelAuthorization};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CancelAuthorization>()
}
