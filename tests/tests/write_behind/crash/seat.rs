//! A place for one process after another.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::sync::{Mutex, oneshot};

use super::Run;
use super::check::Ledger;
use super::child::{ENTRY, JOB, Job};
use super::doom::{OF_WORKERS, OF_WRITERS};
use crate::world::World;

/// How long a process may take to come to the step that it is to die at. Some never do.
const PATIENCE: Duration = Duration::from_millis(1000);

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) enum Role {
    Writer,
    Worker,
}

pub(super) struct Seat {
    pub(super) role: Role,
    pub(super) world: Arc<World>,
    pub(super) run: Arc<Run>,
    pub(super) ledger: Arc<Mutex<Ledger>>,
}

impl Seat {
    /// One process after another, until there were enough.
    pub(super) async fn occupy(self) {
        let mut number = 0;
        while self.run.one_more() {
            number += 1;
            let steps = match self.role {
                Role::Writer => &OF_WRITERS[..],
                Role::Worker => &OF_WORKERS[..],
            };
            let step = if fastrand::bool() { steps[fastrand::usize(0..steps.len())] } else { "" };
            let (died, step) = self.one(number, step).await;
            let said = if died { step } else { "at any moment" };
            *self.run.deaths.lock().await.entry(said.to_owned()).or_default() += 1;
        }
    }

    /// Whether it died by itself, and at which step it was to.
    async fn one<'s>(&self, number: u32, step: &'s str) -> (bool, &'s str) {
        let job = Job {
            role: self.role,
            redis: self.run.redis.url(),
            database: self.world.fixture.database().url().to_owned(),
            namespace: self.world.fixture.namespace().to_owned(),
            number,
            first: self.ledger.lock().await.window(),
            step: step.to_owned(),
            passes: if step == "leave" { 1 } else { fastrand::u32(1..15) },
        };
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([ENTRY, "--exact", "--nocapture", "--test-threads=1"])
            .env(JOB, serde_json::to_string(&job).unwrap())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        // To wait for a process closes its end of what it reads, and then it would end by itself.
        let _held = child.stdin.take();
        let (ready, is_ready) = oneshot::channel();
        let listening =
            tokio::spawn(listen(child.stdout.take().unwrap(), Arc::clone(&self.ledger), ready));
        let died = self.see_it_die(&mut child, is_ready, step).await;
        listening.await.unwrap();
        (died, step)
    }

    async fn see_it_die(
        &self,
        child: &mut Child,
        is_ready: oneshot::Receiver<()>,
        step: &str,
    ) -> bool {
        use std::os::unix::process::ExitStatusExt;
        // It may die before it is ready.
        let _ = tokio::time::timeout(Duration::from_secs(20), is_ready).await;
        let lives = match step {
            "" => Duration::from_micros(fastrand::u64(0..250_000)),
            _ => PATIENCE,
        };
        if let Ok(status) = tokio::time::timeout(lives, child.wait()).await {
            let status = status.unwrap();
            assert_eq!(status.signal(), Some(9), "a process ended by itself: {status}");
            return true;
        }
        child.kill().await.unwrap();
        false
    }
}

/// Hears what a process tells, up to its last word.
async fn listen(
    out: tokio::process::ChildStdout,
    ledger: Arc<Mutex<Ledger>>,
    ready: oneshot::Sender<()>,
) {
    let mut ready = Some(ready);
    let mut lines = BufReader::new(out).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        match line.strip_prefix('@') {
            Some("ready") => drop(ready.take().map(|ready| ready.send(()))),
            Some(said) => ledger.lock().await.hear(said),
            None => {}
        }
    }
}
