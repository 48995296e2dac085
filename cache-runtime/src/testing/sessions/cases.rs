//! The cases.
#![allow(missing_docs, clippy::missing_panics_doc, reason = "each is named after what it promises")]

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::SessionsBackend;
use crate::error::{ErrorKind, Result};
use crate::key::Namespace;
use crate::port::{
    Changed, CoherentCache, NewSession, SessionBackend, SessionChange, SessionDigest, SessionSpace,
    StoredSession, UserDigest,
};

const MINUTE: Duration = Duration::from_secs(60);
const IDLE: Duration = Duration::from_secs(1800);
const ABSOLUTE: Duration = Duration::from_secs(12 * 3600);

#[track_caller]
fn ok<T>(answer: Result<T>) -> T {
    match answer {
        Ok(answer) => answer,
        #[expect(clippy::panic, reason = "that is how a case fails")]
        Err(error) => panic!("the backend failed: {error:?}"),
    }
}

#[track_caller]
fn some<T>(answer: Option<T>) -> T {
    match answer {
        Some(answer) => answer,
        #[expect(clippy::panic, reason = "that is how a case fails")]
        None => panic!("the session is not alive"),
    }
}

fn id(number: u8) -> SessionDigest {
    SessionDigest::from_bytes([number; 32])
}

fn user(number: u8) -> UserDigest {
    UserDigest::from_bytes([number; 32])
}

fn new(data: &str, user: Option<UserDigest>) -> NewSession {
    let data = Bytes::copy_from_slice(data.as_bytes());
    NewSession { data, about: Bytes::from_static(b"about"), user, lives: ABSOLUTE }
}

fn change(from: Option<u64>, data: &str) -> SessionChange {
    SessionChange { from, data: Bytes::copy_from_slice(data.as_bytes()), lives: None }
}

/// One case's backend and space.
struct World<'a, B> {
    backend: &'a B,
    cache: Arc<dyn CoherentCache>,
    sessions: Sessions,
    space: SessionSpace,
}

/// Where the sessions stand.
#[derive(Clone)]
enum Sessions {
    Cache(Arc<dyn CoherentCache>),
    Elsewhere(Arc<dyn SessionBackend>),
}

impl Sessions {
    fn port(&self) -> &dyn SessionBackend {
        match self {
            #[expect(clippy::expect_used, reason = "a backend that joins has sessions")]
            Self::Cache(cache) => cache.sessions().expect("the backend has sessions"),
            Self::Elsewhere(sessions) => &**sessions,
        }
    }
}

impl<'a, B: SessionsBackend> World<'a, B> {
    async fn new(backend: &'a B) -> Self {
        let space = SessionSpace::new(backend.head(), IDLE, ABSOLUTE, 5);
        let cache = backend.fresh().await;
        let sessions = backend
            .elsewhere()
            .map_or_else(|| Sessions::Cache(Arc::clone(&cache)), Sessions::Elsewhere);
        Self { backend, cache, sessions, space }
    }

    fn port(&self) -> &dyn SessionBackend {
        self.sessions.port()
    }

    async fn pass(&self, time: Duration) {
        self.backend.pass(&self.space, time).await;
    }

    async fn create(&self, number: u8, user: Option<UserDigest>) {
        let made = self.port().session_create(&self.space, &id(number), &new("data", user)).await;
        assert!(ok(made), "the id is free");
    }

    async fn read(&self, number: u8) -> Option<StoredSession> {
        ok(self.port().session_read(&self.space, &id(number)).await)
    }

    async fn is_alive(&self, number: u8) -> bool {
        self.read(number).await.is_some()
    }

    async fn data(&self, number: u8) -> Bytes {
        some(self.read(number).await).data
    }

    async fn write(&self, number: u8, from: Option<u64>, data: &str) -> Changed {
        ok(self.port().session_write(&self.space, &id(number), &change(from, data)).await)
    }

