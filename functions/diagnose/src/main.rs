//! The Lambda function `diagnose`: the step [`Diagnose`] and nothing else.

use atlas_cmk::{runtime, steps::Diagnose};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<Diagnose>()
}
