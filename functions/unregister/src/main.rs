//! The Lambda function `unregister`: the step [`Unregister`] and nothing else.

use atlas_cmk::{runtime, steps::Unregister};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Unregister>()
}
