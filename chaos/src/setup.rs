//! How the library is set up in a run.

use std::time::Duration;

use cache_runtime::{CacheManager, CacheManagerBuilder, Relay};
use sqlx::PgPool;

use crate::event::Level;
use crate::shop::Items;

/// Less than the TTL of the table's repository, so that it is in force now and then.
const STALE: Duration = Duration::from_secs(4);

/// A load takes a millisecond or two: so readily that a value is renewed some seconds before its TTL is over.
const READILY: f64 = 3000.0;

/// The levels that reads go through, each as often as it stands here.
pub(crate) const LEVELS: [Level; 12] = [
    Level::Strong,
    Level::Strong,
    Level::Strong,
    Level::Strong,
    Level::Strong,
    Level::Bounded(50),
    Level::Bounded(50),
    Level::Bounded(200),
    Level::Bounded(200),
    Level::Bounded(1000),
    Level::Bounded(1000),
    Level::Database,
];

/// Makes what the library needs in the database.
pub(crate) async fn prepare(db: &PgPool, namespace: &str) -> cache_runtime::Result<()> {
    cache_runtime::migrate(db).await?;
    let cache = CacheManager::builder(namespace).memory().build()?;
    Items { db: db.clone(), cache }.watch().await
}

/// What stays alive for as long as a process works.
#[derive(Debug)]
pub(crate) struct Standing {
    _relay: Relay,
}

/// Some processes serve what has outlived its TTL, while the database fails or while it is renewed; some renew values
/// ahead of their TTL. What was invalidated none may serve, and no renewal may bring back.
pub(crate) fn options(builder: CacheManagerBuilder, process: u16) -> CacheManagerBuilder {
    match process % 4 {
        0 => builder.stale_on_error(STALE),
        1 => builder.refresh_ahead(READILY),
        2 => builder.stale_on_error(STALE).stale_while_revalidate(STALE),
        _ => builder,
    }
}

pub(crate) fn stand(items: &Items) -> cache_runtime::Result<Standing> {
    Ok(Standing { _relay: items.cache.relay(&items.db).spawn()? })
}
