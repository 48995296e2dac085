//! What has to happen in a model for it to say anything.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Witness {
    Hit,
    FillAccepted,
    FillRefused,
    ReaderMetHold,
    Renewed,
    RenewalRefused,
    TwoHolds,
    JoinerTookTheLoad,
    JoinerTookTheFill,
    JoinerStartedAnew,
    HoldWasGone,
    AnnouncedAgain,
    RenewedWhatWasGone,
    CommitArrivedLate,
    ReleaseFailed,
    TierAdmitted,
    AdmitRefused,
    TierHit,
    /// Within the bound, and older than what the bar says.
    TierHitOfAnOldValue,
    BeatCameBack,
    OldEraMissed,
    FillOfAnotherEra,
    Delivered,
    Redelivered,
    RowSkippedAsLocked,
    /// Another process has hit what a write that went by the outbox has made old.
    HitBeforeTheDelivery,
    Distrusted,
    TrustedAgain,
}

impl Witness {
    pub(crate) const ALL: [Self; 28] = [
        Self::Hit,
        Self::FillAccepted,
        Self::FillRefused,
        Self::ReaderMetHold,
        Self::Renewed,
        Self::RenewalRefused,
        Self::TwoHolds,
        Self::JoinerTookTheLoad,
        Self::JoinerTookTheFill,
        Self::JoinerStartedAnew,
        Self::HoldWasGone,
        Self::AnnouncedAgain,
        Self::RenewedWhatWasGone,
        Self::CommitArrivedLate,
        Self::ReleaseFailed,
        Self::TierAdmitted,
        Self::AdmitRefused,
        Self::TierHit,
        Self::TierHitOfAnOldValue,
        Self::BeatCameBack,
        Self::OldEraMissed,
        Self::FillOfAnotherEra,
        Self::Delivered,
        Self::Redelivered,
        Self::RowSkippedAsLocked,
        Self::HitBeforeTheDelivery,
        Self::Distrusted,
        Self::TrustedAgain,
    ];

    pub(crate) fn bit(self) -> u64 {
        1 << self as u32
    }
}
