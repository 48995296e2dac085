//! Leases and fills of single keys: those that come while others are under way go in one pipeline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Pipeline, RedisResult, Value};
use tokio::sync::oneshot;

use super::{AT_ONCE, Answered, PATIENCE, is_everybodys};
use crate::backend::redis::RedisCache;
use crate::backend::redis::link::{Link, Patience};
use crate::backend::redis::pipeline::call_many;
use crate::backend::redis::scripts;
use crate::backend::redis::steps::{argument, take};
use crate::error::{Error, Result};
use crate::gather::{Gather, Place, Together};
use crate::port::{CoherentCache, Fill, LeaseOutcome, LeaseRequest};

/// Steps in one pipeline, and bytes that are filled by one: the server does nothing else meanwhile.
const MOST_STEPS: usize = 128;
const MOST_BYTES: usize = 256 * 1024;

/// The leases and fills of one connection.
pub(in super::super) struct Steps {
    link: Arc<Link>,
    gather: Gather<Asked>,
}

/// One caller's step.
#[derive(Debug)]
pub(in super::super) enum Asked {
    /// The lease of an absent key.
    Lease(LeaseRequest, Duration, Sent, oneshot::Sender<Result<LeaseOutcome>>),
    Fill(Fill, oneshot::Sender<Result<bool>>),
}

/// Whether a lease is on its way to the server, which has said nothing yet: it is not asked for once more under its token,
/// because the first question may arrive after the second one's answer is used up.
type Sent = Arc<AtomicBool>;

impl Asked {
    fn bytes(&self) -> usize {
        match self {
            Self::Lease(..) => 0,
            Self::Fill(fill, _) => fill.entry.len(),
        }
    }
}

impl Steps {
    pub(in super::super) fn over(link: &Arc<Link>) -> Self {
        let gather = Gather::new(AT_ONCE, Some(PATIENCE));
        Self { link: Arc::clone(link), gather }
    }
}

impl Together for Steps {
    type Asked = Asked;

    fn gather(&self) -> &Gather<Asked> {
        &self.gather
    }

    fn is_awaited(asked: &Asked) -> bool {
        match asked {
            Asked::Lease(.., answer) => !answer.is_closed(),
            // It takes the place of a lease, which would stand to its end.
            Asked::Fill(..) => true,
        }
    }

    fn next(queue: &mut VecDeque<Asked>) -> Vec<Asked> {
        let mut bytes = 0;
        let fits = |asked: &Asked| {
            bytes += asked.bytes();
            bytes <= MOST_BYTES
        };
        let several = queue.iter().take(MOST_STEPS).map(fits).take_while(|fits| *fits).count();
        queue.drain(..several.max(1)).collect()
    }

    async fn ask(self: Arc<Self>, asked: Vec<Asked>) {
        let cache = RedisCache { link: Arc::clone(&self.link), steps: self };
        let (mut leases, mut fills, mut filled) = (Vec::new(), Vec::new(), Vec::new());
        for asked in asked {
            match asked {
                Asked::Lease(request, ttl, sent, answer) => {
                    leases.push((request, ttl, sent, answer))
                }
                Asked::Fill(fill, answer) => {
                    fills.push(fill);
                    filled.push(answer);
                }
            }
        }
        let mut pipeline = Pipeline::with_capacity(leases.len() + 1);
        for (request, ttl, ..) in &leases {
            take(&mut pipeline, request, *ttl);
        }
        if !fills.is_empty() {
            let arguments = fills.iter().map(|fill| {
                (fill.key.as_str(), fill.token.lease(), &fill.entry, argument(fill.ttl))
            });
            call_many(&mut pipeline, &scripts::FILL_MANY, fills.len(), arguments);
        }
        let answers = match cache.admitted() {
            Ok(()) => {
                leases.iter().for_each(|(_, _, sent, _)| sent.store(true, Ordering::Release));
                cache.pipeline::<Value>(Patience::Reader, pipeline, &[]).await
            }
            Err(refusal) => Err(refusal),
        };
        let mut answers = match answers {
            Ok(answers) => answers.into_iter(),
            // Whether the server has taken these steps is not known, as for one alone.
            Err(error) if is_everybodys(&error) => {
                leases.into_iter().for_each(|(.., answer)| drop(answer.send(Err(error.clone()))));
                filled.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
                return;
            }
            // The server has answered: each asks for itself.
            Err(_) => {
                leases.iter().for_each(|(_, _, sent, _)| sent.store(false, Ordering::Release));
                return;
            }
        };
        let mut unwanted = Vec::new();
        for ((request, _, _, answer), outcome) in leases.into_iter().zip(answers.by_ref()) {
            if let Err(Ok(LeaseOutcome::Granted)) = answer.send(cache.leased(&request, outcome)) {
                unwanted.push(request);
            }
        }
        if let Some(stands) = answers.next().and_then(|stands| each(stands, filled.len())) {
            cache.link.tally().set(stands.iter().filter(|stands| **stands == Some(true)).count());
            for (answer, stands) in filled.into_iter().zip(stands) {
                // Where there is none the server has said why not: whoever asks alone is told.
                if let Some(stands) = stands {
                    drop(answer.send(Ok(stands)));
                }
            }
        }
        // Whoever asked has gone, and may have given the lease back before it was granted.
        for LeaseRequest { key, token, .. } in unwanted {
            drop(cache.abandon(&[key], token).await);
        }
    }
}

