//! The Lambda function `disable-cluster`: the step [`DisableCluster`] and nothing else.

use atlas_cmk::{runtime, steps::DisableCluster};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<DisableCluster>()
}
