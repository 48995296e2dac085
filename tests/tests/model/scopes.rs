//! The models that are checked. Together they are as large as a test suite can bear.

use super::scope::Bar::{Acknowledged, Committed};
use super::scope::Fault::*;
use super::scope::Scope;
use super::scope::Who::{Elsewhere, Repository};
use super::witness::Witness::*;

const NONE: [bool; 2] = [false, false];
const FIRST: [bool; 2] = [true, false];
const SECOND: [bool; 2] = [false, true];
const BOTH: [bool; 2] = [true, true];

const OWN_TIER: [super::witness::Witness; 4] = [TierAdmitted, AdmitRefused, TierHit, BeatCameBack];

const HERE: super::scope::Who = Repository(0);

/// Three writers and two readers in two processes; all die, and no answer is sure to come.
pub(crate) static CORE: Scope = Scope {
    name: "core",
    writers: &[HERE, HERE, HERE],
    flights: &[0, 1],
    joiner: false,
    renews: false,
    tiers: NONE,
    relays: NONE,
    bar: Committed,
    records: false,
    faults: &[Death, Rollback, LostAnswer],
    sees: &[Hit, FillAccepted, FillRefused, ReaderMetHold, TwoHolds, CommitArrivedLate],
};

/// With a joiner, and a second flight where the first was left behind.
pub(crate) static JOINED: Scope = Scope {
    name: "joiner",
    writers: &[HERE, HERE],
    flights: &[0, 0],
    joiner: true,
    renews: false,
    tiers: NONE,
    relays: NONE,
    bar: Committed,
    records: false,
    faults: &[Death, Rollback, LostAnswer],
    sees: &[JoinerTookTheLoad, JoinerTookTheFill, JoinerStartedAnew, TwoHolds],
};

/// With a joiner, and readers in two processes.
pub(crate) static JOINED_ELSEWHERE: Scope =
    Scope { name: "joiner, two processes", flights: &[0, 1], ..copy(&JOINED) };

/// Redis loses the key at any moment, and holds run out under their writers.
pub(crate) static LOSS: Scope = Scope {
    name: "loss",
    writers: &[HERE, HERE, HERE],
    flights: &[0, 1],
    joiner: false,
    renews: false,
    tiers: NONE,
    relays: NONE,
    bar: Acknowledged,
    records: false,
    faults: &[Death, Rollback, LostAnswer, Flush, EarlyEnd],
    sees: &[
        Hit,
        FillAccepted,
        FillRefused,
        ReaderMetHold,
        TwoHolds,
        HoldWasGone,
        RenewedWhatWasGone,
    ],
};

/// The same with a joiner.
pub(crate) static LOSS_JOINED: Scope = Scope {
    name: "loss, joiner",
    writers: &[HERE, HERE],
    joiner: true,
    sees: &[JoinerTookTheLoad, JoinerTookTheFill, JoinerStartedAnew, HoldWasGone],
    ..copy(&LOSS)
};

/// Releases fail as well.
pub(crate) static FAILED_RELEASE: Scope = Scope {
    name: "failed releases",
    writers: &[HERE, HERE],
    faults: &[Death, FailedRelease, Flush, EarlyEnd],
    sees: &[HoldWasGone, ReleaseFailed, Distrusted, TrustedAgain],
    ..copy(&LOSS)
};

/// A tier in each process, and a writer beside one of them.
pub(crate) static TIERS: Scope = Scope {
    name: "two tiers",
    writers: &[HERE],
    flights: &[0, 1],
    joiner: false,
    renews: false,
    tiers: BOTH,
    relays: NONE,
    bar: Committed,
    records: false,
    faults: &[],
    sees: &[TierAdmitted, AdmitRefused, TierHit, TierHitOfAnOldValue, BeatCameBack],
};

/// Two writers in another process than the tier.
pub(crate) static TIER: Scope = Scope {
    name: "tier",
    writers: &[HERE, HERE],
    tiers: SECOND,
    faults: &[Death, Cut],
    ..copy(&TIERS)
};

