//! Writes that pass the repositories by.

use std::time::{Duration, Instant};

use cache_runtime::Relay;
use examples::{Failure, failed};

use crate::show::{Section, time};
use crate::tour::{NORDHAFEN, Tour, city};

/// A relay delivers within some hundredths of a second; by then something is wrong.
const PATIENCE: Duration = Duration::from_secs(10);

impl Tour<'_> {
    pub(crate) async fn writes_from_elsewhere(&self) -> Result<(), Failure> {
        let made = "could not make the outbox";
        cache_runtime::migrate(self.db).await.map_err(failed(made))?;
        self.cities.watch().await.map_err(failed("could not watch the table"))?;
        let relay = self.cache.relay(self.db).spawn().map_err(failed("could not start a relay"))?;
        let outcome = self.shown(&relay).await.map_err(failed("the writes from elsewhere failed"));
        relay.stop().await;
        // Without a relay nobody would take away what a trigger writes.
        let unwatched = self.cities.unwatch().await;
        outcome.and(unwatched.map_err(failed("could not remove the trigger")))
    }

    async fn shown(&self, relay: &Relay) -> sqlx::Result<()> {
        let cities = &self.cities;
        let mut section = Section::new(
            self.cache,
            "Writes from elsewhere: watch, and a relay",
            "Plain SQL knows of no cache. A trigger writes the keys of what it changed into the outbox, in the\n\
             same transaction, and a relay takes them out of the cache.",
        );
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        let delivered = relay.stats().rows;
        let began = Instant::now();
        sqlx::query("UPDATE cities SET population = 1 WHERE id = $1")
            .bind(NORDHAFEN)
            .execute(self.db)
            .await?;
        section.row("UPDATE cities SET ... WHERE id = -1", "done", "", &time(began.elapsed()));
        let began = Instant::now();
        while relay.stats().rows == delivered {
            if began.elapsed() > PATIENCE {
                return Err(sqlx::Error::Protocol(format!(
                    "the relay delivered nothing in {PATIENCE:?}: {:?}",
                    relay.stats()
                )));
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        section.row("  until its keys were delivered", "", "", &time(began.elapsed()));
        section.read("get(-1)", cities.get(NORDHAFEN), city).await?;
        section.end();
        Ok(())
    }
}
