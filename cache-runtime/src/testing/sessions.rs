//! One suite for every [`SessionBackend`].
//!
//! A backend joins with one small implementation of [`SessionsBackend`] and one line, as a cache does with
//! [`conformance`](super::conformance):
//!
//! ```
//! # #[cfg(feature = "memory")] mod example {
//! use std::sync::Arc;
//! use std::time::Duration;
//!
//! use cache_runtime::backend::MemoryCache;
//! use cache_runtime::testing::ManualClock;
//! use cache_runtime::testing::sessions::SessionsBackend;
//! use cache_runtime::{CoherentCache, Key, Namespace, SessionSpace};
//!
//! struct Memory(ManualClock);
//!
//! impl SessionsBackend for Memory {
//!     async fn fresh(&self) -> Arc<dyn CoherentCache> {
//!         Arc::new(MemoryCache::builder().clock(self.0.shared()).build())
//!     }
//!
//!     fn head(&self) -> Key {
//!         let name = Namespace::new("shop").expect("it is not empty").key().text("session").value("logins");
//!         name.finish().expect("it is a key")
//!     }
//!
//!     async fn pass(&self, _: &SessionSpace, time: Duration) {
//!         self.0.advance(time);
//!     }
//! }
//!
//! cache_runtime::session_suite!(Memory(ManualClock::new()));
//! # }
//! ```

pub mod cases;
#[cfg(test)]
#[cfg(feature = "memory")]
mod tests;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use crate::key::Key;
use crate::port::{CoherentCache, SessionBackend, SessionSpace};

/// What the suite needs to know of a backend. One value serves one case.
pub trait SessionsBackend: Send + Sync {
    /// A cache that is open and has no sessions under [`head`](Self::head). Called once in a case.
    fn fresh(&self) -> impl Future<Output = Arc<dyn CoherentCache>> + Send;

    /// Where the sessions stand, if that is not this cache alone. Asked for once, after [`fresh`](Self::fresh).
    fn elsewhere(&self) -> Option<Arc<dyn SessionBackend>> {
        None
    }

    /// The head of the case's keys; always the same one of one value, and no two values have the same.
    fn head(&self) -> Key;

    /// Makes everything in the space look as if it had happened so much earlier.
    fn pass(&self, space: &SessionSpace, time: Duration) -> impl Future<Output = ()> + Send;
}

/// Makes one `#[test]` of each case of the suite, for the
/// [`SessionsBackend`](crate::testing::sessions::SessionsBackend) that the expression makes. It is evaluated once for each
/// case, in a tokio runtime, and may `.await`.
#[macro_export]
macro_rules! session_suite {
    ($backend:expr $(,)?) => {
        $crate::session_suite! { @cases $backend;
            what_was_created_is_read
            a_session_says_whose_it_is
            an_id_is_used_once
            an_unknown_id_is_nobodys
            a_session_ends_when_it_is_idle
            a_session_that_is_used_lives_on_up_to_the_absolute_limit
            a_shorter_life_may_be_given
            use_is_written_down_once_in_a_tenth_of_the_idle_limit
            limits_that_become_shorter_hold_at_once
            an_idle_limit_that_becomes_longer_ends_nothing_that_is_used
            a_change_needs_the_version_that_it_was_made_from
            a_change_of_any_version_takes_its_place
            a_change_may_give_another_life
            a_life_that_a_change_gives_ends_at_the_absolute_limit
            a_late_change_brings_nothing_back
            a_rotated_session_has_a_new_id_alone
            a_session_may_get_and_lose_its_user
            a_login_begins_the_absolute_limit_anew_and_nothing_else_does
            a_rotation_needs_the_version_that_it_was_made_from
            a_rotation_takes_nobodys_id
            a_destroyed_session_is_gone
            all_sessions_of_a_user_end_together
            all_but_one_may_end
            one_of_a_users_sessions_may_end_and_no_others
            a_list_is_of_what_is_alive
            a_list_does_not_count_as_use
            of_too_many_sessions_the_one_that_was_not_used_for_longest_ends
            sessions_of_two_spaces_have_nothing_in_common
            everybody_may_be_logged_out
            clearing_a_cache_leaves_sessions_alone
            any_bytes_come_back
            of_many_changes_none_is_lost
            what_has_ended_never_lives_again
        }
    };
    (@cases $backend:expr; $($case:ident)+) => {
        $(
            #[test]
            fn $case() {
                $crate::testing::conformance::run(async {
                    let backend = $backend;
                    $crate::testing::sessions::cases::$case(&backend).await;
                });
            }
        )+
    };
}
