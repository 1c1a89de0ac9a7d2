//! The Lambda function `plan`: the step [`Plan`] and nothing else.

use atlas_cmk::{runtime, steps::Plan};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Plan>()
}
