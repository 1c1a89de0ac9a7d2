//! The Lambda function `create-endpoint`: the step [`CreateEndpoint`] and nothing else.

use atlas_cmk::{runtime, steps::CreateEndpoint};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CreateEndpoint>()
}
