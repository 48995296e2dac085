use super::*;
use crate::error::ErrorKind;

const MS: Duration = Duration::from_millis(1);
const HANG: Duration = Duration::from_millis(40);
const TIMEOUT: Duration = Duration::from_millis(250);

fn error(text: &str) -> Error {
    Error::new(ErrorKind::Timeout, text)
}

fn refusal(breaker: &mut Breaker) -> Option<String> {
    breaker.refusal().map(ToString::to_string)
}

#[test]
fn closed_it_refuses_nothing_and_open_everything() {
    let mut breaker = Breaker::new(Duration::ZERO);
    assert_eq!((breaker.state(), refusal(&mut breaker)), (State::Closed, None));
    breaker.open(3 * MS, error("silence"));
    assert_eq!((breaker.state(), breaker.since()), (State::Open, 3 * MS));
    assert_eq!(refusal(&mut breaker).as_deref(), Some("silence"));
    breaker.probe(60 * MS);
    assert_eq!((breaker.state(), breaker.since()), (State::HalfOpen, 60 * MS));
    assert_eq!(refusal(&mut breaker).as_deref(), Some("silence"), "only the probe is let through");
    breaker.open(70 * MS, error("still"));
    assert_eq!((breaker.state(), breaker.since()), (State::Open, 70 * MS));
    assert_eq!(refusal(&mut breaker).as_deref(), Some("still"));
    breaker.probe(200 * MS);
    let over = breaker.close(201 * MS);
    assert_eq!(over, Some(Outage { lasted: 198 * MS, refused: 3 }), "from the first silence on");
    assert_eq!((breaker.state(), breaker.since()), (State::Closed, 201 * MS));
    assert_eq!(refusal(&mut breaker), None);
    assert_eq!(breaker.last_error().map(ToString::to_string).as_deref(), Some("still"));
    assert_eq!(breaker.close(202 * MS), None, "nothing was over but a connection");
}

#[test]
fn opening_it_twice_does_not_begin_the_time_anew() {
    let mut breaker = Breaker::new(Duration::ZERO);
    breaker.open(3 * MS, error("silence"));
    breaker.open(9 * MS, error("silence"));
    assert_eq!(breaker.since(), 3 * MS);
}

#[test]
fn the_first_connection_is_no_probe() {
    let mut breaker = Breaker::new(Duration::ZERO);
    breaker.probe(MS);
    assert_eq!((breaker.state(), breaker.since()), (State::Closed, Duration::ZERO));
}

#[test]
fn probes_come_early_and_then_less_often_and_never_further_apart_than_half_a_second() {
    for _ in 0..100 {
        let mut breaker = Breaker::new(Duration::ZERO);
        breaker.open(MS, error("silence"));
        for longest in [100, 200, 400, 500, 500, 500] {
            let pause = breaker.pause();
            let longest = longest * MS;
            assert!(pause >= longest / 2 && pause <= longest, "{pause:?} of {longest:?}");
        }
        breaker.close(MS);
        assert!(breaker.pause() <= 100 * MS, "the next outage begins anew");
    }
}

/// A look at a call that began at the time zero, where the last byte came at that time.
fn looked(look: &mut Look, waiting: usize) -> Verdict {
    let now = look.next();
    look.at(now, now, waiting)
}

#[test]
fn several_calls_in_silence_are_a_hang_after_the_time_for_it() {
    let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
    assert_eq!(look.next(), HANG);
    assert_eq!(looked(&mut look, 3), Verdict::Hangs);
    assert_eq!(look.next(), TIMEOUT, "who may wait waits to the end of its own time");
}

#[test]
fn one_or_two_calls_in_silence_are_a_hang_only_when_their_time_is_over() {
    for waiting in [1, 2] {
        let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
        let mut looks = 0;
        while look.next() < TIMEOUT {
            assert_eq!(looked(&mut look, waiting), Verdict::Wait);
            looks += 1;
        }
        assert_eq!(looks, 6, "it looks on, for others may have joined it, or seen the hang");
        assert_eq!(looked(&mut look, waiting), Verdict::TooSlow { silent: true });
    }
}

#[test]
fn bytes_that_keep_coming_are_no_hang_however_many_wait() {
    let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
    while look.next() < TIMEOUT {
        let now = look.next();
        assert_eq!(look.at(now, 39 * MS, 64), Verdict::Wait);
        assert_eq!(look.next(), TIMEOUT.min(now + MS), "it looks when a silence could be a hang");
    }
    assert_eq!(look.at(TIMEOUT, 39 * MS, 64), Verdict::TooSlow { silent: false });
}

#[test]
fn a_silence_that_begins_late_is_found_on_time() {
    let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
    // The last byte came after 25 ms.
    assert_eq!(look.at(HANG, 15 * MS, 64), Verdict::Wait);
    assert_eq!(look.next(), 65 * MS);
    assert_eq!(look.at(65 * MS, 40 * MS, 64), Verdict::Hangs);
}

#[test]
fn who_was_asleep_itself_looks_once_more_before_it_blames_the_server() {
    let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
    assert_eq!(look.at(300 * MS, 300 * MS, 64), Verdict::Wait);
    assert_eq!(look.next(), 340 * MS);
    assert_eq!(look.at(340 * MS, 340 * MS, 64), Verdict::TooSlow { silent: true });
    // It does not go on forever on a machine that is always late.
    let mut look = Look::new(Duration::ZERO, Duration::ZERO, TIMEOUT, HANG);
    assert_eq!(look.at(60 * MS, 60 * MS, 64), Verdict::Wait);
    assert_eq!(look.at(120 * MS, 120 * MS, 64), Verdict::Hangs);
}

#[test]
fn a_time_for_hangs_beyond_the_timeout_leaves_the_timeout() {
    let mut look = Look::new(5 * MS, Duration::ZERO, TIMEOUT, Duration::from_secs(5));
    assert_eq!(look.next(), 255 * MS);
    assert_eq!(look.at(255 * MS, 250 * MS, 64), Verdict::TooSlow { silent: true });
    let mut look = Look::new(5 * MS, Duration::ZERO, Duration::MAX, Duration::MAX);
    assert_eq!(look.at(255 * MS, 250 * MS, 64), Verdict::Wait, "who sets no measure waits on");
}

#[test]
fn who_joins_a_silence_looks_when_that_could_be_a_hang() {
    let next = |silence| Look::new(100 * MS, silence, TIMEOUT, HANG).next();
    assert_eq!(next(30 * MS), 110 * MS);
    assert_eq!(next(20 * MS), 120 * MS);
    assert_eq!(next(500 * MS), 110 * MS, "not at once");
    let mut look = Look::new(100 * MS, 30 * MS, TIMEOUT, HANG);
    assert_eq!(look.at(110 * MS, HANG, 3), Verdict::Hangs);
}