/// Two writers beside the tier.
pub(crate) static OWN: Scope =
    Scope { name: "own tier", flights: &[0], tiers: FIRST, sees: &OWN_TIER, ..copy(&TIER) };

/// A joiner, and two flights, beside the tier.
pub(crate) static TIER_JOINED: Scope = Scope {
    name: "own tier, joiner",
    writers: &[HERE],
    flights: &[0, 0],
    joiner: true,
    tiers: FIRST,
    faults: &[Death],
    sees: &[JoinerTookTheFill, JoinerStartedAnew, TierAdmitted, AdmitRefused],
    ..copy(&TIER)
};

/// Redis loses the key at any moment.
pub(crate) static TIER_LOSS: Scope = Scope {
    name: "tier, loss",
    flights: &[1, 0],
    bar: Acknowledged,
    faults: &[Death, Cut, Flush, EarlyEnd],
    sees: &[TierAdmitted, AdmitRefused, TierHitOfAnOldValue, AnnouncedAgain, RenewedWhatWasGone],
    ..copy(&TIER)
};

/// The same with the writer beside the tier, whose releases fail as well.
pub(crate) static OWN_LOSS: Scope = Scope {
    name: "own tier, loss",
    writers: &[HERE],
    flights: &[0, 1],
    tiers: FIRST,
    faults: &[Death, Cut, Flush, EarlyEnd, FailedRelease],
    sees: &[TierAdmitted, AdmitRefused, AnnouncedAgain, ReleaseFailed, Distrusted],
    ..copy(&TIER_LOSS)
};

/// Writers from elsewhere, and a relay in each process.
pub(crate) static ROWS: Scope = Scope {
    name: "outbox",
    writers: &[Elsewhere, Elsewhere],
    flights: &[0, 1],
    joiner: false,
    renews: false,
    tiers: NONE,
    relays: BOTH,
    bar: Committed,
    records: false,
    faults: &[Death],
    sees: &[Delivered, Redelivered, RowSkippedAsLocked, HitBeforeTheDelivery],
};

/// Processes lose Redis for a while, and single holds and releases fail.
pub(crate) static OUTAGE: Scope = Scope {
    name: "outage",
    writers: &[HERE, Elsewhere],
    flights: &[0],
    faults: &[Death, FailedHold, FailedRelease, Outage],
    sees: &[Delivered, RowSkippedAsLocked, Distrusted, TrustedAgain],
    ..copy(&ROWS)
};

/// The same with two writers that may go by the outbox, and one relay.
pub(crate) static OUTAGE_TWO: Scope = Scope {
    name: "outage, two writers",
    writers: &[HERE, HERE],
    relays: FIRST,
    sees: &[Delivered, Distrusted, TrustedAgain],
    ..copy(&OUTAGE)
};

/// An outbox beside a tier.
pub(crate) static OUTBOX_TIER: Scope = Scope {
    name: "outbox, tier",
    writers: &[Elsewhere, HERE],
    tiers: FIRST,
    relays: FIRST,
    faults: &[Death, FailedHold],
    sees: &[Delivered, TierAdmitted, TierHitOfAnOldValue, Distrusted, TrustedAgain],
    ..copy(&OUTAGE)
};

/// The same while processes lose Redis.
pub(crate) static OUTAGE_TIER: Scope =
    Scope { name: "outage, tier", faults: &[Outage], ..copy(&OUTBOX_TIER) };

/// Redis comes back as another server, with any older state.
pub(crate) static ERAS: Scope = Scope {
    name: "eras",
    writers: &[HERE, HERE],
    flights: &[1],
    joiner: false,
    renews: false,
    tiers: NONE,
    relays: NONE,
    bar: Acknowledged,
    records: false,
    faults: &[Death, Restart],
    sees: &[Hit, HoldWasGone, OldEraMissed, FillOfAnotherEra, ReleaseFailed],
};

