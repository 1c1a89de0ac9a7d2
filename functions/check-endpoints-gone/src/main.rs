//! The Lambda function `check-endpoints-gone`: the step [`CheckEndpointsGone`] and nothing else.

use atlas_cmk::{runtime, steps::CheckEndpointsGone};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CheckEndpointsGone>()
}
