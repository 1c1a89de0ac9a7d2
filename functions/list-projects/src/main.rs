//! The Lambda function `list-projects`: the step [`ListProjects`] and nothing else.

use atlas_cmk::{runtime, steps::ListProjects};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<ListProjects>()
}
