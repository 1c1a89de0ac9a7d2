//! The Lambda function `remove-trust`: the step [`RemoveTrust`] and nothing else.

use atlas_cmk::{runtime, steps::RemoveTrust};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<RemoveTrust>()
}