    async fn rotate(&self, from: u8, to: u8, user: Option<UserDigest>) -> Changed {
        let mut change = change(None, "rotated");
        change.lives = Some(ABSOLUTE);
        let (from, to) = (id(from), id(to));
        ok(self.port().session_rotate(&self.space, &from, &to, &change, user.as_ref()).await)
    }

    async fn destroy(&self, number: u8) -> bool {
        ok(self.port().session_destroy(&self.space, &id(number)).await)
    }

    async fn listed(&self, of: UserDigest) -> Vec<SessionDigest> {
        let listed = ok(self.port().session_list(&self.space, &of).await);
        let mut ids: Vec<_> = listed.into_iter().map(|session| session.id).collect();
        ids.sort_unstable();
        ids
    }
}

pub async fn what_was_created_is_read(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    let session = some(world.read(1).await);
    assert_eq!((&session.data[..], session.version), (&b"data"[..], 1));
    assert_eq!(session.created, session.seen);
    let lives = session.ends - session.created;
    assert_eq!(u128::from(lives), ABSOLUTE.as_millis());
    assert!(session.created > 1_600_000_000_000, "Unix milliseconds: {session:?}");
}

pub async fn a_session_says_whose_it_is(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    world.create(2, None).await;
    // What is told of it again may come from elsewhere than what was told first.
    for _ in 0..3 {
        assert_eq!(some(world.read(1).await).user, Some(user(1)));
        assert_eq!(some(world.read(2).await).user, None);
    }
    let newer = match world.write(1, Some(7), "lost").await {
        Changed::Conflict(newer) => newer,
        #[expect(clippy::panic, reason = "that is how a case fails")]
        other => panic!("a version that never was is taken: {other:?}"),
    };
    assert_eq!(newer.user, Some(user(1)));
    for (from, to, whose) in [(1, 3, Some(user(2))), (3, 4, None), (2, 5, Some(user(1)))] {
        assert_eq!(world.rotate(from, to, whose).await, Changed::Done);
        assert_eq!(some(world.read(to).await).user, whose);
    }
}

pub async fn an_id_is_used_once(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    let (same, other) = (id(1), new("other", Some(user(1))));
    let again = world.port().session_create(&world.space, &same, &other).await;
    assert!(!ok(again), "the id is taken");
    assert_eq!(world.data(1).await, "data");
    assert_eq!(world.listed(user(1)).await, [], "nothing has changed");
}

pub async fn an_unknown_id_is_nobodys(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    assert_eq!(world.read(1).await, None);
    assert_eq!(world.write(1, None, "adopted").await, Changed::Gone);
    assert_eq!(world.write(1, Some(1), "adopted").await, Changed::Gone);
    assert_eq!(world.rotate(1, 2, Some(user(1))).await, Changed::Gone);
    assert!(!world.destroy(1).await);
    for number in [1, 2] {
        assert_eq!(world.read(number).await, None, "it was not adopted");
    }
    assert_eq!(world.listed(user(1)).await, []);
}

pub async fn a_session_ends_when_it_is_idle(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    world.create(2, Some(user(1))).await;
    world.pass(IDLE - MINUTE).await;
    assert!(world.is_alive(2).await, "and is used by that");
    world.pass(MINUTE).await;
    assert!(!world.is_alive(1).await);
    assert!(world.is_alive(2).await);
    world.pass(IDLE).await;
    assert!(!world.is_alive(2).await);
    assert_eq!(world.write(2, None, "late").await, Changed::Gone);
}

pub async fn a_session_that_is_used_lives_on_up_to_the_absolute_limit(
    backend: &impl SessionsBackend,
) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    let step = IDLE - MINUTE;
    let mut passed = Duration::ZERO;
    while passed + step < ABSOLUTE {
        world.pass(step).await;
        passed += step;
        assert!(world.is_alive(1).await, "after {passed:?}");
    }
    world.pass(ABSOLUTE - passed).await;
    assert!(!world.is_alive(1).await);
    assert_eq!(world.listed(user(1)).await, []);
}

