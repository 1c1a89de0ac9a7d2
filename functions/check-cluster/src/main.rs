//! The Lambda function `check-cluster`: the step [`CheckCluster`] and nothing else.

use atlas_cmk::{runtime, steps::CheckCluster};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CheckCluster>()
}
