//! What can happen next. Who acts is named by number: flights, writers, processes.

use cache_runtime::Step;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Action {
    // Readers.
    Read(usize),
    /// A look that finds a value, which the reader is to renew.
    ReadToRenew(usize),
    Lease(usize),
    Load(usize),
    Fill(usize),
    Admit(usize),
    /// The reply to a fill, or the row without a lease, comes in where no tier is waiting for it.
    Answer(usize),
    /// Somebody else's lease has been waited for long enough.
    GiveUp(usize),
    ReaderDies(usize),
    Join(usize),
    /// The joiner has waited long enough, and leaves the flight to nobody else.
    Leave,

    // Writers that go through a repository.
    Hold(usize),
    Renew(usize),
    Forget(usize),
    Commit(usize),
    /// The commit is sent, and its answer is lost.
    LoseAnswer(usize),
    CommitArrives(usize),
    CommitVanishes(usize),
    RollBack(usize),
    Release(usize),
    ReleaseFails(usize),
    /// The same, and Redis has released all the same.
    ReleaseUnanswered(usize),
    /// Redis cannot be reached, so the key goes to the outbox.
    HoldFails(usize),
    /// The same, and Redis has placed the hold all the same.
    HoldUnanswered(usize),
    CommitWithRow(usize),
    Acknowledge(usize),
    /// The delivery has been waited for long enough.
    StopWaiting(usize),
    WriterDies(usize),

    // Writers from elsewhere.
    Change(usize),
    CommitElsewhere(usize),

    // Redis, and time.
    HoldRunsOut(usize),
    HoldRunsOutEarly(usize),
    LeaseRunsOut,
    ValueRunsOut,
    Flush,
    Save,
    Restart,

    // Streams.
    Evict(usize),
    Beat(usize),
    BeatComesBack(usize),
    Tick,
    Cut(usize),
    NoticeLoss(usize),
    Resubscribe(usize),

    // Relays and connections.
    Take(usize),
    Deliver(usize),
    Delete(usize),
    RelayDies(usize),
    Disconnect(usize),
    Reconnect(usize),
    Trust(usize),
}

impl Action {
    /// The step of the library that this is, whatever comes of it; `None` for what others do, and for what only
    /// happens.
    pub(crate) fn step(self) -> Option<Step> {
        match self {
            Self::Read(_) | Self::ReadToRenew(_) | Self::Join(_) => Some(Step::Read),
            Self::Lease(_) => Some(Step::Lease),
            Self::Load(_) => Some(Step::Load),
            Self::Fill(_) => Some(Step::Fill),
            Self::Admit(_) => Some(Step::Admit),
            Self::Hold(_) | Self::HoldFails(_) | Self::HoldUnanswered(_) | Self::Renew(_) => {
                Some(Step::Hold)
            }
            Self::Forget(_) => Some(Step::Forget),
            Self::Commit(_) | Self::CommitWithRow(_) | Self::LoseAnswer(_) => Some(Step::Commit),
            Self::Release(_) | Self::ReleaseFails(_) | Self::ReleaseUnanswered(_) => {
                Some(Step::Release)
            }
            Self::Evict(_) => Some(Step::Evict),
            Self::Deliver(_) => Some(Step::Deliver),
            _ => None,
        }
    }
}
