//! Follows the stream of invalidations, and keeps the tier in the process true to it.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::context::Context;
use super::tier::Tier;
use crate::clock::Moment;
use crate::error::{ErrorKind, Result};
use crate::port::{Heard, InvalidationStream, Step};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// Beats that may be under way. When the oldest of more has not come back, the stream is half open.
const MOST_BEATS: usize = 8;
/// A machine that slept this long may have slept through anything.
const SLEPT: Duration = Duration::from_secs(1);

/// Follows the stream for as long as the manager is there.
pub(super) async fn listen(context: Weak<Context>) {
    let mut pause = FIRST_PAUSE;
    loop {
        let Some(here) = context.upgrade() else { return };
        let opened = here.cache.invalidations(&here.namespace).await;
        let failure = match opened {
            Ok(stream) => {
                pause = FIRST_PAUSE;
                drop(here);
                follow(stream, &context).await
            }
            Err(error) => Err(error),
        };
        let Some(here) = context.upgrade() else { return };
        let Some(tier) = &here.tier else { return };
        tier.shut();
        if let Err(error) = failure {
            match error.kind() {
                ErrorKind::Closed | ErrorKind::Unsupported => return,
                _ => here.complain("following the invalidations", &error),
            }
        }
        drop(here);
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

/// A beat that was sent.
struct Beat {
    number: u64,
    sent: Moment,
    /// The same, exactly.
    sent_at: Duration,
    session: u64,
}

/// Until the stream is lost, or the manager has gone.
async fn follow(mut stream: Box<dyn InvalidationStream>, context: &Weak<Context>) -> Result<()> {
    let mut beats: VecDeque<Beat> = VecDeque::new();
    let mut number = 0;
    let (mut session, mut last) = (None, None);
    loop {
        let Some(here) = context.upgrade() else { return Ok(()) };
        let Some(tier) = &here.tier else { return Ok(()) };
        let (now, current) = (here.clock.moment(), here.cache.session());
        if session.replace(current) != Some(current)
            || last.replace(now).is_some_and(|last: Moment| last.suspended(now) > SLEPT)
        {
            beats.clear();
            tier.shut();
            tier.open();
        }
        if beats.len() >= MOST_BEATS {
            return Ok(());
        }
        number += 1;
        let sent_at = here.clock.elapsed();
        beats.push_back(Beat { number, sent: now, sent_at, session: current });
        // A beat that cannot be sent does not come back: the proof runs out by itself.
        let _ = stream.beat(number).await;
        let period = here.beat_period();
        drop(here);
        let next_beat = tokio::time::sleep(period);
        tokio::pin!(next_beat);
        loop {
            let heard = tokio::select! {
                () = &mut next_beat => break,
                heard = stream.next() => heard?,
            };
            let Some(here) = context.upgrade() else { return Ok(()) };
            here.hear(heard, &mut beats).await;
        }
    }
}

impl Context {
    /// Begins to follow the stream, if nobody does yet and there is a runtime to do it on.
    pub(super) fn listen(self: &Arc<Self>) {
        if !self.listening.begin() {
            return;
        }
        match tokio::runtime::Handle::try_current() {
            Ok(runtime) => {
                let context = Arc::downgrade(self);
                let following = Following(Arc::downgrade(self));
                runtime.spawn(async move {
                    let _following = following;
                    listen(context).await;
                });
            }
            Err(_) => self.listening.end(),
        }
    }

    async fn hear(&self, heard: Heard, beats: &mut VecDeque<Beat>) {
        let Some(tier) = &self.tier else { return };
        match heard {
            Heard::Keys(keys) => {
                for key in &keys {
                    self.before(Step::Evict, key).await;
                    self.evict(key);
                }
            }
            Heard::Everything => tier.empty(),
            Heard::Beat(number) => {
                while let Some(beat) = beats.pop_front_if(|beat| beat.number <= number) {
                    // One that went by an outage proves nothing: writes of that time may wait in the outbox.
                    let session = self.cache.session();
                    if beat.number == number && beat.session == session {
                        self.beats.add(self.clock.elapsed().saturating_sub(beat.sent_at));
                    }
                    if beat.number == number && beat.session == session && self.gate.trusts(session)
                    {
                        tier.prove(beat.sent);
                    }
                }
            }
        }
    }
}

/// However the task ends, with its runtime too: the tier must not go on without it, and the next read begins another.
struct Following(Weak<Context>);

impl Drop for Following {
    fn drop(&mut self) {
        if let Some(context) = self.0.upgrade() {
            context.tier.as_ref().inspect(|tier: &&Tier| tier.shut());
            context.listening.end();
        }
    }
}
