//! The Lambda function `replicate-key`: the step [`ReplicateKey`] and nothing else.

use atlas_cmk::{runtime, steps::ReplicateKey};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<ReplicateKey>()
}
