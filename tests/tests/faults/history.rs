//! What the rows of a table were at each moment, and whether what a read saw was ever so while it ran.

use std::collections::BTreeMap;
use std::fmt;

/// A moment, in nanoseconds since the run began.
pub type Moment = u64;

pub const NEVER: Moment = u64::MAX;

/// What a row was: `None` while it was not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    pub slug: String,
    pub shelf: Option<String>,
    pub op: i64,
    pub version: i64,
}

/// One state of a row. It became the current one at some moment from `begin` to `end`.
#[derive(Clone, Debug)]
pub struct State {
    pub row: Option<Seen>,
    pub begin: Moment,
    pub end: Moment,
}

/// The states of each row, in the order in which they were committed.
#[derive(Debug, Default)]
pub struct History {
    rows: BTreeMap<i64, Vec<State>>,
}

/// What a read says of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It was exactly this; or not there.
    Is(Option<Seen>),
    /// It was there with this version.
    HasVersion(i64),
    /// It was not there, or bore another slug.
    BearsNoSlug(String),
    /// It stood on this shelf.
    IsOn(String),
    /// It was not there, or stood on another shelf or none.
    IsNotOn(String),
}

impl Claim {
    fn holds(&self, row: Option<&Seen>) -> bool {
        match self {
            Self::Is(seen) => seen.as_ref() == row,
            Self::HasVersion(version) => row.is_some_and(|row| row.version == *version),
            Self::BearsNoSlug(slug) => row.is_none_or(|row| row.slug != *slug),
            Self::IsOn(shelf) => row.is_some_and(|row| row.shelf.as_ref() == Some(shelf)),
            Self::IsNotOn(shelf) => row.is_none_or(|row| row.shelf.as_ref() != Some(shelf)),
        }
    }
}

/// A read: what it was, when it ran, and claims that must all have held at one and the same moment in that time.
#[derive(Clone, Debug)]
pub struct Read {
    pub what: &'static str,
    pub begin: Moment,
    pub end: Moment,
    pub claims: Vec<(i64, Claim)>,
}

/// A read whose claims never held together while it ran.
pub struct Violation {
    read: Read,
    states: Vec<(i64, Vec<State>)>,
}

impl History {
    /// Appends a state to a row's; it was committed after all of the row's before.
    pub fn push(&mut self, id: i64, state: State) {
        self.rows.entry(id).or_default().push(state);
    }

    /// Draws what follows from the order of commits: no state began before the one before it, and none was committed
    /// later than the next one.
    pub fn settle(&mut self) {
        for states in self.rows.values_mut() {
            let (mut begin, mut end) = (0, NEVER);
            for state in states.iter_mut() {
                begin = begin.max(state.begin);
                state.begin = begin;
            }
            for state in states.iter_mut().rev() {
                end = end.min(state.end);
                state.end = end;
            }
        }
    }

    pub fn ids(&self) -> impl Iterator<Item = i64> {
        self.rows.keys().copied()
    }

    pub fn states(&self) -> usize {
        self.rows.values().map(Vec::len).sum()
    }

    /// The states of a row that may have been current between two moments, each with the time in which it may have
    /// been so.
    fn between(
        &self,
        id: i64,
        from: Moment,
        to: Moment,
    ) -> impl Iterator<Item = (&State, Moment, Moment)> {
        let states = self.rows.get(&id).map_or(&[][..], Vec::as_slice);
        let until = |at: usize| states.get(at + 1).map_or(NEVER, |next: &State| next.end);
        // The last that was surely there by then, and all that came later.
        let first = states.partition_point(|state| state.end < from).saturating_sub(1);
        (first..states.len())
            .map(move |at| (&states[at], states[at].begin, until(at)))
            .take_while(move |(_, begin, _)| *begin <= to)
    }

