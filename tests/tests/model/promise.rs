//! What must hold in every state. A hit needs no reader: what one would be served now is looked at in each state, so that
//! there are as many readers as there are moments.

use std::sync::atomic::Ordering;

use stateright::{Model, Property};

use super::action::Action;
use super::protocol::Protocol;
use super::state::{State, Version};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Promise {
    /// A hit in Redis is never older than what a read that begins now has to see.
    Strong,
    /// Nor is what a joiner is given, for the read that it began.
    Joined,
    /// A hit in a tier is never older than what had to be seen one bound ago.
    Bounded,
    /// Nor than what was acknowledged to this process.
    OwnWrites,
    /// Whatever was begun comes to its end, and then nothing old is left.
    Rest,
}

impl Promise {
    pub(crate) const ALL: [Self; 5] =
        [Self::Strong, Self::Joined, Self::Bounded, Self::OwnWrites, Self::Rest];

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Strong => "Strong",
            Self::Joined => "Strong for a joiner",
            Self::Bounded => "Bounded(t)",
            Self::OwnWrites => "own writes",
            Self::Rest => "rest",
        }
    }

    fn condition(self) -> fn(&Protocol, &State) -> bool {
        match self {
            Self::Strong => |protocol, s| protocol.judge(Self::Strong, s),
            Self::Joined => |protocol, s| protocol.judge(Self::Joined, s),
            Self::Bounded => |protocol, s| protocol.judge(Self::Bounded, s),
            Self::OwnWrites => |protocol, s| protocol.judge(Self::OwnWrites, s),
            Self::Rest => |protocol, s| protocol.judge(Self::Rest, s),
        }
    }
}

impl Model for Protocol {
    type State = State;
    type Action = Action;

    fn init_states(&self) -> Vec<State> {
        vec![State::beginning()]
    }

    fn actions(&self, _: &State, actions: &mut Vec<Action>) {
        actions.extend_from_slice(&self.actions);
    }

    fn next_state(&self, state: &State, action: Action) -> Option<State> {
        let next = self.next(state, action)?;
        let comes_nearer = || self.left(&next) < self.left(state);
        assert!(
            !self.is_whole() || !self.finishes(state, action) || comes_nearer(),
            "{action:?} finishes nothing in {state:?}"
        );
        Some(next)
    }

    fn properties(&self) -> Vec<Property<Self>> {
        Promise::ALL.map(|promise| Property::always(promise.name(), promise.condition())).into()
    }
}

impl Protocol {
    /// Only the first time that a promise is broken is told: the checker, which goes on for a while, would keep the last.
    fn judge(&self, promise: Promise, s: &State) -> bool {
        let bit = 1 << promise as u32;
        self.holds(promise, s) || self.broken.fetch_or(bit, Ordering::Relaxed) & bit != 0
    }

    fn holds(&self, promise: Promise, s: &State) -> bool {
        match promise {
            Promise::Rest => self.comes_to_rest(s),
            _ => self.served(promise, s).all(|(version, need)| version >= need),
        }
    }

    /// What is served in this state under a promise, and what it must not be older than.
    pub(crate) fn served(
        &self,
        promise: Promise,
        s: &State,
    ) -> impl Iterator<Item = (Version, Version)> {
        let serve = move |process: usize| {
            let here = &s.processes[process];
            match promise {
                Promise::Strong if self.asks_redis(s, process) => {
                    Some((self.value(s)?, self.need(s, process)))
                }
                Promise::Bounded => Some((self.tier_hit(s, process)?, s.bar_before)),
                Promise::OwnWrites => Some((self.tier_hit(s, process)?, here.own)),
                _ => None,
            }
        };
        let joined = (promise == Promise::Joined).then(|| self.joined(s)).flatten();
        self.scope.processes().filter_map(serve).chain(joined)
    }
}
