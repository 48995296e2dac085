//! Each defence of the protocol, taken out: a promise is broken, or nothing depended on it.

use super::check::{Check, breaks, checks};
use super::defence::Defence::*;
use super::promise::Promise::*;
use super::scopes::*;

checks! {
    breaks;
    a_fill_without_its_lease: Check::breaks(&CORE, &[LeaseComparedAtFill], Strong);
    a_load_that_begins_before_its_lease: Check::breaks(&CORE, &[LoadAfterLease], Strong);
    a_removal_before_the_commit: Check::breaks(&CORE, &[HoldNotDelete], Strong);
    a_removal_after_the_commit: Check::breaks(&CORE, &[HoldBeforeCommit], Strong);
    a_release_of_other_writers_holds: Check::breaks(&CORE, &[TokensOfWriters], Strong);
    a_hold_that_is_not_renewed: Check::breaks(&CORE, &[HoldRenewed], Strong);
    a_hold_that_never_runs_out: Check::breaks(&CORE, &[HoldRunsOut], Rest);
    a_lease_that_never_runs_out: Check::breaks(&CORE, &[LeaseRunsOut], Rest);
    an_unknown_commit_taken_for_a_refusal: Check::breaks(&CORE, &[UnknownIsCommitted], Strong);
    a_renewal_of_whatever_stands_there:
        Check::breaks(&RENEWALS, &[ValueComparedAtRenewal], Strong);
    a_renewal_that_was_loaded_before_its_look:
        Check::breaks(&RENEWALS, &[LoadAfterLook], Strong);
    a_joiner_that_takes_what_it_finds: Check::breaks(&JOINED, &[JoinersRule], Joined);
    a_joiner_that_takes_a_proof_older_than_itself:
        Check::breaks(&JOINED, &[FillSealsTheFlight], Joined);
    an_acknowledgement_before_the_release:
        Check::breaks(&LOSS, &[AcknowledgedAfterRelease], Strong);
    a_failed_release_taken_for_a_release:
        Check::breaks(&FAILED_RELEASE, &[FailedReleaseIsNone], Strong);
    a_failed_release_while_redis_restarts: Check::breaks(&ERAS, &[FailedReleaseIsNone], Strong);
    trust_after_a_failed_release:
        Check::breaks(&FAILED_RELEASE, &[DistrustAfterFailedRelease], Strong);
    a_hold_without_an_announcement: Check::breaks(&TIER, &[HoldAnnounces], Bounded);
    a_release_without_a_second_announcement:
        Check::breaks(&TIER_LOSS, &[ReleaseAnnouncesWhenGone], Bounded);
    a_renewal_without_an_announcement:
        Check::breaks(&TIER_LOSS, &[RenewalAnnouncesWhenGone], Bounded);
    an_insert_whatever_the_generation: Check::breaks(&TIER, &[TicketAtAdmit], Bounded);
    an_insert_whatever_the_epoch: Check::breaks(&TIER, &[EpochEndsTickets], Bounded);
    a_ticket_from_a_closed_tier: Check::breaks(&TIER, &[NoTicketFromAClosedTier], Bounded);
    a_tier_that_outlives_its_stream: Check::breaks(&TIER, &[EmptiedOnLoss], Bounded);
    a_tier_without_a_beat: Check::breaks(&TIER, &[BeatProof], Bounded);
    a_writer_that_leaves_its_own_tier_alone: Check::breaks(&OWN, &[OwnKeysForgotten], OwnWrites);
    a_writer_that_forgets_and_leaves_tickets:
        Check::breaks(&OWN, &[ForgettingEndsTickets], OwnWrites);
    a_writer_that_forgets_before_the_commit_alone:
        Check::breaks(&OWN_LOSS, &[ForgottenOnceMore], OwnWrites);
    a_writer_that_forgets_before_the_release:
        Check::breaks(&OWN_LOSS, &[ForgottenAfterRelease], OwnWrites);
    a_value_of_another_era: Check::breaks(&ERAS, &[Era], Strong);
    a_joiner_of_a_fill_in_another_era: Check::breaks(&ERAS_JOINED, &[FillInItsEra], Joined);
    an_insert_after_a_fill_in_another_era: Check::breaks(&ERAS_TIER, &[FillInItsEra], Bounded);
    a_row_that_is_deleted_before_its_delivery: Check::breaks(&ROWS, &[DeleteAfterDelivery], Rest);
    a_relay_that_goes_by_the_last_row: Check::breaks(&ROWS, &[EveryRowIsTaken], Rest);
    a_delivery_without_an_announcement:
        Check::breaks(&OUTBOX_TIER, &[DeliveryAnnounces], Bounded);
    trust_after_an_outage: Check::breaks(&OUTAGE, &[DrainBeforeTrust], Strong);
    a_drain_that_passes_over_locked_rows:
        Check::breaks(&OUTAGE, &[DrainWaitsForLockedRows], Strong);
    trust_after_a_write_by_the_outbox: Check::breaks(&OUTAGE, &[DistrustAfterOutbox], Strong);
    a_drain_that_ends_before_the_commit:
        Check::breaks(&OUTAGE, &[DistrustOutlastsTheCommit], Strong);
}

/// Defences that the promises do not depend on, as far as these models go.
pub(crate) mod superfluous {
    use super::super::check::{Check, checks, holds};
    use super::super::defence::Defence::*;
    use super::super::scopes::*;

    checks! {
        holds;
        flights_that_no_invalidation_detaches: Check::holds(&TIER_JOINED, &[InvalidationDetaches]);
        keys_forgotten_after_the_commit_alone: Check::holds(&OWN_LOSS, &[ForgottenBeforeCommit]);
        a_new_era_that_only_the_stream_notices:
            Check::holds(&ERAS_TIER_ALONE, &[EraClosesTheTier]);
        a_tier_that_is_served_in_distrust:
            Check::holds(&OUTAGE_TIER, &[TierPassedOverInDistrust]);
        a_tier_that_is_served_after_a_failed_release:
            Check::holds(&OWN_LOSS, &[TierPassedOverInDistrust]);
    }
}
