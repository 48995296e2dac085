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
/// seen a minute ago, and one that comes after a look that found as many rows as it may take goes on behind those. A
/// transaction that commits later is found by a look from the beginning, of which there is one a second: rows are never
/// passed by, only found a little later.
#[derive(Debug, Default)]
pub(super) struct Floor {
    /// Moments, and the highest number that was seen by then.
    seen: VecDeque<(Instant, i64)>,
    next_whole: Option<Instant>,
    /// The highest number of the last look, where that was full.
    goes_on: Option<i64>,
}

/// A look that has ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Looked {
    /// From the beginning.
    pub(super) whole: bool,
    pub(super) took: Duration,
    /// The highest number that it found.
    pub(super) highest: Option<i64>,
    /// It found as many rows as it may take.
    pub(super) full: bool,
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
        match self.goes_on.or(behind) {
            Some(number) if self.next_whole.is_some_and(|next| now < next) => (number, false),
            _ => (i64::MIN, true),
        }
    }

    pub(super) fn looked(&mut self, now: Instant, look: Looked) {
        if look.whole {
            self.next_whole = Some(now + WHOLE_LOOK.max(look.took * SHARE));
        }
        self.goes_on = look.highest.filter(|_| look.full);
        if let Some(highest) = look.highest {
            self.saw(now, highest);
        }
    }

    /// Rows up to this number were seen.
    fn saw(&mut self, now: Instant, number: i64) {
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

    fn whole(took: Duration, found: Option<i64>) -> Looked {
        Looked { whole: true, took, highest: found, full: false }
    }

    #[test]
    fn most_looks_begin_behind_what_was_seen_a_minute_ago() {
        let begin = Instant::now();
        let at = |seconds: u64| begin + Duration::from_secs(seconds);
        let mut floor = Floor::default();
        assert_eq!(floor.now(at(0)), (i64::MIN, true));
        for second in 0..100 {
            let number = 10 * i64::try_from(second).unwrap();
            floor.looked(at(second), whole(Duration::ZERO, Some(number)));
            floor.looked(at(second), whole(Duration::ZERO, Some(i64::MAX)));
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
        floor.looked(at(0), whole(Duration::ZERO, Some(7)));
        floor.looked(at(100_000), whole(Duration::from_millis(10), None));
        assert_eq!(floor.now(at(100_999)), (7, false));
        assert_eq!(floor.now(at(101_000)), (i64::MIN, true));
        floor.looked(at(101_000), whole(Duration::from_millis(300), None));
        assert_eq!(floor.now(at(106_999)), (7, false));
        assert_eq!(floor.now(at(107_000)), (i64::MIN, true));
    }

    #[test]
    fn a_look_goes_on_behind_a_full_one_but_for_one_a_second() {
        let begin = Instant::now();
        let at = |millis: u64| begin + Duration::from_millis(millis);
        let mut floor = Floor::default();
        let mut looked = |millis, whole, highest, full| {
            floor.looked(at(millis), Looked { whole, took: Duration::ZERO, highest, full });
            floor.now(at(millis + 1))
        };
        assert_eq!(looked(0, true, Some(10), true), (10, false));
        assert_eq!(looked(500, false, Some(20), true), (20, false));
        assert_eq!(looked(999, false, Some(30), true), (i64::MIN, true));
        assert_eq!(looked(1000, true, Some(40), true), (40, false));
        // Nothing is known of a minute ago yet.
        assert_eq!(looked(1001, false, Some(45), false), (i64::MIN, true));
    }
}
