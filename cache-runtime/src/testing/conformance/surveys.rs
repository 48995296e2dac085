//! Looking at what stands there, for a report. A backend that does not tell says so, and is done.
#![expect(missing_docs, reason = "the name of each case is its documentation")]

use std::collections::BTreeMap;

use super::Backend;
use super::room::{HOUR, MINUTE, Room, bytes, ok};
use crate::error::ErrorKind;
use crate::key::{Key, Namespace};
use crate::policy::{Remaining, Ttl};
use crate::port::{Standing, SurveyFrom, Surveyed};

/// More than any survey has pieces.
const MOST_PIECES: usize = 100_000;

/// Everything that a survey passes: how many keys, and those it looks at. `None` where the backend does not tell.
async fn survey(room: &Room, every: u64) -> Option<(u64, Vec<Surveyed>)> {
    let mut from = SurveyFrom { cursor: 0, seen: 0, every };
    let mut looked_at = Vec::new();
    for _ in 0..MOST_PIECES {
        let piece = match room.cache.survey(room.namespace(), from).await {
            Err(error) if error.kind() == ErrorKind::Unsupported => return None,
            piece => ok(piece, "survey"),
        };
        from.seen += piece.seen;
        looked_at.extend(piece.keys);
        match piece.next {
            Some(next) => from.cursor = next,
            None => return Some((from.seen, looked_at)),
        }
    }
    assert!(from.seen == 0, "the survey did not end");
    None
}

/// By key; one that was passed twice counts once.
fn by_key(looked_at: Vec<Surveyed>) -> BTreeMap<Key, Surveyed> {
    looked_at.into_iter().map(|found| (found.key.clone(), found)).collect()
}

pub async fn a_survey_tells_values_leases_and_holds_apart<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let [forever, an_hour, leased, held, expired] = room.some_keys();
    room.set(&forever, &bytes("a value of some length"), Ttl::Forever).await;
    room.set(&an_hour, &bytes(""), HOUR).await;
    room.leased(&leased).await;
    room.held(&held, MINUTE).await;
    room.set(&expired, &bytes("v"), MINUTE / 2).await;
    backend.expire_now(&*room.cache, &expired).await;
    let Some((_, found)) = survey(&room, 1).await else { return };
    let found = by_key(found);
    let standing: Vec<_> = found.iter().map(|(key, found)| (key, found.standing)).collect();
    let expected = [
        (&forever, Standing::Value),
        (&an_hour, Standing::Value),
        (&leased, Standing::Lease),
        (&held, Standing::Hold),
    ];
    assert_eq!(standing, expected, "what stands at each key that is alive");
    for (key, found) in &found {
        assert!(found.bytes > key.as_str().len() as u64, "{key} takes {} bytes", found.bytes);
        let lives_on = found.remaining == Remaining::Forever;
        assert_eq!(lives_on, *key == forever, "{key} has {:?} left", found.remaining);
    }
}

pub async fn a_survey_leaves_neighbouring_namespaces_out<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let near = ok(Namespace::new(&format!("{}x", room.namespace().as_str())), "a name");
    let theirs = ok(near.key().text("case").finish(), "making a key");
    room.set(&theirs, &bytes("theirs"), HOUR).await;
    let own = room.key("own");
    room.set(&own, &bytes("own"), HOUR).await;
    let Some((_, found)) = survey(&room, 1).await else { return };
    let found: Vec<_> = by_key(found).into_keys().collect();
    assert_eq!(found, [own], "only the namespace's own");
}

pub async fn a_sampled_survey_looks_at_one_key_of_so_many<B: Backend>(backend: &B) {
    let room = Room::open(backend).await;
    let keys = room.keys(1_234);
    let entries: Vec<_> = keys.iter().map(|key| (key.clone(), bytes("v"))).collect();
    ok(room.cache.set_many(&entries, HOUR.into()).await, "set_many");
    let Some((seen, found)) = survey(&room, 1).await else { return };
    assert!(seen >= 1_234, "{seen} keys were passed");
    assert_eq!(by_key(found).len(), 1_234, "each was looked at");
    let Some((seen, found)) = survey(&room, 10).await else { return };
    assert!(seen >= 1_234, "{seen} keys were passed");
    assert_eq!(found.len() as u64, seen.div_ceil(10), "one of ten was looked at");
}
