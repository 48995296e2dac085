use super::*;
use crate::testing::ManualClock;

#[test]
fn what_happens_often_is_said_once_in_half_a_minute_with_how_often() {
    let (complaints, clock) = (Complaints::default(), ManualClock::new());
    assert_eq!(complaints.may_say(&clock, Topic::HoldGone), Some(0));
    assert_eq!(complaints.may_say(&clock, Topic::HoldGone), None);
    assert_eq!(complaints.may_say(&clock, Topic::Stale), Some(0), "another matter");
    clock.advance(QUIET);
    assert_eq!(complaints.may_say(&clock, Topic::HoldGone), Some(1));
    assert_eq!(complaints.may_say(&clock, Topic::HoldGone), None);
}
