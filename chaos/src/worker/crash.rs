//! A process that kills itself right before a step of the protocol, and dawdles before others.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, OnceLock, Weak};
use std::time::Duration;

use cache_runtime::{BoxFuture, Key, Observer, Step};
use rustix::process::{Signal, getpid, kill_process};

use super::Worker;
use crate::event::Event;

const UNARMED: u8 = u8::MAX;

/// The name of a step by its place in [`Step::ALL`].
pub(crate) fn step_name(step: u8) -> String {
    Step::ALL.get(usize::from(step)).map_or_else(|| step.to_string(), |step| format!("{step:?}"))
}

#[derive(Debug)]
pub(crate) struct Crash {
    step: AtomicU8,
    teller: OnceLock<Weak<Worker>>,
}

impl Crash {
    pub(crate) fn new() -> Self {
        Self { step: AtomicU8::new(UNARMED), teller: OnceLock::new() }
    }

    /// Through whom the last word goes.
    pub(crate) fn tells(&self, worker: &Arc<Worker>) {
        let _ = self.teller.set(Arc::downgrade(worker));
    }

    pub(crate) fn arm(&self, step: u8) {
        self.step.store(step, Ordering::Relaxed);
    }

    /// Dies here, if it is to die before this step.
    pub(crate) fn at(&self, step: Step) {
        let armed = self.step.load(Ordering::Relaxed);
        if Step::ALL.get(usize::from(armed)) != Some(&step) {
            return;
        }
        if let Some(worker) = self.teller.get().and_then(Weak::upgrade) {
            worker.teller.tell(&Event::Dies(armed));
        }
        let _ = kill_process(getpid(), Signal::KILL);
    }
}

/// Mostly not at all, sometimes for as long as a write takes, rarely for as long as many do. Asked for each key.
pub(crate) async fn dawdle() {
    let most = match fastrand::u32(0..400) {
        0..2 => 60_000,
        2..14 => 5_000,
        _ => return,
    };
    tokio::time::sleep(Duration::from_micros(fastrand::u64(0..most))).await;
}

impl Observer for Crash {
    fn before<'a>(&'a self, step: Step, _: &'a Key) -> BoxFuture<'a, ()> {
        Box::pin(async move {
            // Every read of every batch takes this step.
            if step != Step::Read {
                dawdle().await;
            }
            self.at(step);
        })
    }
}
