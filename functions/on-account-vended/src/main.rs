//! The Lambda function `on-account-vended`: the step [`OnAccountVended`] and nothing else.

use atlas_cmk::{runtime, steps::OnAccountVended};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<OnAccountVended>()
}