    /// Whether there was a moment in which all claims held.
    pub fn check(&self, read: &Read) -> Result<(), Box<Violation>> {
        let mut windows: Vec<Vec<(Moment, Moment)>> = Vec::with_capacity(read.claims.len());
        for (id, claim) in &read.claims {
            let holds = self
                .between(*id, read.begin, read.end)
                .filter(|(state, ..)| claim.holds(state.row.as_ref()))
                .map(|(_, from, to)| (from.max(read.begin), to.min(read.end)));
            windows.push(holds.collect());
        }
        let mut moments = windows.iter().flatten().map(|(from, _)| *from);
        let together = |moment| {
            windows.iter().all(|row| row.iter().any(|(from, to)| (*from..=*to).contains(&moment)))
        };
        if windows.is_empty() || moments.any(together) {
            return Ok(());
        }
        let states = |id: i64| {
            let near = self.between(id, read.begin.saturating_sub(5_000_000), read.end);
            (id, near.map(|(state, ..)| state.clone()).collect())
        };
        let states = read.claims.iter().map(|(id, _)| states(*id)).collect();
        Err(Box::new(Violation { read: read.clone(), states }))
    }
}

impl fmt::Debug for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Read { what, begin, end, claims } = &self.read;
        writeln!(f, "{what} from {begin} to {end}:")?;
        for ((id, claim), (_, states)) in claims.iter().zip(&self.states) {
            writeln!(f, "  row {id}: {claim:?}, but it was")?;
            for State { row, begin, end } in states {
                writeln!(f, "    {row:?} from {begin}..{end} on")?;
            }
        }
        Ok(())
    }
}

fn seen(version: i64, shelf: &str) -> Seen {
    Seen { slug: format!("s{version}"), shelf: Some(shelf.to_owned()), op: version, version }
}

fn read(begin: Moment, end: Moment, claims: &[(i64, Claim)]) -> Read {
    Read { what: "test", begin, end, claims: claims.to_vec() }
}

#[test]
fn the_checker_tells_an_old_state_from_a_current_one() {
    let mut history = History::default();
    history.push(1, State { row: Some(seen(1, "a")), begin: 0, end: 0 });
    history.push(1, State { row: Some(seen(2, "b")), begin: 10, end: 20 });
    history.push(1, State { row: None, begin: 30, end: NEVER });
    history.push(1, State { row: Some(seen(3, "a")), begin: 35, end: 40 });
    history.settle();
    let is = |version, shelf| (1, Claim::Is(Some(seen(version, shelf))));
    for (begin, end, claim, right) in [
        (5, 9, is(1, "a"), true),
        (5, 9, is(2, "b"), false),
        (5, 10, is(2, "b"), true),
        (20, 22, is(1, "a"), true),
        (21, 22, is(1, "a"), false),
        (21, 22, is(2, "a"), false),
        (21, 22, (1, Claim::IsOn("a".to_owned())), false),
        (21, 22, (1, Claim::IsNotOn("a".to_owned())), true),
        (41, 50, (1, Claim::Is(None)), false),
        (32, 50, (1, Claim::Is(None)), true),
        (41, 50, (1, Claim::BearsNoSlug("s3".to_owned())), false),
        (41, 50, (1, Claim::BearsNoSlug("s2".to_owned())), true),
        (41, 50, (1, Claim::HasVersion(3)), true),
        (41, 50, (1, Claim::HasVersion(9)), false),
    ] {
        assert_eq!(
            history.check(&read(begin, end, std::slice::from_ref(&claim))).is_ok(),
            right,
            "{begin} {end} {claim:?}"
        );
    }
}

#[test]
fn the_checker_wants_one_moment_for_all_rows_of_an_answer() {
    let mut history = History::default();
    for id in [1, 2] {
        history.push(id, State { row: Some(seen(1, "a")), begin: 0, end: 0 });
    }
    history.push(1, State { row: Some(seen(2, "a")), begin: 10, end: 11 });
    history.push(2, State { row: Some(seen(2, "a")), begin: 20, end: 21 });
    history.settle();
    let claims = |one, two| [(1, Claim::HasVersion(one)), (2, Claim::HasVersion(two))];
    assert!(history.check(&read(0, 30, &claims(2, 1))).is_ok());
    assert!(history.check(&read(0, 30, &claims(1, 2))).is_err());
}
