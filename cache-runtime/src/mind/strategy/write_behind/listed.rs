//! The write-behinds of a manager, as long as they are there: for whoever reports on them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::stats::{Tally, WriteBehindStats};
use crate::error::Result;
use crate::port::{QueueBacklog, WriteQueue};

/// Where a manager finds the write-behinds that it has.
#[derive(Debug, Default)]
pub(crate) struct Behinds(Mutex<List>);

#[derive(Debug, Default)]
struct List {
    /// How many there were.
    number: usize,
    listed: Vec<Listed>,
}

#[derive(Debug)]
struct Listed {
    number: usize,
    name: String,
    tally: Weak<Tally>,
    queue: Arc<dyn WriteQueue>,
}

/// A write-behind that is there.
#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
pub(crate) struct Behind {
    number: usize,
    name: String,
    tally: Arc<Tally>,
    queue: Arc<dyn WriteQueue>,
}

impl Behinds {
    pub(super) fn add(&self, name: &str, tally: &Arc<Tally>, queue: &Arc<dyn WriteQueue>) {
        let mut list = self.lock();
        list.number += 1;
        let number = list.number;
        list.listed.retain(|listed| listed.tally.strong_count() > 0);
        list.listed.push(Listed {
            number,
            name: name.to_owned(),
            tally: Arc::downgrade(tally),
            queue: Arc::clone(queue),
        });
    }

    /// Those that are there.
    #[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
    pub(crate) fn there(&self) -> Vec<Behind> {
        let mut list = self.lock();
        list.listed.retain(|listed| listed.tally.strong_count() > 0);
        let there = |listed: &Listed| {
            Some(Behind {
                number: listed.number,
                name: listed.name.clone(),
                tally: listed.tally.upgrade()?,
                queue: Arc::clone(&listed.queue),
            })
        };
        list.listed.iter().filter_map(there).collect()
    }

    fn lock(&self) -> MutexGuard<'_, List> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg_attr(not(feature = "metrics"), allow(dead_code, reason = "only metrics ask for it"))]
impl Behind {
    /// Another number for each write-behind.
    pub(crate) fn number(&self) -> usize {
        self.number
    }

    /// What its queue is called.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn stats(&self) -> WriteBehindStats {
        self.tally.snapshot()
    }

    pub(crate) async fn backlog(&self) -> Result<QueueBacklog> {
        self.queue.backlog().await
    }
}
