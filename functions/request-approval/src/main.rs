//! The Lambda function `request-approval`: the step [`RequestApproval`] and nothing else.

use atlas_cmk::{runtime, steps::RequestApproval};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<RequestApproval>()
}