pub async fn a_shorter_life_may_be_given(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    let short = NewSession { lives: MINUTE, ..new("data", None) };
    assert!(ok(world.port().session_create(&world.space, &id(1), &short).await));
    assert!(world.is_alive(1).await);
    world.pass(MINUTE).await;
    assert!(!world.is_alive(1).await);
}

pub async fn use_is_written_down_once_in_a_tenth_of_the_idle_limit(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    let seen = some(world.read(1).await).seen;
    world.pass(IDLE / 10 - MINUTE).await;
    // The backend's clock, or the session, has moved: what was written moves with it, or stands still.
    let read = some(world.read(1).await);
    assert_eq!(read.seen, read.created, "less than a tenth: nothing was written");
    assert!(read.seen <= seen);
    world.pass(MINUTE).await;
    let read = some(world.read(1).await);
    let after = Duration::from_millis(read.seen - read.created);
    assert!(after >= IDLE / 10 && after < IDLE / 10 + MINUTE, "a tenth: {after:?}");
    let again = some(world.read(1).await);
    assert_eq!((again.seen, again.version), (read.seen, 1));
}

pub async fn limits_that_become_shorter_hold_at_once(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    world.create(2, None).await;
    world.pass(5 * MINUTE).await;
    for (idle, absolute) in [(MINUTE, ABSOLUTE), (IDLE, MINUTE)] {
        let stricter = SessionSpace::new(world.space.head().clone(), idle, absolute, 5);
        let number = if idle == MINUTE { 1 } else { 2 };
        assert_eq!(ok(world.port().session_read(&stricter, &id(number)).await), None);
        assert!(!world.is_alive(number).await, "and it does not come back");
    }
}

pub async fn an_idle_limit_that_becomes_longer_ends_nothing_that_is_used(
    backend: &impl SessionsBackend,
) {
    let world = World::new(backend).await;
    let of = |idle| SessionSpace::new(world.space.head().clone(), idle, ABSOLUTE, 5);
    let (short, long) = (of(10 * MINUTE), of(120 * MINUTE));
    for (number, user) in [(1, None), (2, Some(user(1)))] {
        let made = world.port().session_create(&short, &id(number), &new("data", user)).await;
        assert!(ok(made), "the id is free");
    }
    // Less than a tenth of the longer limit passes each time, and soon more than the whole of the shorter one.
    for minutes in (9..60).step_by(9) {
        world.pass(9 * MINUTE).await;
        for number in [1, 2] {
            let session = ok(world.port().session_read(&long, &id(number)).await);
            assert!(session.is_some(), "{number} after {minutes} minutes");
        }
    }
    world.pass(120 * MINUTE).await;
    assert_eq!(ok(world.port().session_read(&long, &id(1)).await), None);
}

pub async fn a_change_needs_the_version_that_it_was_made_from(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    assert_eq!(world.write(1, Some(1), "second").await, Changed::Done);
    let newer = match world.write(1, Some(1), "lost").await {
        Changed::Conflict(newer) => newer,
        #[expect(clippy::panic, reason = "that is how a case fails")]
        other => panic!("an old version was taken: {other:?}"),
    };
    assert_eq!((&newer.data[..], newer.version), (&b"second"[..], 2));
    assert_eq!(world.read(1).await, Some(newer), "nothing has changed");
    assert_eq!(world.write(1, Some(2), "third").await, Changed::Done);
    assert_eq!(world.data(1).await, "third");
    assert!(matches!(world.write(1, Some(7), "lost").await, Changed::Conflict(_)));
}

pub async fn a_change_of_any_version_takes_its_place(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    assert_eq!(world.write(1, None, "second").await, Changed::Done);
    assert_eq!(world.write(1, None, "third").await, Changed::Done);
    let session = some(world.read(1).await);
    assert_eq!((&session.data[..], session.version), (&b"third"[..], 3));
}

