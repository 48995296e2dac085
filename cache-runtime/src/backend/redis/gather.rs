//! Reads that come while others are under way go in one `MGET`; leases and fills in one pipeline.

mod steps;

use std::collections::VecDeque;
use std::slice::from_ref;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use redis::Pipeline;
use redis::aio::MultiplexedConnection;
use tokio::sync::oneshot;

pub(super) use self::steps::Steps;
use super::failure::translate;
use super::link::{Link, Patience};
use crate::error::{Error, ErrorKind, Result};
use crate::gather::{Gather, Place, Together};
use crate::key::Key;

/// While one answer is decoded and handed out the server has another one to work on; a third would only make the
/// gathered ones fewer.
pub(super) const AT_ONCE: usize = 2;

/// For much longer nobody waits for others: half of the time after which silence counts as a hang, and many round trips.
pub(super) const PATIENCE: Duration = Duration::from_millis(20);
/// And no less than so many round trips.
pub(super) const ROUND_TRIPS: u32 = 2;
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
pub(super) enum Asked {
    /// What most ask: one key.
    One(Key, Waiting, oneshot::Sender<Result<Option<Bytes>>>),
    Several {
        keys: Vec<Key>,
        live: bool,
        waiting: Waiting,
        answer: oneshot::Sender<Result<Vec<Read>>>,
    },
}

impl Asked {
    fn keys(&self) -> &[Key] {
        match self {
            Self::One(key, ..) => from_ref(key),
            Self::Several { keys, .. } => keys,
        }
    }

    fn live(&self) -> bool {
        matches!(self, Self::Several { live: true, .. })
    }

    /// Takes its own of the answers. Where they cannot be sent nobody waits for them any more.
    fn answer(self, answers: &mut impl Iterator<Item = Read>) {
        match self {
            Self::One(.., waiting, answer) => {
                drop(waiting);
                drop(answer.send(Ok(answers.next().and_then(|read| read.value))));
            }
            Self::Several { keys, waiting, answer, .. } => {
                drop(waiting);
                drop(answer.send(Ok(answers.take(keys.len()).collect())));
            }
        }
    }

    fn fail(self, error: Error) {
        match self {
            Self::One(.., answer) => drop(answer.send(Err(error))),
            Self::Several { answer, .. } => drop(answer.send(Err(error))),
        }
    }
}

/// A question that waits for an answer which others are to bring, for whoever judges whether the server hangs. It has its
/// answer when it is dropped, whenever its caller looks.
#[derive(Debug)]
pub(super) struct Waiting(Arc<AtomicUsize>);

impl Waiting {
    fn among(waiting: &Arc<AtomicUsize>) -> Self {
        waiting.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(waiting))
    }
}

impl Drop for Waiting {
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

    fn patience(&self) -> Duration {
        Link::patience(self)
    }

    fn is_awaited(asked: &Asked) -> bool {
        match asked {
            Asked::One(.., answer) => !answer.is_closed(),
            Asked::Several { answer, .. } => !answer.is_closed(),
        }
    }

    fn next(queue: &mut VecDeque<Asked>) -> Vec<Asked> {
        let mut keys = 0;
        let fits = |asked: &Asked| {
            keys += asked.keys().len();
            keys <= MOST_KEYS
        };
        let several = queue.iter().map(fits).take_while(|fits| *fits).count().max(1);
        queue.drain(..several).collect()
    }

    async fn ask(self: Arc<Self>, asked: Vec<Asked>) {
        let reads: Vec<_> = asked.iter().map(|asked| (asked.keys(), asked.live())).collect();
        let answers = match self.admit() {
            Ok(()) => self.read_each(&reads).await,
            Err(refusal) => Err(refusal),
        };
        match answers {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                asked.into_iter().for_each(|asked| asked.answer(&mut answers));
            }
            // The server's own words may be about one of the keys: each asks for itself.
            Err(error) if asked.len() > 1 && !is_everybodys(&error) => drop(asked),
            Err(error) => asked.into_iter().for_each(|asked| asked.fail(error.clone())),
        }
    }
}

