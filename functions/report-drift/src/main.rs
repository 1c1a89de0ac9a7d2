//! The Lambda function `report-drift`: the step [`ReportDrift`] and nothing else.

use atlas_cmk::{runtime, steps::ReportDrift};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<ReportDrift>()
}