pub async fn a_change_may_give_another_life(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    world.create(2, None).await;
    for (number, lives) in [(1, MINUTE), (2, 2 * MINUTE)] {
        let change = SessionChange { lives: Some(lives), ..change(None, "second") };
        let changed = world.port().session_write(&world.space, &id(number), &change).await;
        assert_eq!(ok(changed), Changed::Done);
    }
    world.pass(MINUTE).await;
    assert!(!world.is_alive(1).await);
    assert!(world.is_alive(2).await);
}

pub async fn a_life_that_a_change_gives_ends_at_the_absolute_limit(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    world.pass(20 * MINUTE).await;
    let change = SessionChange { lives: Some(2 * ABSOLUTE), ..change(None, "second") };
    let changed = world.port().session_write(&world.space, &id(1), &change).await;
    assert_eq!(ok(changed), Changed::Done);
    // Also to those whose absolute limit is a longer one: it was given by this one.
    let longer = SessionSpace::new(world.space.head().clone(), IDLE, 4 * ABSOLUTE, 5);
    let session = some(ok(world.port().session_read(&longer, &id(1)).await));
    assert_eq!(Duration::from_millis(session.ends - session.created), ABSOLUTE);
}

pub async fn a_late_change_brings_nothing_back(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    for number in 1..=4 {
        world.create(number, Some(user(number))).await;
    }
    let read = some(world.read(1).await);
    assert!(world.destroy(1).await);
    ok(world.port().session_destroy_all(&world.space, &user(2), None).await);
    assert_eq!(world.rotate(3, 13, Some(user(3))).await, Changed::Done);
    world.pass(IDLE).await;
    for number in 1..=4 {
        assert_eq!(world.write(number, Some(read.version), "late").await, Changed::Gone);
        assert_eq!(world.write(number, None, "late").await, Changed::Gone);
        assert_eq!(world.rotate(number, 20, Some(user(number))).await, Changed::Gone);
        assert!(!world.is_alive(number).await, "{number} was brought back");
    }
    assert!(!world.is_alive(20).await);
}

pub async fn a_rotated_session_has_a_new_id_alone(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    let before = some(world.read(1).await);
    assert_eq!(world.rotate(1, 2, Some(user(1))).await, Changed::Done);
    assert!(!world.is_alive(1).await, "the old id is dead at once");
    let after = some(world.read(2).await);
    assert_eq!((&after.data[..], after.version), (&b"rotated"[..], 2));
    assert_eq!((after.created, after.ends), (before.created, before.ends));
    assert_eq!(world.listed(user(1)).await, [id(2)]);
    let listed = ok(world.port().session_list(&world.space, &user(1)).await);
    assert!(listed.iter().all(|session| session.about == "about"), "what is told of it stays");
}

pub async fn a_session_may_get_and_lose_its_user(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    assert_eq!(world.rotate(1, 2, Some(user(1))).await, Changed::Done);
    assert_eq!(world.listed(user(1)).await, [id(2)]);
    assert_eq!(world.rotate(2, 3, Some(user(2))).await, Changed::Done);
    assert_eq!((world.listed(user(1)).await, world.listed(user(2)).await), (vec![], vec![id(3)]));
    assert_eq!(world.rotate(3, 4, None).await, Changed::Done);
    assert_eq!(world.listed(user(2)).await, []);
    ok(world.port().session_destroy_all(&world.space, &user(2), None).await);
    assert!(world.is_alive(4).await, "it is nobody's any more");
}

pub async fn a_login_begins_the_absolute_limit_anew_and_nothing_else_does(
    backend: &impl SessionsBackend,
) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    world.pass(20 * MINUTE).await;
    assert_eq!(world.rotate(1, 2, Some(user(1))).await, Changed::Done);
    let login = some(world.read(2).await);
    let lives = Duration::from_millis(login.ends - login.created);
    assert_eq!(lives, ABSOLUTE);
    assert_eq!(login.created, login.seen);
    world.pass(20 * MINUTE).await;
    assert_eq!(world.rotate(2, 3, Some(user(1))).await, Changed::Done);
    let later = some(world.read(3).await);
    assert!(later.seen - later.created >= 20 * 60_000, "the login is as old as it was: {later:?}");
    assert_eq!(Duration::from_millis(later.ends - later.created), ABSOLUTE);
}

