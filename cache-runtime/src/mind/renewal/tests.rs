use super::*;
use crate::backend::NullCache;
use crate::clock::Clock;
use crate::entry::Body;
use crate::key::Namespace;
use crate::policy::Policy;

const SECOND: Duration = Duration::from_secs(1);

/// A clock that a test moves; the one of the testing room is behind a feature.
#[derive(Clone, Debug, Default)]
struct Hands(Arc<Mutex<Duration>>);

impl Hands {
    fn advance(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }
}

impl Clock for Hands {
    fn elapsed(&self) -> Duration {
        *self.0.lock().unwrap()
    }

    fn unix_millis(&self) -> u64 {
        0
    }
}

fn key() -> Key {
    Namespace::new("shop").unwrap().key().text("rows").finish().unwrap()
}

fn value(kept_millis: u32) -> Value {
    let (fingerprint, era, filled_at, nonce, load_micros) = (1, 2, 3, 4, 10_000);
    let (stamps, body) = (Vec::new(), Body::Nothing);
    Value { fingerprint, era, filled_at, nonce, kept_millis, load_micros, stamps, body }
}

fn left(millis: u64) -> Remaining {
    Remaining::Left(Duration::from_millis(millis))
}

/// The paper: `now - delta * beta * ln(random()) >= expiry`, which happens with the probability
/// `exp(-(expiry - now) / (delta * beta))`.
#[test]
fn a_reader_is_chosen_as_often_as_xfetch_says() {
    const DRAWS: u32 = 200_000;
    fastrand::seed(0x5EED);
    for (load, beta) in [(10, 1.0), (10, 2.0), (3, 0.5)] {
        let spread = spread(Duration::from_millis(load), beta);
        for ahead in [0.1, 0.5, 1.0, 2.0, 4.0] {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small")]
            let left = (spread * ahead) as u64;
            let chosen = (0..DRAWS).filter(|_| is_chosen(left, spread, draw())).count();
            #[expect(clippy::cast_precision_loss, reason = "small")]
            let share = chosen as f64 / f64::from(DRAWS);
            let expected = (-ahead).exp();
            // Four standard deviations.
            let tolerance = 4.0 * (expected * (1.0 - expected) / f64::from(DRAWS)).sqrt();
            assert!((share - expected).abs() < tolerance, "{share} at {ahead}, not {expected}");
        }
    }
}

#[test]
fn no_draw_is_larger_than_the_largest() {
    let smallest = f64::EPSILON / 2.0;
    assert!((-smallest.ln() - LARGEST_DRAW).abs() < 1e-9);
    fastrand::seed(1);
    assert!((0..1_000_000).map(|_| draw()).all(|draw| (0.0..=LARGEST_DRAW).contains(&draw)));
}

#[test]
fn a_value_is_served_to_its_ttl_and_while_it_may_be_revalidated() {
    let renewing = |revalidate| Renewing { beta: 0.0, revalidate };
    let life = |remaining| Life::of(&value(3000), remaining);
    // It is kept for three seconds, and served for one of them.
    assert_eq!(life(left(5000)).served(renewing(SECOND)), left(3000));
    assert_eq!(life(left(2001)).served(renewing(SECOND)), left(1));
    assert_eq!(life(left(2000)).served(renewing(SECOND)), left(0));
    assert_eq!(life(left(5000)).fresh(), left(2000));
    assert_eq!(life(Remaining::Forever).served(renewing(SECOND)), Remaining::Forever);
    // A longer window than the filler knew of ends with the life.
    assert_eq!(life(left(10)).served(renewing(SECOND * 60)), left(10));
    assert!(life(left(10)).stands_in(SECOND * 3));
    assert!(!life(left(1000)).stands_in(SECOND * 2), "it is past that");
    assert!(!life(left(10)).stands_in(Duration::ZERO));
}

#[test]
fn a_value_is_renewed_by_one_at_a_time_and_again_after_a_pause() {
    let hands = Hands::default();
    let context = Arc::new(Context::new(
        Arc::new(NullCache::new()),
        Namespace::new("shop").unwrap(),
        Policy::default(),
        Arc::new(hands.clone()),
        None,
    ));
    let flights = context.new_flights();
    let claim = flights.renew(&context, &key(), 1).unwrap();
    hands.advance(SECOND * 3600);
    assert!(flights.renew(&context, &key(), 1).is_none(), "it is under way");
    drop(claim);
    assert!(flights.renew(&context, &key(), 1).is_none(), "it has just been tried");
    let next = flights.renew(&context, &key(), 2);
    assert!(next.is_some(), "another value is another matter");
    drop(next);
    hands.advance(PAUSE);
    let again = flights.renew(&context, &key(), 2);
    assert!(again.is_some());
    drop(again);
    for nonce in 3..u64::try_from(MOST_REMEMBERED).unwrap() * 3 {
        let other = key().renewal(nonce);
        drop(flights.renew(&context, &other, nonce));
        hands.advance(Duration::from_millis(10));
    }
    assert!(flights.renewals.lock().len() <= MOST_REMEMBERED);
}
