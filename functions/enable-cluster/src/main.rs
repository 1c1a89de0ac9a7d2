//! The Lambda function `enable-cluster`: the step [`EnableCluster`] and nothing else.

use atlas_cmk::{runtime, steps::EnableCluster};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<EnableCluster>()
}