pub async fn a_rotation_needs_the_version_that_it_was_made_from(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, None).await;
    assert_eq!(world.write(1, Some(1), "second").await, Changed::Done);
    let change = change(Some(1), "lost");
    let moved = world.port().session_rotate(&world.space, &id(1), &id(2), &change, None).await;
    assert!(matches!(ok(moved), Changed::Conflict(newer) if newer.version == 2));
    assert!(!world.is_alive(2).await);
    assert_eq!(world.data(1).await, "second");
}

pub async fn a_rotation_takes_nobodys_id(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    world.create(2, Some(user(2))).await;
    let change = change(None, "stolen");
    let moved =
        world.port().session_rotate(&world.space, &id(1), &id(2), &change, Some(&user(1))).await;
    assert_eq!(moved.map_err(|error| error.kind()), Err(ErrorKind::Backend));
    for number in [1, 2] {
        assert_eq!(world.data(number).await, "data", "both are as they were");
        assert_eq!(world.listed(user(number)).await, [id(number)]);
    }
}

pub async fn a_destroyed_session_is_gone(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    world.create(2, None).await;
    for number in [1, 2] {
        assert!(world.destroy(number).await, "it was alive");
        assert!(!world.is_alive(number).await);
        assert!(!world.destroy(number).await, "it was not");
    }
    assert_eq!(world.listed(user(1)).await, []);
}

pub async fn all_sessions_of_a_user_end_together(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    for number in 1..=4 {
        world.create(number, Some(user(1))).await;
    }
    world.create(5, Some(user(2))).await;
    world.create(6, None).await;
    assert_eq!(ok(world.port().session_destroy_all(&world.space, &user(1), None).await), 4);
    for number in 1..=6 {
        assert_eq!(world.is_alive(number).await, number > 4, "{number}");
    }
    assert_eq!(ok(world.port().session_destroy_all(&world.space, &user(1), None).await), 0);
    // Who logs in again has the new session alone.
    world.create(7, Some(user(1))).await;
    assert_eq!(world.listed(user(1)).await, [id(7)]);
    for number in 1..=4 {
        assert!(!world.is_alive(number).await, "{number} lives again");
    }
}

pub async fn all_but_one_may_end(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    for number in 1..=3 {
        world.create(number, Some(user(1))).await;
    }
    let world = &world;
    let all_but = |number: u8| {
        let kept = id(number);
        async move { ok(world.port().session_destroy_all(&world.space, &user(1), Some(&kept)).await) }
    };
    assert_eq!(all_but(2).await, 2);
    assert_eq!(world.listed(user(1)).await, [id(2)]);
    assert_eq!(all_but(2).await, 0);
    world.pass(IDLE - MINUTE).await;
    assert!(world.is_alive(2).await, "its user's record lives as long as it does");
    assert_eq!(all_but(9).await, 1, "one that is not the user's keeps nothing");
    assert!(!world.is_alive(2).await);
}

pub async fn one_of_a_users_sessions_may_end_and_no_others(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    world.create(2, Some(user(2))).await;
    world.create(3, None).await;
    let end = |of: UserDigest, number: u8| {
        let (port, space, which) = (world.port(), &world.space, id(number));
        async move { ok(port.session_destroy_listed(space, &of, &which).await) }
    };
    for number in [2, 3, 4] {
        assert!(!end(user(1), number).await, "{number} is not the user's");
    }
    assert!(world.is_alive(2).await && world.is_alive(3).await);
    assert!(end(user(1), 1).await);
    assert!(!end(user(1), 1).await);
    assert!(!world.is_alive(1).await);
    assert_eq!(world.listed(user(1)).await, []);
}

