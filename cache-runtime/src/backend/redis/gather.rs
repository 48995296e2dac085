//! Reads that come while others are under way go in one `MGET`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use tokio::sync::oneshot;

use super::failure::translate;
use super::link::{Link, Patience};
use crate::error::{Error, ErrorKind, Result};
use crate::gather::{Gather, Place, Together};
use crate::key::Key;

/// While one answer is decoded and handed out the server has another one to work on; a third would only make the
/// gathered ones fewer.
pub(super) const AT_ONCE: usize = 2;

/// For longer nobody waits for others: half of the time after which silence counts as a hang, and many round trips.
const PATIENCE: Duration = Duration::from_millis(20);
/// Keys in one exchange of several callers: with large values more would make those wait who want a small one.
const MOST_KEYS: usize = 128;

/// What stands at a key, and what PTTL said, where that was asked for.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) value: Option<Bytes>,
    pub(super) left: Option<i64>,
}

/// One caller's read.
#[derive(Debug)]
pub(super) struct Asked {
    keys: Vec<Key>,
    live: bool,
    answer: oneshot::Sender<Result<Vec<Read>>>,
}

/// A caller that waits for what others send, for whoever judges whether the server hangs.
struct Waiting<'w>(&'w AtomicUsize);

impl<'w> Waiting<'w> {
    fn among(waiting: &'w AtomicUsize) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Whether each of several reads would have failed with it: nobody answered.
fn is_everybodys(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Timeout | ErrorKind::Unreachable | ErrorKind::Closed)
}

impl Together for Link {
    type Asked = Asked;

    fn gather(&self) -> &Gather<Asked> {
        self.gathered()
    }

    fn is_awaited(asked: &Asked) -> bool {
        !asked.answer.is_closed()
    }

    fn next(queue: &mut VecDeque<Asked>) -> Vec<Asked> {
        let mut keys = 0;
        let fits = |asked: &Asked| {
            keys += asked.keys.len();
            keys <= MOST_KEYS
        };
        let several = queue.iter().map(fits).take_while(|fits| *fits).count().max(1);
        queue.drain(..several).collect()
    }

    async fn ask(self: Arc<Self>, asked: Vec<Asked>) {
        let reads: Vec<_> = asked.iter().map(|asked| (&asked.keys[..], asked.live)).collect();
        // Where an answer cannot be sent nobody waits for it any more.
        let answers = match self.admit() {
            Ok(()) => self.read_each(&reads).await,
            Err(refusal) => Err(refusal),
        };
        match answers {
            Ok(answers) => {
                for (asked, answer) in asked.into_iter().zip(answers) {
                    drop(asked.answer.send(Ok(answer)));
                }
            }
            // The server's own words may be about one of the keys: each asks for itself.
            Err(error) if asked.len() > 1 && !is_everybodys(&error) => drop(asked),
            Err(error) => {
                for asked in asked {
                    drop(asked.answer.send(Err(error.clone())));
                }
            }
        }
    }
}

impl Link {
    /// Reads these keys in one exchange, maybe with those of others; asks for what is left of their lives, too, where they
    /// are to be `live`. It is a read, so it may be sent again.
    pub(super) async fn read_together(
        self: &Arc<Self>,
        keys: &[Key],
        live: bool,
    ) -> Result<Vec<Read>> {
        // Who is refused neither waits nor takes a place.
        self.admit()?;
        let asked = |keys: &[Key]| {
            let (answer, answered) = oneshot::channel();
            (Asked { keys: keys.to_vec(), live, answer }, answered)
        };
        let answered = match Place::or_wait(self, keys, asked) {
            Ok((_place, keys)) => return self.read_alone(keys, live).await,
            Err(answered) => answered,
        };
        let waiting = Waiting::among(self.waiting());
        match tokio::time::timeout(PATIENCE, answered).await {
            Ok(Ok(answer)) => answer,
            // Whoever was to send it has died with its runtime, or has it from the server that a key is not for us; or
            // those before are slow, or belong to somebody who does not poll them.
            Ok(Err(_)) | Err(_) => {
                drop(waiting);
                self.admit()?;
                self.read_alone(keys, live).await
            }
        }
    }

    async fn read_alone(self: &Arc<Self>, keys: &[Key], live: bool) -> Result<Vec<Read>> {
        let mut read = self.read_each(&[(keys, live)]).await?;
        Ok(read.pop().unwrap_or_default())
    }

    /// One exchange for all of these, which are let through.
    async fn read_each(self: &Arc<Self>, reads: &[(&[Key], bool)]) -> Result<Vec<Vec<Read>>> {
        let mut lives = Pipeline::new();
        let mut values = redis::cmd("MGET");
        for (keys, live) in reads {
            for key in *keys {
                values.arg(key.as_str());
                // What is left is asked first: a value that takes another's place in between, and lives longer, is then
                // taken for one with less left, and never the other way round.
                if *live {
                    lives.cmd("PTTL").arg(key.as_str());
                }
            }
        }
        let (asks_for_lives, values) = (!lives.is_empty(), &values);
        if asks_for_lives {
            lives.add_command(values.clone());
        }
        let lives = &lives;
        let exchange = |mut connection: MultiplexedConnection| async move {
            if asks_for_lives {
                lives.query_async::<Vec<redis::Value>>(&mut connection).await
            } else {
                values.query_async::<redis::Value>(&mut connection).await.map(|values| vec![values])
            }
        };
        let mut answers = self.run_again(Patience::Reader, exchange).await?;
        let failed = |error: redis::ParsingError| translate(self.place(), error.into());
        let values = answers.pop().unwrap_or(redis::Value::Nil);
        let values: Vec<Option<Bytes>> = redis::from_redis_value(values).map_err(failed)?;
        let (mut values, mut lives) = (values.into_iter(), answers.into_iter());
        let mut all = Vec::with_capacity(reads.len());
        for (keys, live) in reads {
            let mut read = Vec::with_capacity(keys.len());
            for value in values.by_ref().take(keys.len()) {
                let left = match if *live { lives.next() } else { None } {
                    Some(left) => Some(redis::from_redis_value(left).map_err(failed)?),
                    None => None,
                };
                read.push(Read { value, left });
            }
            all.push(read);
        }
        Ok(all)
    }
}
