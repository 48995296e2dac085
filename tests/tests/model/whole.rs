//! The whole protocol holds in every model.

use super::check::{Check, checks, holds};
use super::scopes::*;

checks! {
    holds;
    writers_and_readers_that_die_at_any_step: Check::holds(&CORE, &[]);
    a_joiner_beside_two_flights_of_one_process: Check::holds(&JOINED, &[]);
    a_joiner_beside_flights_of_two_processes: Check::holds(&JOINED_ELSEWHERE, &[]);
    a_redis_that_loses_data: Check::holds(&LOSS, &[]);
    a_joiner_while_redis_loses_data: Check::holds(&LOSS_JOINED, &[]);
    releases_that_fail_while_redis_loses_data: Check::holds(&FAILED_RELEASE, &[]);
    a_tier_in_each_of_two_processes: Check::holds(&TIERS, &[]);
    a_tier_and_two_writers_elsewhere: Check::holds(&TIER, &[]);
    a_tier_and_two_writers_beside_it: Check::holds(&OWN, &[]);
    a_joiner_beside_a_tier: Check::holds(&TIER_JOINED, &[]);
    a_tier_while_redis_loses_data: Check::holds(&TIER_LOSS, &[]);
    a_tier_beside_its_writer_while_redis_loses_data: Check::holds(&OWN_LOSS, &[]);
    writers_from_elsewhere_and_two_relays: Check::holds(&ROWS, &[]);
    an_outage_and_two_relays: Check::holds(&OUTAGE, &[]);
    an_outage_and_two_writers: Check::holds(&OUTAGE_TWO, &[]);
    an_outbox_beside_a_tier: Check::holds(&OUTBOX_TIER, &[]);
    an_outage_beside_a_tier: Check::holds(&OUTAGE_TIER, &[]);
    an_outbox_for_every_write_while_redis_loses_data: Check::holds(&RECORDED, &[]);
    values_that_are_renewed_while_they_are_served: Check::holds(&RENEWALS, &[]);
    renewals_while_redis_loses_data: Check::holds(&RENEWALS_LOSS, &[]);
    renewals_beside_a_tier: Check::holds(&RENEWALS_TIER, &[]);
    renewals_while_redis_comes_back_with_an_older_state: Check::holds(&RENEWALS_ERAS, &[]);
    renewals_beside_a_tier_while_redis_comes_back: Check::holds(&RENEWALS_ERAS_TIER, &[]);
    a_redis_that_comes_back_with_an_older_state: Check::holds(&ERAS, &[]);
    a_joiner_while_redis_comes_back_with_an_older_state: Check::holds(&ERAS_JOINED, &[]);
    a_tier_while_redis_comes_back_with_an_older_state: Check::holds(&ERAS_TIER, &[]);
}
