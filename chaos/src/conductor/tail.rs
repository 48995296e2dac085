//! Looks into the database's log, and clears away what was seen.

use std::collections::HashSet;
use std::sync::mpsc::SyncSender;
use std::time::Duration;

use sqlx::{FromRow, PgPool};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::Failure;
use crate::checker::{Content, Logged, Note};
use crate::clock::now;
use crate::event::Code;
use crate::shop;

/// Between two looks.
pub(crate) const PAUSE: Duration = Duration::from_millis(15);

#[derive(Debug, FromRow)]
struct Entry {
    entry: i64,
    tx: i64,
    id: i64,
    version: i64,
    op: i64,
    at: i64,
    code: Option<String>,
    shelf: Option<String>,
}

impl Entry {
    /// Whether it only says that its transaction left keys in the outbox.
    fn is_mark(&self) -> bool {
        self.id == 0
    }

    fn logged(&self, by_the_outbox: &HashSet<i64>) -> Option<Logged> {
        if self.is_mark() {
            return None;
        }
        let content = match &self.code {
            Some(code) => Content::There {
                code: shop::number(code, Code::MAX),
                shelf: shop::shelf_number(self.shelf.as_deref()),
            },
            None => Content::Absent,
        };
        Some(Logged {
            tx: self.tx.cast_unsigned(),
            id: self.id.try_into().ok()?,
            version: self.version.try_into().ok()?,
            op: self.op.cast_unsigned(),
            at: self.at.cast_unsigned(),
            content,
            held: !by_the_outbox.contains(&self.tx),
        })
    }
}

pub(crate) struct Tail {
    end: watch::Sender<bool>,
    looking: JoinHandle<()>,
    looker: Looker,
}

/// Rows leave the log only in the look after the one that saw them: an answer that was lost is asked for again.
#[derive(Clone)]
struct Looker {
    db: PgPool,
    notes: SyncSender<Note>,
}

impl Looker {
    async fn look(&self, seen: &mut HashSet<i64>) -> sqlx::Result<()> {
        if !seen.is_empty() {
            let gone: Vec<i64> = seen.iter().copied().collect();
            sqlx::query("DELETE FROM log WHERE entry = ANY($1)")
                .bind(gone)
                .execute(&self.db)
                .await?;
        }
        let begin = now();
        let entries: Vec<Entry> = sqlx::query_as("SELECT * FROM log").fetch_all(&self.db).await?;
        let end = now();
        let news = entries.iter().filter(|entry| !seen.contains(&entry.entry));
        let marks = entries.iter().filter(|entry| entry.is_mark()).map(|entry| entry.tx).collect();
        let news = news.filter_map(|entry| entry.logged(&marks)).collect();
        *seen = entries.iter().map(|entry| entry.entry).collect();
        let _ = self.notes.send(Note::Look(begin, end, news));
        Ok(())
    }
}

impl Tail {
    /// The first look is over when this returns: the history knows the rows that were there from the start.
    pub(crate) async fn start(db: PgPool, notes: SyncSender<Note>) -> Result<Self, Failure> {
        let looker = Looker { db, notes };
        let mut seen = HashSet::new();
        looker.look(&mut seen).await?;
        let (end, mut ended) = watch::channel(false);
        let own = looker.clone();
        let looking = tokio::spawn(async move {
            while tokio::time::timeout(PAUSE, ended.wait_for(|end| *end)).await.is_err() {
                // A database that is away comes back.
                let _ = own.look(&mut seen).await;
            }
        });
        Ok(Self { end, looking, looker })
    }

    /// One look more, when nobody writes any more.
    pub(crate) async fn end(self) -> Result<(), Failure> {
        self.end.send_replace(true);
        self.looking.await?;
        // What was seen before is in the history already, which takes nothing twice.
        self.looker.look(&mut HashSet::new()).await?;
        Ok(())
    }
}
