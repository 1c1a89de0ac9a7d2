//! The Lambda function `report-sweep`: the step [`ReportSweep`] and nothing else.

use atlas_cmk::{runtime, steps::ReportSweep};

fn main() -> Result<(), lambda_runtime::Error> {
    runtime::run::<ReportSweep>()
}
