//! The Lambda function `deauthorize-role`: the step [`DeauthorizeRole`] and nothing else.

use atlas_cmk::{runtime, steps::DeauthorizeRole};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<DeauthorizeRole>()
}
