//! What the protocol leaves open, by name: the whole of it, with more faults than it is made for.

use super::check::{Check, breaks, checks};
use super::promise::Promise::*;
use super::scopes::*;

checks! {
    breaks;
    a_commit_in_doubt_that_outlives_its_hold: Check::breaks(&LATE_COMMIT, &[], Rest);
    a_lost_hold_and_a_dead_writer: Check::breaks(&TWO_FAULTS, &[], Rest);
    a_writer_that_is_stopped_for_longer_than_its_hold_lives: Check::breaks(&STOPPED, &[], Strong);
}
