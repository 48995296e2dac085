//! Warming, with a progress bar, and what the cache takes.

use examples::{Failure, failed};
use indicatif::{ProgressBar, ProgressStyle};

use crate::show::heading;
use crate::tour::Tour;

impl Tour<'_> {
    pub(crate) async fn warming(&self) -> Result<(), Failure> {
        heading(
            "Warming: warm_where(\"population > $1\"), and a memory report",
            "In batches, at a pace that can be set, through leases like any fill; then whose keys take how much.",
        );
        let style =
            ProgressStyle::with_template("  warming    {bar:40} {human_pos} of {human_len} rows")
                .map_err(failed("could not draw a progress bar"))?;
        let bar = ProgressBar::no_length().with_style(style);
        let drawn = bar.clone();
        let report = self
            .cities
            .warm_where("population > $1")
            .bind(500_000_i64)
            .batch(200)
            .progress(move |progress| {
                drawn.set_length(progress.total.unwrap_or(progress.done));
                drawn.set_position(progress.done);
            })
            .run()
            .await;
        bar.finish_and_clear();
        println!("{}", report.totals);
        if let Some(error) = report.errors.into_iter().next() {
            return Err(failed("the warming failed")(error));
        }
        let memory = self.cache.memory_report().run().await;
        println!("{}", memory.map_err(failed("the memory report failed"))?);
        Ok(())
    }
}
