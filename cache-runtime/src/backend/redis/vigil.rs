//! The vigil: while a connection is used, its server is asked every so often whether it is still who it was.
//!
//! A server that was made a replica keeps its clients, and goes on answering their reads out of data that others no
//! longer write to.

use std::sync::Arc;
use std::time::Duration;

use super::dial::Live;
use super::identity::Identity;
use super::link::{Link, Patience};
use crate::error::{Error, ErrorKind, Result};

/// A call asks again after so long.
const PERIOD: Duration = Duration::from_secs(1);
/// And waits for the answer where nothing was known for so long, because nobody called in between.
const TOO_LONG: Duration = Duration::from_secs(2);

impl Link {
    /// This connection, or the next one where its server is not what it was.
    pub(super) async fn proven(
        self: &Arc<Self>,
        live: Arc<Live>,
        began: Duration,
    ) -> Result<Arc<Live>> {
        if !live.identity.known || live.unproven(began) < PERIOD {
            return Ok(live);
        }
        if live.unproven(began) < TOO_LONG {
            if live.is_to_ask(began, PERIOD) {
                let (link, live) = (Arc::clone(self), Arc::clone(&live));
                // It ends within the operation timeout, and waits for nothing else. What fails, calls find out too.
                tokio::spawn(async move { drop(link.is_the_same(&live, began).await) });
            }
            return Ok(live);
        }
        let left = began.saturating_add(self.operation_timeout()).saturating_sub(self.now());
        let Ok(asking) = tokio::time::timeout(left, live.asking.lock()).await else {
            let message = format!("Redis at {} did not say in time who it is", self.place());
            return Err(Error::new(ErrorKind::Timeout, message));
        };
        // Somebody else may have asked meanwhile.
        let same = live.unproven(began) < TOO_LONG || self.is_the_same(&live, began).await?;
        drop(asking);
        if same { Ok(live) } else { self.live(began).await }
    }

    /// Asks; leaves the connection where the server is a replica by now, or has another past.
    async fn is_the_same(self: &Arc<Self>, live: &Arc<Live>, began: Duration) -> Result<bool> {
        let asked = self.now();
        let (identity, _) = self.exchange(live, Patience::Reader, began, Identity::ask).await?;
        if identity == live.identity {
            live.prove(asked);
            return Ok(true);
        }
        tracing::info!(
            server = %self.place(),
            replica = identity.replica,
            "Redis is not the server that it was: the connection is left"
        );
        self.broke(live);
        Ok(false)
    }
}
