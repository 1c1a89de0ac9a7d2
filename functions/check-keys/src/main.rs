//! The Lambda function `check-keys`: the step [`CheckKeys`] and nothing else.

use atlas_cmk::{runtime, steps::CheckKeys};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CheckKeys>()
}
