//! The Lambda function `authorize-role`: the step [`AuthorizeRole`] and nothing else.

use atlas_cmk::{runtime, steps::AuthorizeRole};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<AuthorizeRole>()
}
