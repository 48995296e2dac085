//! Where to begin to look for rows.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A row that was seen this long ago is behind nearly everything that still comes.
const BEHIND: Duration = Duration::from_secs(60);
/// Between two looks from the very beginning.
const WHOLE_LOOK: Duration = Duration::from_secs(1);
/// Such a look takes at most one part in so many of the time.
const SHARE: u32 = 20;

/// Deleted rows stay in the table's index until no transaction is left that might see them: while a dump runs for an hour,
/// each look from the beginning would step over all that was delivered in that hour. So most looks begin behind what was
/// seen a minute ago. A transaction that commits later than that is found by a look from the beginning, of which there
/// is one a second: rows are never passed by, only found a little later.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Moments, and the highest number that was seen by then.
    seen: VecDeque<(Instant, i64)>,
    next_whole: Option<Instant>,
}

impl Floor {
    /// The number above which to look now; whether that is everything.
    pub(super) fn now(&mut self, now: Instant) -> (i64, bool) {
        while self.seen.get(1).is_some_and(|(at, _)| now.saturating_duration_since(*at) >= BEHIND) {
            self.seen.pop_front();
        }
        let behind = self
            .seen
            .front()
            .filter(|(at, _)| now.saturating_duration_since(*at) >= BEHIND)
            .map(|(_, number)| *number);
        match behind {
            Some(number) if self.next_whole.is_some_and(|next| now < next) => (number, false),
            _ => (i64::MIN, true),
        }
    }

    /// A look from the beginning has ended, and took so long. One that found as many rows as it may take has left others,
    /// which lie there as well: the next one begins there again.
    pub(super) fn looked(&mut self, now: Instant, took: Duration, (found, most): (usize, usize)) {
        self.next_whole = (found < most).then(|| now + WHOLE_LOOK.max(took * SHARE));
    }

    /// Rows up to this number were seen.
    pub(super) fn saw(&mut self, now: Instant, number: i64) {
        let last = self.seen.back().map(|(at, _)| *at);
        if last.is_none_or(|last| now.saturating_duration_since(last) >= WHOLE_LOOK) {
            self.seen.push_back((now, number));
        }
    }

    /// The numbers may begin anew.
    pub(super) fn forget(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn most_looks_begin_behind_what_was_seen_a_minute_ago() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut floor = Floor::default();
        assert_eq!(floor.now(at(0)), (i64::MIN, true));
        for second in 0..100 {
            floor.looked(at(second), Duration::ZERO, (9, 10));
            floor.saw(at(second), 10 * i64::try_from(second).unwrap());
            floor.saw(at(second), i64::MAX);
        }
        let moment = at(99) + Duration::from_millis(500);
        assert_eq!(floor.now(moment), (390, false), "what was seen at second 39");
        assert!(floor.seen.len() <= 62, "{}", floor.seen.len());
        floor.forget();
        assert_eq!(floor.now(moment), (i64::MIN, true));
    }

    #[test]
    fn a_look_from_the_beginning_comes_every_second_and_more_rarely_when_it_is_slow() {
        let begin = Instant::now();
        let at = |millis: u64| begin + Duration::from_millis(millis);
        let mut floor = Floor::default();
        floor.saw(at(0), 7);
        floor.looked(at(100_000), Duration::from_millis(10), (0, 10));
        assert_eq!(floor.now(at(100_999)), (7, false));
        assert_eq!(floor.now(at(101_000)), (i64::MIN, true));
        floor.looked(at(101_000), Duration::from_millis(300), (0, 10));
        assert_eq!(floor.now(at(106_999)), (7, false));
        assert_eq!(floor.now(at(107_000)), (i64::MIN, true));
    }

    #[test]
    fn looks_begin_at_the_beginning_until_one_has_found_everything() {
        let begin = Instant::now();
        let at = |millis: u64| begin + Duration::from_millis(millis);
        let mut floor = Floor::default();
        floor.saw(at(0), 7);
        for look in 0..5 {
            assert_eq!(floor.now(at(100_000 + look)), (i64::MIN, true));
            floor.looked(at(100_000 + look), Duration::ZERO, (10, 10));
        }
        floor.looked(at(100_005), Duration::ZERO, (9, 10));
        assert_eq!(floor.now(at(100_006)), (7, false));
    }
}
