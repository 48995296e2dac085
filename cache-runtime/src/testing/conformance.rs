//! One suite for every implementation of the ports.
//!
//! A backend joins with one small implementation of [`Backend`] and one line; each case is then a test of its own,
//! whose name says what is promised:
//!
//! ```
//! # #[cfg(feature = "memory")] mod example {
//! use std::sync::Arc;
//!
//! use cache_runtime::backend::MemoryCache;
//! use cache_runtime::testing::ManualClock;
//! use cache_runtime::testing::conformance::Backend;
//! use cache_runtime::{CoherentCache, Key, Namespace, Remaining};
//!
//! struct Memory(ManualClock);
//!
//! impl Backend for Memory {
//!     async fn fresh(&self) -> Arc<dyn CoherentCache> {
//!         Arc::new(MemoryCache::builder().clock(self.0.shared()).build())
//!     }
//!
//!     fn namespace(&self) -> Namespace {
//!         Namespace::new("conformance").expect("it is not empty")
//!     }
//!
//!     async fn expire_now(&self, cache: &dyn CoherentCache, key: &Key) {
//!         if let Remaining::Left(left) = cache.ttl(key).await.expect("it answers") {
//!             self.0.advance(left);
//!         }
//!     }
//! }
//!
//! cache_runtime::conformance_suite!(Memory(ManualClock::new()));
//! # }
//! ```
//!
//! A backend that lacks one of the small ports (counters, lists, sets, hashes, keys by pattern, pipelines, stats, rate limits) says so
//! in [`Cache`](crate::Cache), and the cases for that port have nothing to do.
//!
//! No case sleeps, and none needs more than a second on a server nearby; one that has not ended after a minute fails.
//! What a case leaves behind stands in its backend's namespace, or in one whose name begins with that one's.

mod hold;
mod room;

pub mod abandons;
pub mod basics;
pub mod batches;
pub mod clearing;
pub mod closing;
pub mod counters;
pub mod fills;
pub mod hashes;
pub mod holds;
pub mod keyspace;
pub mod leases;
pub mod lifetimes;
pub mod limits;
pub mod lists;
pub mod live;
pub mod pipelines;
pub mod pulls;
pub mod races;
pub mod random;
pub mod releases;
pub mod replacements;
pub mod sets;
pub mod stats;
pub mod streams;
pub mod surveys;
pub mod sweeps;
pub mod types;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::key::{Key, Namespace};
use crate::port::CoherentCache;

/// How long one case may take.
const CASE: Duration = Duration::from_secs(60);

/// What the suite needs to know of a backend. One value serves one case.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot join the conformance suite",
    note = "implement `cache_runtime::testing::conformance::Backend` for it: `fresh`, `namespace` and `expire_now`"
)]
pub trait Backend: Send + Sync {
    /// A cache that is open, and holds nothing in [`namespace`](Self::namespace). Called once in a case.
    fn fresh(&self) -> impl Future<Output = Arc<dyn CoherentCache>> + Send;

    /// The namespace that the case works in; always the same one of one value. Cases run at the same time, so where
    /// they share a server each value needs a name of its own, of letters, digits and `-`.
    fn namespace(&self) -> Namespace;

    /// Makes the life of `key` run out at this moment, by whatever means: a backend with a clock of its own lets its
    /// time pass, a server is told to (in Redis, `PEXPIREAT key 1`, over a connection of the test's own). Keys that
    /// have no longer to live than this one may go with it; all others stay. Never called for a key without a
    /// lifetime.
    fn expire_now(&self, cache: &dyn CoherentCache, key: &Key) -> impl Future<Output = ()> + Send;

    /// Puts a value of another data type than bytes at `key`, past the cache (in Redis, `RPUSH key x`). `false`, which is
    /// the default, where that cannot be done: where the cache has [lists](crate::Lists), one of those is made instead;
    /// else the cases for other types have nothing to do.
    fn put_another_type(&self, key: &Key) -> impl Future<Output = bool> + Send {
        let _ = key;
        std::future::ready(false)
    }

