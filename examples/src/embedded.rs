//! Postgres inside this process.

use pglite_oxide::PgliteServer;
use sqlx::postgres::PgConnectOptions;
use tokio::task::spawn_blocking;

use crate::failure::{Failure, failed};

const NOT_STARTED: &str =
    "could not start the embedded Postgres: set DATABASE_URL to use one of your own";

/// A real Postgres, compiled in. It serves one connection at a time, and forgets all when it stops.
pub(crate) struct Embedded(PgliteServer);

impl Embedded {
    pub(crate) async fn start() -> Result<(Self, PgConnectOptions), Failure> {
        let server = spawn_blocking(PgliteServer::temporary_tcp)
            .await
            .map_err(failed(NOT_STARTED))?
            .map_err(failed(NOT_STARTED))?;
        let options = server
            .database_url()
            .parse()
            .map_err(failed("could not read the embedded Postgres's URL"))?;
        Ok((Self(server), options))
    }

    pub(crate) async fn stop(self) -> Result<(), Failure> {
        spawn_blocking(|| self.0.shutdown())
            .await
            .map_err(failed("could not stop the embedded Postgres"))?
            .map_err(failed("could not stop the embedded Postgres"))
    }
}

impl std::fmt::Debug for Embedded {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Embedded").finish_non_exhaustive()
    }
}