pub async fn a_list_is_of_what_is_alive(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    assert_eq!(world.listed(user(1)).await, []);
    world.create(1, Some(user(1))).await;
    world.pass(IDLE - MINUTE).await;
    for number in [2, 3] {
        world.create(number, Some(user(1))).await;
    }
    assert_eq!(world.listed(user(1)).await, [id(1), id(2), id(3)]);
    world.pass(MINUTE).await;
    world.destroy(3).await;
    assert_eq!(world.listed(user(1)).await, [id(2)]);
    let listed = ok(world.port().session_list(&world.space, &user(1)).await);
    let session = some(listed.first());
    assert_eq!(session.about, "about");
    assert_eq!(u128::from(session.ends - session.created), ABSOLUTE.as_millis());
    assert_eq!(session.seen, session.created);
}

pub async fn a_list_does_not_count_as_use(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    world.pass(IDLE - MINUTE).await;
    assert_eq!(world.listed(user(1)).await, [id(1)]);
    world.pass(MINUTE).await;
    assert!(!world.is_alive(1).await);
}

pub async fn of_too_many_sessions_the_one_that_was_not_used_for_longest_ends(
    backend: &impl SessionsBackend,
) {
    let world = World::new(backend).await;
    for number in 1..=5 {
        world.create(number, Some(user(1))).await;
        world.pass(4 * MINUTE).await;
    }
    assert!(world.is_alive(1).await, "and was used last by that");
    world.create(6, Some(user(1))).await;
    assert_eq!(world.listed(user(1)).await, [1, 3, 4, 5, 6].map(id));
    assert!(!world.is_alive(2).await);
    // By a login as well; and one that is over makes room.
    world.destroy(3).await;
    world.create(7, None).await;
    assert_eq!(world.rotate(7, 8, Some(user(1))).await, Changed::Done);
    assert_eq!(world.listed(user(1)).await, [1, 4, 5, 6, 8].map(id));
    world.create(9, None).await;
    assert_eq!(world.rotate(9, 10, Some(user(1))).await, Changed::Done);
    assert_eq!(world.listed(user(1)).await, [1, 5, 6, 8, 10].map(id));
}

pub async fn sessions_of_two_spaces_have_nothing_in_common(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    let head = Namespace::new(world.space.head().namespace())
        .and_then(|it| it.key().text("session").value("elsewhere").finish());
    let other = SessionSpace::new(ok(head), IDLE, ABSOLUTE, 5);
    world.create(1, Some(user(1))).await;
    let port = world.port();
    assert_eq!(ok(port.session_read(&other, &id(1)).await), None);
    assert!(ok(port.session_create(&other, &id(1), &new("other", Some(user(1)))).await));
    assert_eq!(ok(port.session_destroy_all(&other, &user(1), None).await), 1);
    assert!(world.is_alive(1).await);
    ok(port.session_destroy_everyone(&other).await);
    assert!(world.is_alive(1).await);
}

pub async fn everybody_may_be_logged_out(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    for number in 0..100 {
        world.create(number, (number % 3 > 0).then(|| user(number))).await;
    }
    assert!(ok(world.port().session_destroy_everyone(&world.space).await) >= 100);
    for number in 0..100 {
        assert!(!world.is_alive(number).await, "{number}");
    }
    world.create(200, Some(user(1))).await;
    assert!(world.is_alive(200).await);
}

pub async fn clearing_a_cache_leaves_sessions_alone(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    world.create(1, Some(user(1))).await;
    let namespace = ok(Namespace::new(world.space.head().namespace()));
    ok(world.cache.clear(&namespace).await);
    ok(world.cache.sweep(&namespace.whole()).await);
    assert!(world.is_alive(1).await);
}