    /// Breaks every stream of invalidations that a cache of [`fresh`](Self::fresh) has open, past the cache (where a
    /// server is far, by cutting the connections to it). `false` where nothing can break one, which is the default; the
    /// cases for it then have nothing to do.
    fn break_streams(&self) -> impl Future<Output = bool> + Send {
        std::future::ready(false)
    }
}

/// Runs one case to its end on a runtime of its own, with several threads, so that what races really races. Called by
/// the tests that [`conformance_suite!`](crate::conformance_suite) makes.
///
/// # Panics
/// When the case fails, or has not ended after a minute.
pub fn run(case: impl Future<Output = ()>) {
    let mut runtime = tokio::runtime::Builder::new_multi_thread();
    let runtime = room::ok(runtime.worker_threads(4).enable_all().build(), "starting a runtime");
    let ended = runtime.block_on(async { tokio::time::timeout(CASE, case).await.is_ok() });
    assert!(ended, "the case did not end within {CASE:?}: some call never answered");
}

/// Makes one `#[test]` of each case of the suite, for the [`Backend`](crate::testing::conformance::Backend) that the
/// expression makes. The expression is evaluated once for each case, in a tokio runtime, and may `.await`.
///
/// The tests stand in modules, one for each chapter of the suite; two suites in one file go into two modules of
/// their own. See the [module](crate::testing::conformance) for an example.
#[macro_export]
macro_rules! conformance_suite {
    ($backend:expr $(,)?) => {
        $crate::conformance_suite! { @chapters $backend;
            basics {
                a_backend_gives_a_sign_of_life
                an_absent_key_is_an_answer_and_no_error
                what_was_set_reads_back
                a_set_replaces_the_value_and_the_lifetime
                a_set_with_a_zero_ttl_removes_the_key
                a_delete_says_whether_the_key_was_there
                a_set_if_absent_leaves_what_stands_there
                a_take_gives_the_value_and_removes_it
                an_empty_value_is_a_value
                a_value_may_hold_any_byte
                a_value_of_two_megabytes_reads_back
                odd_keys_name_one_value_each
                deleting_an_odd_key_removes_no_other
                another_data_type_at_a_key_is_told_apart
                another_data_type_at_a_key_never_fails_a_batch
            }
            lifetimes {
                what_is_left_of_a_life_has_three_answers
                a_lifetime_below_a_millisecond_is_one_millisecond
                a_huge_lifetime_counts_as_ten_years
                expire_gives_a_new_lifetime_and_keeps_the_value
                expire_with_a_zero_ttl_removes_the_key
                persist_says_whether_there_was_a_lifetime
                an_expired_key_is_absent_for_every_call
                an_expired_key_can_be_set_anew
                the_end_of_one_key_leaves_the_others
            }
            batches {
                an_empty_batch_asks_for_nothing
                a_batch_read_keeps_order_and_duplicates
                a_batch_write_sets_every_key_with_one_ttl
                a_batch_write_of_one_key_twice_keeps_the_last
                a_batch_write_with_a_zero_ttl_removes_every_key
                a_batch_delete_counts_what_was_there
                a_batch_of_thousands_keeps_its_order
                a_batch_of_thousands_of_leases_fills_and_releases_keeps_its_order
            }
            clearing {
                clear_removes_every_key_of_its_namespace
                clear_leaves_neighbouring_namespaces_alone
                clear_of_an_empty_namespace_removes_nothing
            }
            counters {
                an_absent_counter_begins_at_zero_and_lives_for_ever
                a_counter_takes_steps_of_any_size
                a_step_keeps_what_is_left_of_the_life
                a_step_out_of_range_changes_nothing
                what_is_no_number_cannot_be_counted
                many_callers_lose_no_step
            }
            lists {
                a_list_has_two_ends
                an_absent_list_is_empty
                an_empty_push_changes_nothing
                a_list_that_has_become_empty_is_gone
                a_range_counts_from_either_end
                a_change_keeps_what_is_left_of_a_lists_life
                a_list_holds_any_bytes
                each_value_is_popped_once
            }
            sets {
                a_set_has_each_member_once
                an_absent_set_is_empty
                a_set_that_has_become_empty_is_gone
                a_set_holds_any_bytes
            }
            hashes {
                a_hash_has_one_value_at_each_field
                an_absent_hash_has_no_fields
                a_hash_that_has_lost_its_last_field_is_gone
                a_field_is_counted_like_a_key
                a_hash_holds_any_bytes
            }
            types {
                a_call_at_another_type_is_refused_and_changes_nothing
                a_set_replaces_a_value_of_any_type
                a_key_of_any_type_lives_and_dies_like_any_other
            }
            keyspace {
                a_pattern_lists_the_keys_that_it_matches
                thousands_of_keys_are_listed_once_each
                a_pattern_deletes_what_it_matches_of_any_type
                a_pattern_deletes_nothing_that_it_does_not_match
                a_pattern_leaves_writers_holds_alone
                a_deletion_by_pattern_is_announced
            }
            pipelines {
                each_command_of_a_pipeline_has_its_own_reply
                a_command_that_fails_leaves_the_others_alone
                a_pipeline_of_thousands_keeps_its_order
                an_empty_pipeline_asks_for_nothing
                a_handle_of_another_pipeline_is_refused
                a_lifetime_of_zero_removes_in_a_pipeline_too
            }
            stats {
                reads_writes_and_removals_are_counted
                a_pipeline_is_counted_like_single_calls
                keys_and_memory_are_told
            }
            limits {
                no_more_than_the_limit_is_admitted_however_many_ask_at_once
                a_call_is_counted_under_all_limits_or_under_none
                a_look_counts_nothing
                what_is_asked_beyond_the_cost_is_taken_as_far_as_there_is_room
                a_call_that_is_denied_is_told_when_to_come_again
                a_reset_begins_anew
                one_key_is_asked_for_once
                clearing_leaves_limits_alone
                there_are_as_many_seats_as_were_said
                a_closed_backend_decides_nothing
            }
            live {
                a_live_read_gives_the_bytes_and_what_is_left_of_their_life
                a_live_read_keeps_order_and_duplicates
                a_live_read_of_thousands_keeps_its_order
                another_data_type_counts_as_absent_in_a_live_read
            }
            pulls {
                a_pull_takes_the_value_away_and_tells_what_was_left_of_its_life
                a_pull_leaves_leases_holds_and_other_bytes_alone
                a_pull_keeps_order_and_finds_a_key_once
                a_pull_of_thousands_keeps_its_order
                a_pull_announces_every_key
                of_many_who_pull_one_value_exactly_one_gets_it
            }
            sweeps {
                a_sweep_removes_every_value_and_lease_under_its_prefix
                a_sweep_leaves_holds_alone
                a_sweep_removes_holds_that_ran_out
                a_sweep_leaves_other_prefixes_and_namespaces_alone
                a_sweep_of_another_data_type_leaves_it
            }
            surveys {
                a_survey_tells_values_leases_and_holds_apart
                a_survey_leaves_neighbouring_namespaces_out
                a_sampled_survey_looks_at_one_key_of_so_many
            }
            streams {
                a_hold_announces_its_keys_before_it_answers
                a_renewed_hold_announces_its_keys_again
                a_hold_of_thousands_announces_them_all
                a_release_announces_what_was_gone_and_only_that
                a_release_announces_what_was_gone_whatever_stands_there
                a_lease_over_something_announces_its_key
                a_clear_announces_everything
                a_sweep_announces_everything
                nothing_else_is_announced
                each_namespace_has_a_stream_of_its_own
                every_stream_hears_all_and_only_its_own_beats
                beats_come_back_in_order_behind_what_was_announced
                what_many_writers_announce_is_heard_in_each_ones_order
                a_wait_that_is_dropped_loses_nothing
                a_stream_that_broke_says_so_and_another_can_be_opened
                a_stream_ends_when_its_cache_is_closed
            }
            leases {
                a_lease_on_an_absent_key_is_granted
                a_lease_on_a_standing_entry_shows_it_and_changes_nothing
                a_lease_over_the_bytes_that_stand_there_is_granted
                a_lease_over_other_bytes_is_not_granted
                a_lease_over_an_absent_key_finds_it_gone
                a_lease_that_ran_out_can_be_taken_anew
                of_two_leases_for_one_key_in_a_batch_the_first_is_granted
                each_lease_of_a_batch_stands_for_itself
            }
            fills {
                a_fill_under_its_lease_stores_the_value_and_its_lifetime
                a_fill_after_a_writers_hold_is_rejected
                a_fill_after_a_writers_release_is_rejected
                a_fill_whose_lease_ran_out_is_rejected
                a_fill_whose_lease_was_abandoned_is_rejected
                a_fill_under_another_readers_lease_is_rejected
                a_fill_over_a_value_is_rejected
                a_second_fill_under_one_lease_is_rejected
                only_exactly_the_lease_counts_as_the_lease
                one_lost_lease_leaves_the_rest_of_a_batch_alone
            }
            replacements {
                a_replacement_of_the_value_that_was_seen_stores_its_own_and_its_lifetime
                a_replacement_after_a_writer_is_rejected
                a_replacement_after_another_fill_is_rejected
                a_replacement_over_a_lease_is_rejected
                a_replacement_of_a_value_that_ran_out_is_rejected
                a_value_that_was_put_back_under_its_lease_can_be_replaced
                each_replacement_of_a_batch_stands_for_itself
                of_many_replacements_of_one_value_exactly_one_is_stored
                a_replacement_that_races_a_hold_never_outlives_it
                another_data_type_is_not_replaced
            }
            abandons {
                an_abandoned_lease_frees_the_key
                only_the_own_lease_is_abandoned
            }
            holds {
                a_hold_takes_the_place_of_whatever_was_there
                a_hold_is_written_in_the_format_of_the_entry
                a_hold_stands_for_its_time_and_then_frees_the_key
                several_writers_hold_one_key
                a_held_key_lives_until_its_latest_deadline
                a_renewed_hold_has_one_mark_and_a_new_deadline
                a_renewed_hold_leaves_other_writers_alone
                a_writer_that_ran_out_is_forgotten_by_the_next_hold
                a_damaged_hold_can_be_held_and_released
                one_key_twice_in_a_hold_counts_once
            }
            releases {
                the_last_release_frees_the_key
                a_release_leaves_other_writers_holds
                a_release_shortens_the_life_to_the_latest_deadline_left
                a_release_after_the_own_hold_ran_out_removes_a_value
                a_release_after_the_own_hold_ran_out_removes_a_lease
                a_release_after_the_own_hold_ran_out_removes_foreign_bytes
                a_release_after_the_own_hold_ran_out_leaves_another_writers_hold
                a_second_release_finds_the_hold_gone
                a_release_beside_a_writer_that_ran_out_frees_the_key
                a_writer_that_ran_out_is_not_released
                a_release_by_a_stranger_frees_a_key_whose_writers_all_ran_out
                each_release_of_a_batch_stands_for_itself
            }
            races {
                of_many_readers_exactly_one_gets_the_lease
                of_many_readers_over_the_same_bytes_exactly_one_gets_the_lease
                of_many_fills_under_one_lease_exactly_one_is_stored
                a_fill_that_races_a_hold_never_outlives_it
                many_writers_that_hold_one_key_at_once_all_stand
                while_one_writer_holds_nobody_gets_the_lease
                of_many_callers_exactly_one_takes_the_value
                of_many_callers_exactly_one_sets_the_absent_key
            }
            random {
                thousands_of_random_steps_agree_with_the_model
            }
            closing {
                closing_twice_is_fine
                after_the_close_every_call_fails_as_closed
            }
        }
    };
    (@chapters $backend:expr; $($chapter:ident { $($case:ident)+ })+) => {
        $(
            mod $chapter {
                #[allow(unused_imports, reason = "whatever the expression may name")]
                use super::*;

                $(
                    #[test]
                    fn $case() {
                        $crate::testing::conformance::run(async {
                            let backend = $backend;
                            $crate::testing::conformance::$chapter::$case(&backend).await;
                        });
                    }
                )+
            }
        )+
    };
}

#[cfg(test)]
mod tests;
