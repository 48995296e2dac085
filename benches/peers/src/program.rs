//! What the arguments of the program say.

use crate::Result;
use crate::bench::Bench;
use crate::effort::Effort;
use crate::needs;
use crate::peer::Setup;
use crate::report::{self, Report};
use crate::storm::{self, Ask};

/// Measures the rows and adds them to the last report; or is one process of several.
pub(crate) async fn run(
    rows: impl AsyncFn(&mut Bench),
    open: impl AsyncFn(&str, &Setup) -> Result<Ask>,
) -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let Some((first, told)) = arguments.split_first()
        && first == storm::CHILD
    {
        return storm::child(told, open).await;
    }
    let (mut effort, mut filter) = (Effort::FULL, "");
    for argument in &arguments {
        match argument.as_str() {
            "--quick" => effort = Effort::QUICK,
            option if option.starts_with('-') => {
                return Err(format!("unknown option {option}; there is --quick").into());
            }
            text => filter = text,
        }
    }
    needs::are_met()?;
    let mut bench = Bench::new(effort, filter)?;
    rows(&mut bench).await;
    // The rows beside other caches are in two programs: the other one may have it.
    if let Err(none) = bench.begin() {
        eprintln!("{none}");
        return Ok(());
    }
    rows(&mut bench).await;
    let here = bench.machine().await?;
    let (lines, failures) = bench.finish();
    print!("{}", report::tables(&lines));
    let report = Report::of(lines, here);
    let there = std::path::Path::new(report::REPORT).exists();
    let report = if there { Report::read()?.with(report) } else { report };
    println!("written to {}", report.write()?.display());
    match failures.as_slice() {
        [] => Ok(()),
        failures => Err(format!("not measured: {}", failures.join("; ")).into()),
    }
}
