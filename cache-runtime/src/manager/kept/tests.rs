use super::*;
use crate::key::Namespace;

const IDLE: u64 = 1_800_000;
const ABSOLUTE: u64 = 43_200_000;
/// Some moment of the server's.
const NOW: u64 = 1_700_000_000_000;

fn space(idle: u64) -> SessionSpace {
    let name = Namespace::new("shop").unwrap().key().text("session").value("Logins");
    let time = Duration::from_millis;
    SessionSpace::new(name.finish().unwrap(), time(idle), time(ABSOLUTE), 5)
}

/// What may be kept of a session that was last used, and ends, so many milliseconds from now.
fn kept(idle: u64, seen: i64, ends: u64, policy: &Policy) -> u64 {
    let seen = NOW.saturating_add_signed(seen);
    let session = StoredSession {
        data: Vec::new().into(),
        version: 1,
        user: None,
        created: seen,
        seen,
        ends: NOW + ends,
    };
    let until = (seen + idle).min(session.ends);
    let look = Look::of(NOW, until);
    let ttl = lifetime(&look, &session, &space(idle), policy);
    ttl.millis().unwrap()
}

#[test]
fn an_entry_lives_no_longer_than_until_its_use_is_written_down() {
    let exact = Policy { jitter: 0.0, ..Policy::default() };
    assert_eq!(kept(IDLE, 0, ABSOLUTE, &exact), IDLE / 10);
    assert_eq!(kept(IDLE, -60_000, ABSOLUTE, &exact), IDLE / 10 - 60_000);
    for seen in [-180_000, -179_500, -500_000] {
        assert_eq!(kept(IDLE, seen, ABSOLUTE, &exact), 0, "{seen}");
    }
    // Nor than anything else in the cache does.
    let short = Policy { ttl: Ttl::After(Duration::from_secs(20)), ..exact.clone() };
    assert_eq!(kept(IDLE, 0, ABSOLUTE, &short), 20_000);
    let forever = Policy { ttl: Ttl::Forever, ..exact };
    assert_eq!(kept(IDLE, 0, ABSOLUTE, &forever), IDLE / 10);
}

/// A fill comes as late as its lease lives, and each lifetime is moved at random.
#[test]
fn no_entry_outlives_its_session_however_late_it_is_filled() {
    let policy = Policy::default();
    let lease = u64::try_from(policy.lease_ttl.as_millis()).unwrap();
    for idle in [5_000, 60_000, 600_000, IDLE] {
        for seen in (0..idle).step_by(usize::try_from(idle / 50).unwrap()) {
            for ends in [1, 9_999, 10_001, 15_000, 100_000, ABSOLUTE] {
                let seen = -i64::try_from(seen).unwrap();
                let ttl = kept(idle, seen, ends, &policy);
                let longest = Ttl::After(Duration::from_millis(ttl + ttl.div_ceil(10)));
                let over = ends.min(idle.saturating_add_signed(seen));
                assert!(
                    ttl == 0 || lease + longest.millis().unwrap() <= over + 1,
                    "{ttl} of {over}, idle {idle}, seen {seen}"
                );
            }
        }
    }
    assert!(kept(IDLE, 0, ABSOLUTE, &policy) > 150_000, "the bound leaves something");
}

#[test]
fn limits_of_a_row_are_those_that_it_was_judged_by() {
    let user = Some(UserDigest::from_bytes([9; 32]));
    let data = vec![7].into();
    let session = StoredSession { data, version: 3, user, created: 1, seen: 2, ends: 4 };
    let row = Row::of(session.clone(), &space(IDLE));
    assert_eq!(row.limits, (IDLE, ABSOLUTE));
    assert_eq!(row.into_session(), session);
}
