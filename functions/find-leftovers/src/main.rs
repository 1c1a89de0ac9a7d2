//! The Lambda function `find-leftovers`: the step [`FindLeftovers`] and nothing else.

use atlas_cmk::{runtime, steps::FindLeftovers};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<FindLeftovers>()
}
