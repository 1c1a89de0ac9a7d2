//! The Lambda function `on-change`: the step [`OnChange`] and nothing else.

use atlas_cmk::{runtime, steps::OnChange};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<OnChange>()
}
