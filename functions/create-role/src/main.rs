//! The Lambda function `create-role`: the step [`CreateRole`] and nothing else.

use atlas_cmk::{runtime, steps::CreateRole};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<CreateRole>()
}
