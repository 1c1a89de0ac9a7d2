//! The Lambda function `describe`: the step [`Describe`] and nothing else.

use atlas_cmk::{runtime, steps::Describe};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Describe>()
}
