//! Leases and fills of single keys: those that come while others are under way go in one pipeline.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use redis::{Pipeline, Value};
use tokio::sync::oneshot;

use super::{AT_ONCE, Answered, Waiting, is_everybodys};
use crate::backend::redis::RedisCache;
use crate::backend::redis::fills::{MOST_BYTES, MOST_FILLS};
use crate::backend::redis::link::{Link, Patience};
use crate::backend::redis::pipeline::call;
use crate::backend::redis::scripts;
use crate::backend::redis::steps::take;
use crate::error::{Error, Result};
use crate::gather::{Gather, Place, Together};
use crate::port::{Fill, LeaseOutcome, LeaseRequest};

/// Steps in one pipeline: the fills among them go in one script.
const MOST_STEPS: usize = MOST_FILLS;

/// The leases and fills of one connection.
pub(in super::super) struct Steps {
    link: Arc<Link>,
    gather: Gather<Asked>,
}

/// One caller's step.
#[derive(Debug)]
pub(in super::super) enum Asked {
    /// The lease of an absent key.
    Lease(LeaseRequest, Duration, Sent, Waiting, oneshot::Sender<Result<LeaseOutcome>>),
    Fill(Fill, Waiting, oneshot::Sender<Result<bool>>),
}

/// Whether a lease is on its way to the server, which has said nothing yet: it is not asked for once more under its token,
/// because the first question may arrive after the second one's answer is used up.
type Sent = Arc<AtomicBool>;

impl Asked {
    fn bytes(&self) -> usize {
        match self {
            Self::Lease(..) => 0,
            Self::Fill(fill, ..) => fill.entry.len(),
        }
    }
}

impl Steps {
    pub(in super::super) fn over(link: &Arc<Link>) -> Self {
        let gather = Gather::new(AT_ONCE);
        Self { link: Arc::clone(link), gather }
    }
}

impl Together for Steps {
    type Asked = Asked;

    fn gather(&self) -> &Gather<Asked> {
        &self.gather
    }

    fn patience(&self) -> Duration {
        self.link.patience()
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
        let mut waiting = Vec::with_capacity(asked.len());
        for asked in asked {
            match asked {
                Asked::Lease(request, ttl, sent, waits, answer) => {
                    leases.push((request, ttl, sent, answer));
                    waiting.push(waits);
                }
                Asked::Fill(fill, waits, answer) => {
                    fills.push(fill);
                    filled.push(answer);
                    waiting.push(waits);
                }
            }
        }
        let mut pipeline = Pipeline::with_capacity(leases.len() + 1);
        for (request, ttl, ..) in &leases {
            take(&mut pipeline, request, *ttl);
        }
        let portions = cache.put_fills(&mut pipeline, &fills);
        let answers = match cache.admitted() {
            Ok(()) => {
                leases.iter().for_each(|(_, _, sent, _)| sent.store(true, Ordering::Release));
                cache.pipeline::<Value>(Patience::Reader, pipeline, &[]).await
            }
            Err(refusal) => Err(refusal),
        };
        drop(waiting);
        let mut unwanted = Vec::new();
        match answers {
            Ok(answers) => {
                let mut answers = answers.into_iter();
                for ((request, _, _, answer), outcome) in leases.into_iter().zip(answers.by_ref()) {
                    let outcome = cache.leased(&request, outcome);
                    if let Err(Ok(LeaseOutcome::Granted)) = answer.send(outcome) {
                        unwanted.push(request);
                    }
                }
                for (answer, stands) in
                    filled.into_iter().zip(cache.filled(&portions, &mut answers))
                {
                    // Where nothing is said of it, whoever asks alone is told why.
                    if let Some(stands) = stands {
                        drop(answer.send(Ok(stands)));
                    }
                }
            }
            // Whether the server has taken these steps is not known, as for one alone.
            Err(error) if is_everybodys(&error) => {
                for (request, _, sent, answer) in leases {
                    if answer.send(Err(error.clone())).is_err() && sent.load(Ordering::Acquire) {
                        unwanted.push(request);
                    }
                }
                filled.into_iter().for_each(|answer| drop(answer.send(Err(error.clone()))));
            }
            // The server has answered: each asks for itself.
            Err(_) => {
                leases.iter().for_each(|(_, _, sent, _)| sent.store(false, Ordering::Release));
            }
        }
        // Whoever asked has gone, and may have given the lease back before it was granted. Nobody waits for that.
        if !unwanted.is_empty() {
            tokio::spawn(async move { cache.give_back(&unwanted).await });
        }
    }
}

impl RedisCache {
    /// Gives back leases that nobody wants any more.
    async fn give_back(&self, leases: &[LeaseRequest]) {
        let given = self.each::<_, Value>(Patience::Reader, leases, |pipeline, lease| {
            let arguments = [&lease.token.lease()[..]];
            call(pipeline, &scripts::ABANDON, lease.key.as_str(), &arguments);
        });
        drop(given.await);
    }

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
            let (sent, waits) = (Sent::default(), Waiting::among(self.link.waiting()));
            let asked = Asked::Lease(request.clone(), ttl, Arc::clone(&sent), waits, answer);
            (asked, (sent, answered))
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
            (Asked::Fill(fill.clone(), Waiting::among(self.link.waiting()), answer), answered)
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
        Ok(self.fill_each(&[fill]).await?.pop().unwrap_or(false))
    }
}