/// What became of each of so many fills; nothing where they were not run.
fn each(stands: RedisResult<Value>, fills: usize) -> Option<Vec<Option<bool>>> {
    let codes: Vec<i64> = redis::from_redis_value(stands.ok()?).ok()?;
    let stands = |code| match code {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    };
    (codes.len() == fills).then(|| codes.into_iter().map(stands).collect())
}

impl RedisCache {
    /// Takes the lease of an absent key, maybe together with the steps of others.
    pub(in super::super) async fn lease_together(
        &self,
        request: &LeaseRequest,
        ttl: Duration,
    ) -> Result<LeaseOutcome> {
        // Who is refused neither waits nor takes a place.
        self.admitted()?;
        let asked = |request: &LeaseRequest| {
            let (answer, answered) = oneshot::channel();
            let sent = Sent::default();
            (Asked::Lease(request.clone(), ttl, Arc::clone(&sent), answer), (sent, answered))
        };
        let (sent, answered) = match Place::enter(&self.steps, request, asked).await {
            Ok((_place, request)) => return self.lease_alone(request, ttl).await,
            Err(waits) => waits,
        };
        match Answered::by_others(&self.link, answered).await {
            Answered::With(answer) => answer,
            Answered::LetGo if !sent.load(Ordering::Acquire) => {
                self.lease_alone(request, ttl).await
            }
            Answered::LetGo | Answered::Silence => Err(self.failed_silently()),
        }
    }

    async fn lease_alone(&self, request: &LeaseRequest, ttl: Duration) -> Result<LeaseOutcome> {
        self.admitted()?;
        let mut pipeline = Pipeline::with_capacity(1);
        take(&mut pipeline, request, ttl);
        let mut answers = self.pipeline::<Value>(Patience::Reader, pipeline, &[]).await?;
        self.leased(request, answers.pop().unwrap_or(Ok(Value::Nil)))
    }

    /// Fills one key, maybe together with the steps of others.
    pub(in super::super) async fn fill_together(&self, fill: &Fill) -> Result<bool> {
        self.admitted()?;
        let asked = |fill: &Fill| {
            let (answer, answered) = oneshot::channel();
            (Asked::Fill(fill.clone(), answer), answered)
        };
        match Place::enter(&self.steps, fill, asked).await {
            Ok((_place, fill)) => return self.fill_alone(fill).await,
            Err(answered) => match Answered::by_others(&self.link, answered).await {
                Answered::With(answer) => answer,
                // Where it was sent, and was accepted, the lease is gone, and it counts as refused: that proves nothing.
                Answered::LetGo => self.fill_alone(fill).await,
                Answered::Silence => Err(self.failed_silently()),
            },
        }
    }

    /// Others were to ask, and nobody knows what came of it.
    fn failed_silently(&self) -> Error {
        self.link.tally().failed(1);
        self.link.too_slow()
    }

    async fn fill_alone(&self, fill: &Fill) -> Result<bool> {
        Ok(self.fill_each(std::slice::from_ref(fill)).await?.pop().unwrap_or(false))
    }
}
