//! What the protocol does against staleness, each of which a model can do without.

/// Each is one rule of the protocol. What is done where it is missing is said above it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Defence {
    /// A fill replaces whatever is no hold.
    LeaseComparedAtFill,
    /// The load's statement begins before the lease is granted.
    LoadAfterLease,
    /// Before the commit a writer removes what stands there, and leaves nothing.
    HoldNotDelete,
    /// A writer commits first, and removes after it.
    HoldBeforeCommit,
    /// A release takes out every writer's token.
    TokensOfWriters,
    /// A hold may run out while the commit lasts.
    HoldRenewed,
    /// The hold of a writer that died stands for ever.
    HoldRunsOut,
    /// The lease of a reader that died stands for ever.
    LeaseRunsOut,
    /// A renewal takes the place of whatever value stands there.
    ValueComparedAtRenewal,
    /// The load's statement begins before the value that is to be renewed is seen.
    LoadAfterLook,
    /// Whoever is aboard takes what the flight has loaded.
    JoinersRule,
    /// A joiner that came after the fill was sent takes what it proved.
    FillSealsTheFlight,
    /// An invalidation leaves the flight to those who come later.
    InvalidationDetaches,
    /// A commit whose answer was lost counts as refused, and its key is released.
    UnknownIsCommitted,
    /// A write is acknowledged when it is committed.
    AcknowledgedAfterRelease,
    /// A write whose release failed is acknowledged as if it had been released.
    FailedReleaseIsNone,
    /// A process whose release failed goes on to trust hits.
    DistrustAfterFailedRelease,
    /// A hold sends nothing.
    HoldAnnounces,
    /// A release whose hold was gone sends nothing.
    ReleaseAnnouncesWhenGone,
    /// A renewal whose hold was gone sends nothing.
    RenewalAnnouncesWhenGone,
    /// The tier admits without a ticket.
    TicketAtAdmit,
    /// A ticket that was taken while the tier was closed is good once it is open.
    NoTicketFromAClosedTier,
    /// A ticket from before the loss of the stream stays good.
    EpochEndsTickets,
    /// A tier whose stream was lost keeps what it had.
    EmptiedOnLoss,
    /// The tier is served without a beat.
    BeatProof,
    /// A writer leaves its own process's tier to the stream.
    OwnKeysForgotten,
    /// A writer drops its own keys after the commit alone.
    ForgottenBeforeCommit,
    /// A writer drops its own keys before the commit alone.
    ForgottenOnceMore,
    /// A writer drops its own keys once more before the release instead of after it.
    ForgottenAfterRelease,
    /// Forgetting drops the value, and leaves tickets good.
    ForgettingEndsTickets,
    /// A value is a hit whichever server it was filled in.
    Era,
    /// A fill goes to another server than the one that granted its lease.
    FillInItsEra,
    /// A process that finds another server leaves it to the stream to close its tier.
    EraClosesTheTier,
    /// A relay deletes the row first, and delivers after it.
    DeleteAfterDelivery,
    /// Relays go by the last row that was delivered.
    EveryRowIsTaken,
    /// A delivery sends nothing.
    DeliveryAnnounces,
    /// A process that comes back trusts at once.
    DrainBeforeTrust,
    /// A row that another relay is about to deliver counts as delivered.
    DrainWaitsForLockedRows,
    /// A process whose write went by the outbox goes on to trust hits.
    DistrustAfterOutbox,
    /// A drain that ended before the write was committed ends the distrust for it.
    DistrustOutlastsTheCommit,
    /// A process that distrusts Redis is served by its tier.
    TierPassedOverInDistrust,
}

impl Defence {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::LeaseComparedAtFill => "the lease is compared at the fill",
            Self::LoadAfterLease => "the load begins after the lease was granted",
            Self::HoldNotDelete => "a hold, not a removal",
            Self::HoldBeforeCommit => "the hold before the commit",
            Self::TokensOfWriters => "a release takes out its own writer's token alone",
            Self::HoldRenewed => "the hold is renewed while the commit lasts",
            Self::HoldRunsOut => "the hold of a dead writer runs out",
            Self::LeaseRunsOut => "the lease of a dead reader runs out",
            Self::ValueComparedAtRenewal => "the value is compared at its renewal",
            Self::LoadAfterLook => "a renewal's load begins after its look",
            Self::JoinersRule => "the joiner's rule",
            Self::FillSealsTheFlight => "who joins after the fill was sent starts anew",
            Self::InvalidationDetaches => "an invalidation detaches the flight",
            Self::UnknownIsCommitted => "a commit of unknown outcome counts as committed",
            Self::AcknowledgedAfterRelease => "the acknowledgement after the release",
            Self::FailedReleaseIsNone => "a failed release is no release",
            Self::DistrustAfterFailedRelease => "distrust after a failed release",
            Self::HoldAnnounces => "the announcement by the hold",
            Self::ReleaseAnnouncesWhenGone => "the second announcement by the release",
            Self::RenewalAnnouncesWhenGone => "the announcement by the renewal",
            Self::TicketAtAdmit => "the generation at the insert",
            Self::NoTicketFromAClosedTier => "no ticket from a closed tier",
            Self::EpochEndsTickets => "the epoch at the insert",
            Self::EmptiedOnLoss => "the tier is emptied when its stream is lost",
            Self::BeatProof => "the beat",
            Self::OwnKeysForgotten => "own keys are forgotten",
            Self::ForgottenBeforeCommit => "own keys are forgotten before the commit",
            Self::ForgottenOnceMore => "own keys are forgotten once more",
            Self::ForgottenAfterRelease => "own keys are forgotten after the release",
            Self::ForgettingEndsTickets => "forgetting moves the generation on",
            Self::Era => "the era",
            Self::FillInItsEra => "a fill in the era of its lease",
            Self::EraClosesTheTier => "a new era closes the tier",
            Self::DeleteAfterDelivery => "the row is deleted after its delivery",
            Self::EveryRowIsTaken => "rows are deleted, not counted",
            Self::DeliveryAnnounces => "the announcement by the delivery",
            Self::DrainBeforeTrust => "the drain before trust",
            Self::DrainWaitsForLockedRows => "a drain waits for rows that others have locked",
            Self::DistrustAfterOutbox => "distrust after a write by the outbox",
            Self::DistrustOutlastsTheCommit => "distrust outlasts the commit",
            Self::TierPassedOverInDistrust => "distrust passes over the tier",
        }
    }
}