/// The same with a joiner.
pub(crate) static ERAS_JOINED: Scope = Scope {
    name: "eras, joiner",
    writers: &[HERE],
    flights: &[0, 1],
    joiner: true,
    faults: &[Restart],
    sees: &[JoinerTookTheFill, JoinerStartedAnew, FillOfAnotherEra],
    ..copy(&ERAS)
};

/// The same with a tier.
pub(crate) static ERAS_TIER: Scope = Scope {
    name: "eras, tier",
    writers: &[HERE],
    flights: &[0, 1],
    tiers: FIRST,
    faults: &[Restart],
    sees: &[TierAdmitted, AdmitRefused, TierHit, FillOfAnotherEra],
    ..copy(&ERAS)
};

/// The same with one reader, beside the tier.
pub(crate) static ERAS_TIER_ALONE: Scope =
    Scope { name: "eras, tier, one reader", flights: &[0], ..copy(&ERAS_TIER) };

/// Every write leaves a row in the outbox as well: then also what a dead writer and a lost hold leave behind goes.
pub(crate) static RECORDED: Scope = Scope {
    name: "outbox always on",
    writers: &[HERE, HERE],
    relays: FIRST,
    records: true,
    faults: &[Death, LostAnswer, LateCommit, Flush, EarlyEnd],
    sees: &[HoldWasGone, CommitArrivedLate, Delivered, HitBeforeTheDelivery],
    ..copy(&LOSS)
};

/// A commit whose answer is lost takes longer than its hold lives.
pub(crate) static LATE_COMMIT: Scope = Scope {
    name: "a commit in doubt that outlives its hold",
    writers: &[HERE],
    flights: &[0],
    faults: &[LostAnswer, LateCommit],
    sees: &[],
    ..copy(&CORE)
};

/// Two faults at once, measured against what is committed.
pub(crate) static TWO_FAULTS: Scope =
    Scope { name: "a lost hold and a dead writer", faults: &[Death, Flush], ..copy(&LATE_COMMIT) };

/// A writer is stopped for longer than its hold lives, measured against what is committed.
pub(crate) static STOPPED: Scope = Scope {
    name: "a writer that is stopped for longer than its hold lives",
    faults: &[EarlyEnd],
    ..copy(&LATE_COMMIT)
};

/// Readers renew what is served.
pub(crate) static RENEWALS: Scope = Scope {
    name: "renewals",
    writers: &[HERE, HERE],
    renews: true,
    sees: &[Hit, Renewed, RenewalRefused, FillAccepted, TwoHolds, CommitArrivedLate],
    ..copy(&CORE)
};

/// The same while Redis loses the key.
pub(crate) static RENEWALS_LOSS: Scope = Scope {
    name: "renewals, loss",
    writers: &[HERE, HERE],
    renews: true,
    sees: &[Renewed, RenewalRefused, HoldWasGone, RenewedWhatWasGone],
    ..copy(&LOSS)
};

/// The same with a tier.
pub(crate) static RENEWALS_TIER: Scope = Scope {
    name: "renewals, tier",
    writers: &[HERE],
    renews: true,
    sees: &[Renewed, RenewalRefused, TierAdmitted, AdmitRefused, TierHit],
    ..copy(&TIER)
};

/// The same while Redis comes back as another server.
pub(crate) static RENEWALS_ERAS: Scope = Scope {
    name: "renewals, eras",
    renews: true,
    sees: &[Renewed, RenewalRefused, OldEraMissed, FillOfAnotherEra],
    ..copy(&ERAS)
};

/// The same with a tier.
pub(crate) static RENEWALS_ERAS_TIER: Scope = Scope {
    name: "renewals, eras, tier",
    renews: true,
    sees: &[Renewed, RenewalRefused, TierAdmitted, FillOfAnotherEra],
    ..copy(&ERAS_TIER_ALONE)
};

/// What a scope shares with one that was written before it.
const fn copy(scope: &Scope) -> Scope {
    Scope { ..*scope }
}
