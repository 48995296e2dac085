//! Reads that are sent again because the connection broke under them.
//!
//! Only what is the same when it is done twice goes this way. Whether the server has seen the first attempt nobody knows:
//! a read does not care, an increment, a push or a pop would be done twice.

use std::future::Future;
use std::sync::Arc;

use redis::RedisResult;
use redis::aio::MultiplexedConnection;

use super::link::{Link, Patience};
use crate::error::{ErrorKind, Result};

impl Link {
    /// Runs one exchange that may be repeated, within one operation timeout for all its attempts.
    ///
    /// It is sent again where a connection that was up broke under it, and nowhere else. A hang is not: the breaker
    /// learns of it by the call that gives up, at the time at which it would without this. Neither is a refusal of the
    /// breaker, nor anything that the server answered.
    pub(super) async fn run_again<T, F, Fut>(
        self: &Arc<Self>,
        patience: Patience,
        exchange: F,
    ) -> Result<T>
    where
        F: Fn(MultiplexedConnection) -> Fut,
        Fut: Future<Output = RedisResult<T>>,
    {
        let began = self.now();
        let deadline = began.saturating_add(self.operation_timeout());
        let mut pauses = self.retry().pauses();
        loop {
            let live = self.live(began).await?;
            let attempt = async {
                let live = self.proven(Arc::clone(&live), began).await?;
                self.exchange(&live, patience, began, &exchange).await
            };
            let error = match attempt.await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            if error.kind() != ErrorKind::Unreachable || self.is_up(&live) {
                return Err(error);
            }
            match pauses.next() {
                Some(pause) if self.now().saturating_add(pause) < deadline => {
                    tracing::debug!(server = %self.place(), %error, "a read is sent again");
                    self.sends_again();
                    tokio::time::sleep(pause).await;
                }
                _ => return Err(error),
            }
            // Meanwhile it may have been found that there is nobody to answer.
            self.admit()?;
        }
    }
}
