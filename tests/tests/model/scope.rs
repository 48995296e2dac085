//! Who is at work in a model, and what may go wrong in it.

use super::action::Action;
use super::state::PROCESSES;
use super::witness::Witness;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// Goes through a repository of this process.
    Repository(usize),
    /// Goes by plain SQL; a trigger writes the key to the outbox.
    Elsewhere,
}

/// From when on a read must see a write that goes through a repository. All other writes count from their delivery on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bar {
    Committed,
    Acknowledged,
}

/// What may go wrong, any number of times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Readers, writers and relays die at any step.
    Death,
    Rollback,
    /// The answer to a commit is lost.
    LostAnswer,
    /// A commit whose answer was lost arrives after its hold has run out.
    LateCommit,
    /// Redis forgets the key.
    Flush,
    /// A hold runs out although its writer is alive; writers renew what they can.
    EarlyEnd,
    /// A single release fails.
    FailedRelease,
    /// A stream breaks, and nobody notices at first.
    Cut,
    /// A single hold fails.
    FailedHold,
    /// A process cannot reach Redis for a while.
    Outage,
    /// Redis comes back as another server, with an older state.
    Restart,
}

#[derive(Debug)]
pub(crate) struct Scope {
    pub(crate) name: &'static str,
    pub(crate) writers: &'static [Who],
    /// The process of each flight.
    pub(crate) flights: &'static [usize],
    pub(crate) joiner: bool,
    /// Whether readers renew what is served.
    pub(crate) renews: bool,
    pub(crate) tiers: [bool; PROCESSES],
    pub(crate) relays: [bool; PROCESSES],
    pub(crate) bar: Bar,
    /// Whether every write through a repository leaves a row in the outbox, too.
    pub(crate) records: bool,
    pub(crate) faults: &'static [Fault],
    /// What has to happen in it.
    pub(crate) sees: &'static [Witness],
}

type Of = fn(usize) -> Action;

impl Scope {
    pub(crate) fn may(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    /// Whether a process may have to distrust Redis.
    pub(crate) fn distrusts(&self) -> bool {
        self.may(Fault::FailedRelease) || self.may(Fault::FailedHold) || self.disconnects()
    }

    /// The processes that anybody works in.
    pub(crate) fn processes(&self) -> impl Iterator<Item = usize> {
        (0..PROCESSES).filter(|process| {
            self.tiers[*process]
                || self.relays[*process]
                || self.flights.contains(process)
                || self.writers.contains(&Who::Repository(*process))
        })
    }

    /// Everything that can happen in this scope at some moment, always in the same order.
    pub(crate) fn actions(&self) -> Vec<Action> {
        let mut all = Vec::new();
        for (flight, home) in self.flights.iter().enumerate() {
            all.extend(self.of_reader(*home).into_iter().map(|of| of(flight)));
        }
        all.extend(self.joiner.then_some(Action::Leave));
        for (writer, who) in self.writers.iter().enumerate() {
            let actions = match who {
                Who::Repository(home) => self.of_writer(*home),
                Who::Elsewhere => self.of_writer_from_elsewhere(),
            };
            all.extend(actions.into_iter().map(|of| of(writer)));
        }
        all.extend([Action::LeaseRunsOut, Action::ValueRunsOut]);
        all.extend(self.may(Fault::Flush).then_some(Action::Flush));
        if self.may(Fault::Restart) {
            all.extend([Action::Save, Action::Restart]);
        }
        for process in self.processes() {
            all.extend(self.of_process(process).into_iter().map(|of| of(process)));
        }
        all.extend(self.tiers.contains(&true).then_some(Action::Tick));
        all
    }

    fn disconnects(&self) -> bool {
        self.may(Fault::Outage) || self.may(Fault::Restart)
    }

    fn of_reader(&self, home: usize) -> Vec<Of> {
        use Action::*;
        let mut all: Vec<Of> = vec![Read, Lease, Load, Fill];
        all.push(if self.tiers[home] { Admit } else { Answer });
        all.push(GiveUp);
        add(&mut all, self.renews, &[ReadToRenew]);
        add(&mut all, self.joiner, &[Join]);
        add(&mut all, self.may(Fault::Death), &[ReaderDies]);
        all
    }

    fn of_writer(&self, home: usize) -> Vec<Of> {
        use Action::*;
        let mut all: Vec<Of> = vec![Hold];
        add(&mut all, self.tiers[home], &[Forget]);
        all.extend::<[Of; 3]>([Commit, Release, HoldRunsOut]);
        add(&mut all, self.may(Fault::Death), &[WriterDies]);
        add(&mut all, self.may(Fault::Rollback), &[RollBack]);
        let in_doubt = self.may(Fault::LostAnswer);
        add(&mut all, in_doubt, &[LoseAnswer, CommitArrives, CommitVanishes]);
        add(&mut all, self.may(Fault::EarlyEnd), &[Renew, HoldRunsOutEarly]);
        add(&mut all, self.distrusts(), &[ReleaseFails, StopWaiting]);
        add(&mut all, self.may(Fault::FailedRelease), &[ReleaseUnanswered]);
        let outboxed = self.may(Fault::FailedHold) || self.may(Fault::Outage);
        add(&mut all, outboxed, &[HoldFails, HoldUnanswered, CommitWithRow, Acknowledge]);
        all
    }

    fn of_writer_from_elsewhere(&self) -> Vec<Of> {
        use Action::*;
        let mut all: Vec<Of> = vec![Change, CommitElsewhere];
        add(&mut all, self.may(Fault::Death), &[WriterDies]);
        all
    }

    fn of_process(&self, process: usize) -> Vec<Of> {
        use Action::*;
        let mut all: Vec<Of> = Vec::new();
        let (tier, relay) = (self.tiers[process], self.relays[process]);
        let cut = self.may(Fault::Cut);
        add(&mut all, tier, &[Evict, Beat, BeatComesBack]);
        add(&mut all, tier && cut, &[Cut]);
        add(&mut all, tier && (cut || self.may(Fault::Restart)), &[NoticeLoss, Resubscribe]);
        add(&mut all, relay, &[Take, Deliver, Delete]);
        add(&mut all, relay && self.may(Fault::Death), &[RelayDies]);
        add(&mut all, self.may(Fault::Outage), &[Disconnect]);
        add(&mut all, self.disconnects(), &[Reconnect]);
        add(&mut all, self.distrusts(), &[Trust]);
        all
    }
}

fn add(all: &mut Vec<Of>, may: bool, actions: &[Of]) {
    if may {
        all.extend(actions);
    }
}