pub async fn any_bytes_come_back(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    let all: Vec<u8> = (0..=255).collect();
    for (number, bytes) in [(1, vec![]), (2, all), (3, vec![0; 1 << 20])] {
        let bytes = Bytes::from(bytes);
        let made = NewSession {
            data: bytes.clone(),
            about: bytes.slice(..bytes.len().min(256)),
            ..new("", Some(user(1)))
        };
        assert!(ok(world.port().session_create(&world.space, &id(number), &made).await));
        assert_eq!(some(world.read(number).await).data, bytes);
        let change = SessionChange { from: Some(1), data: bytes.clone(), lives: None };
        assert_eq!(
            ok(world.port().session_write(&world.space, &id(number), &change).await),
            Changed::Done
        );
        assert_eq!(some(world.read(number).await).data, bytes);
    }
    let listed = ok(world.port().session_list(&world.space, &user(1)).await);
    let abouts: HashSet<usize> = listed.iter().map(|session| session.about.len()).collect();
    assert_eq!(abouts, HashSet::from([0, 256]));
}

pub async fn of_many_changes_none_is_lost(backend: &impl SessionsBackend) {
    const TASKS: u64 = 8;
    const EACH: u64 = 25;
    let world = World::new(backend).await;
    let made = NewSession { data: Bytes::from_static(b"0"), ..new("", None) };
    assert!(ok(world.port().session_create(&world.space, &id(1), &made).await));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..TASKS {
        let (sessions, space) = (world.sessions.clone(), world.space.clone());
        tasks.spawn(async move {
            let port = sessions.port();
            let mut stored = some(ok(port.session_read(&space, &id(1)).await));
            for _ in 0..EACH {
                loop {
                    let number: u64 = str::from_utf8(&stored.data)
                        .ok()
                        .and_then(|text| text.parse().ok())
                        .unwrap_or(0);
                    let next = change(Some(stored.version), &(number + 1).to_string());
                    match ok(port.session_write(&space, &id(1), &next).await) {
                        Changed::Done => break,
                        Changed::Conflict(newer) => stored = newer,
                        #[expect(clippy::panic, reason = "that is how a case fails")]
                        Changed::Gone => panic!("the session is gone"),
                    }
                }
                stored = some(ok(port.session_read(&space, &id(1)).await));
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        assert!(done.is_ok(), "{done:?}");
    }
    assert_eq!(world.data(1).await, (TASKS * EACH).to_string());
    assert_eq!(some(world.read(1).await).version, TASKS * EACH + 1);
}

/// Random steps, and a reader who was told once that a session is gone.
pub async fn what_has_ended_never_lives_again(backend: &impl SessionsBackend) {
    let world = World::new(backend).await;
    let mut random = fastrand::Rng::with_seed(7);
    let (mut next, mut living, mut dead) = (0_u8, Vec::new(), Vec::new());
    for _ in 0..300 {
        let of = user(random.u8(0..3));
        let pick = |random: &mut fastrand::Rng, from: &[u8]| {
            from.get(random.usize(0..from.len().max(1))).copied()
        };
        match random.u8(0..10) {
            0..4 if next < 250 => {
                next += 1;
                world.create(next, random.bool().then_some(of)).await;
                living.push(next);
            }
            4..6 if next < 250 => {
                if let Some(number) = pick(&mut random, &living) {
                    next += 1;
                    if world.rotate(number, next, random.bool().then_some(of)).await
                        == Changed::Done
                    {
                        living.retain(|other| *other != number);
                        dead.push(number);
                        living.push(next);
                    }
                }
            }
            6 => drop(ok(world.port().session_destroy_all(&world.space, &of, None).await)),
            7 => {
                if let Some(number) = pick(&mut random, &living) {
                    world.destroy(number).await;
                }
            }
            _ => {
                if let Some(number) = pick(&mut random, &living) {
                    world.write(number, None, "changed").await;
                }
            }
        }
        for number in living.clone() {
            if !world.is_alive(number).await {
                living.retain(|other| *other != number);
                dead.push(number);
            }
        }
        if let Some(number) = pick(&mut random, &dead) {
            assert!(!world.is_alive(number).await, "{number} lives again");
            assert_eq!(world.write(number, None, "late").await, Changed::Gone);
            assert!(!world.destroy(number).await);
        }
    }
    for number in dead {
        assert!(!world.is_alive(number).await, "{number} lives again");
    }
}
