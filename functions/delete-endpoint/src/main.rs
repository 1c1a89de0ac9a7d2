//! The Lambda function `delete-endpoint`: the step [`DeleteEndpoint`] and nothing else.

use atlas_cmk::{runtime, steps::DeleteEndpoint};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<DeleteEndpoint>()
}
