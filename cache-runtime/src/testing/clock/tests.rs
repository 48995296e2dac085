use super::*;

#[test]
fn a_manual_clock_stands_still_until_it_is_advanced() {
    let clock = ManualClock::new();
    assert_eq!(clock.elapsed(), Duration::ZERO);
    assert_eq!(clock.elapsed(), Duration::ZERO);
    clock.advance(Duration::from_micros(1_500));
    assert_eq!(clock.elapsed(), Duration::from_micros(1_500));
    assert_eq!(clock.unix_millis(), EPOCH_MILLIS + 1);
}

#[test]
fn handles_of_a_manual_clock_share_one_time() {
    let clock = ManualClock::new();
    let (clone, shared) = (clock.clone(), clock.shared());
    clone.advance(Duration::from_secs(1));
    clock.advance(Duration::from_secs(2));
    assert_eq!(shared.elapsed(), Duration::from_secs(3));
}

#[test]
fn a_manual_clock_never_overflows() {
    let clock = ManualClock::new();
    clock.advance(Duration::MAX);
    clock.advance(Duration::MAX);
    assert_eq!(clock.elapsed(), Duration::MAX);
    assert_eq!(clock.unix_millis(), u64::MAX);
}