/// What came of a question that others were to ask.
enum Answered<T> {
    With(T),
    /// Those who were to ask it have let it go.
    LetGo,
    /// Nobody has said anything for longer than the exchange of others, and a place before it, may take: the runtime that was
    /// to ask may be driven by nobody.
    Silence,
}

impl<T> Answered<T> {
    async fn by_others(link: &Link, answer: oneshot::Receiver<T>) -> Self {
        let long_enough = link.operation_timeout().saturating_add(2 * link.patience());
        match tokio::time::timeout(long_enough, answer).await {
            Ok(Ok(answer)) => Self::With(answer),
            Ok(Err(_)) => Self::LetGo,
            Err(_) => Self::Silence,
        }
    }
}

impl Link {
    /// What stands at this key, read in one exchange, maybe with those of others. It is a read, so it may be sent again.
    pub(super) async fn read_one_together(self: &Arc<Self>, key: &Key) -> Result<Option<Bytes>> {
        // Who is refused neither waits nor takes a place.
        self.admit()?;
        let asked = |key: &Key| {
            let (answer, answered) = oneshot::channel();
            (Asked::One(key.clone(), Waiting::among(self.waiting()), answer), answered)
        };
        match Place::enter(self, key, asked).await {
            Ok((_place, key)) => return self.read_one_alone(key).await,
            Err(answered) => {
                if let Answered::With(answer) = Answered::by_others(self, answered).await {
                    return answer;
                }
            }
        }
        // Whoever was to send it has died with its runtime, or has it from the server that a key is not for us; or those
        // before are slow, or belong to somebody who does not poll them.
        self.admit()?;
        self.read_one_alone(key).await
    }

    async fn read_one_alone(self: &Arc<Self>, key: &Key) -> Result<Option<Bytes>> {
        let mut get = redis::cmd("GET");
        get.arg(key.as_str());
        let get = &get;
        let exchange = |mut connection: MultiplexedConnection| async move {
            get.query_async(&mut connection).await
        };
        match self.run_again(Patience::Reader, exchange).await {
            // As in an `MGET`: the lease finds it.
            Err(error) if error.kind() == ErrorKind::WrongType => Ok(None),
            read => read,
        }
    }

    /// Reads these keys in one exchange, maybe with those of others; asks for what is left of their lives, too, where they
    /// are to be `live`. It is a read, so it may be sent again.
    pub(super) async fn read_together(
        self: &Arc<Self>,
        keys: &[Key],
        live: bool,
    ) -> Result<Vec<Read>> {
        self.admit()?;
        let asked = |keys: &[Key]| {
            let (answer, answered) = oneshot::channel();
            let waiting = Waiting::among(self.waiting());
            (Asked::Several { keys: keys.to_vec(), live, waiting, answer }, answered)
        };
        match Place::enter(self, keys, asked).await {
            Ok((_place, keys)) => return self.read_each(&[(keys, live)]).await,
            Err(answered) => {
                if let Answered::With(answer) = Answered::by_others(self, answered).await {
                    return answer;
                }
            }
        }
        self.admit()?;
        self.read_each(&[(keys, live)]).await
    }

    /// One exchange for all of these, which are let through.
    async fn read_each(self: &Arc<Self>, reads: &[(&[Key], bool)]) -> Result<Vec<Read>> {
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
        let mut all = Vec::with_capacity(values.len());
        for (keys, live) in reads {
            for value in values.by_ref().take(keys.len()) {
                let left = match if *live { lives.next() } else { None } {
                    Some(left) => Some(redis::from_redis_value(left).map_err(failed)?),
                    None => None,
                };
                all.push(Read { value, left });
            }
        }
        Ok(all)
    }
}
