//! The Lambda function `find-missed-accounts`: the step [`FindMissedAccounts`] and nothing else.

use atlas_cmk::{runtime, steps::FindMissedAccounts};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<FindMissedAccounts>()
}
