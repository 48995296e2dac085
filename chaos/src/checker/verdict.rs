//! One answer against the history.

use super::LONGEST_LIFE;
use super::history::{Allowed, Bounds, Content, History, Row, State, Under};
use super::losses::Losses;
use crate::clock::Moment;
use crate::event::{Answer, Brief, Level, Read, Seen, Shelf};

/// What is wrong with an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Wrong {
    /// Older than its level allows.
    Stale,
    /// Never committed.
    Dirty,
    /// Committed only after the read was over.
    Early,
    /// The version is right and the columns are another's, or the row is not what was asked for.
    Torn,
    /// Each row may have been so, but never all of them at one moment.
    Mixed,
}

/// A wrong answer: which row it was, and which version the read should at least have seen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Violation {
    pub(crate) wrong: Wrong,
    pub(crate) id: u16,
    pub(crate) seen: Option<u32>,
    pub(crate) required: u32,
    /// The write that was missed took so long that its hold may have run out before its commit.
    pub(crate) open: bool,
}

/// The places of the states that an answer proves to be committed.
pub(crate) type Sightings = Vec<(u16, usize)>;

pub(crate) struct Judge<'h> {
    pub(crate) history: &'h History,
    pub(crate) losses: &'h Losses,
    pub(crate) bounds: Bounds,
    pub(crate) sightings: &'h mut Sightings,
}

type Verdict = Result<(), Violation>;

impl Judge<'_> {
    /// Judges each part of an answer that counts as one; tells `each` of it.
    pub(crate) fn judge(&mut self, read: &Read, mut each: impl FnMut(Verdict)) {
        match &read.answer {
            Answer::Rows(rows) => {
                for (id, seen) in rows {
                    each(match seen {
                        Some(seen) if seen.id != *id => Err(self.torn(*id, None)),
                        Some(seen) => self.row(seen),
                        None => self.none(*id, Under::EveryChange, |state| {
                            state.content == Content::Absent
                        }),
                    });
                }
            }
            Answer::Find { code, found: Some(seen) } if seen.code != *code => {
                each(Err(self.torn(seen.id, Some(seen.version))));
            }
            Answer::Find { found: Some(seen), .. } => each(self.row(seen)),
            Answer::Find { code, found: None } => {
                let history = self.history;
                let mut bearers = history.bearers(*code).iter();
                let under = Under::Look(*code);
                each(
                    bearers.try_for_each(|id| self.none(*id, under, |it| !it.content.bears(*code))),
                );
            }
            Answer::List { shelf, rows } => each(self.list(*shelf, rows)),
            Answer::Snapshot { shelf, rows } => each(self.snapshot(*shelf, rows)),
        }
    }

    fn allowed(&self, row: &Row, under: Under) -> Allowed {
        let under = match self.bounds.level {
            Level::Strong | Level::Bounded(_) => under,
            Level::Database | Level::Sql => Under::EveryChange,
        };
        row.allowed(under, &self.bounds, self.losses)
    }

    fn torn(&self, id: u16, seen: Option<u32>) -> Violation {
        self.violation(Wrong::Torn, id, seen, Under::EveryChange)
    }

    fn violation(&self, wrong: Wrong, id: u16, seen: Option<u32>, under: Under) -> Violation {
        let row = self.history.row(id);
        let required = row.and_then(|row| row.states.get(self.allowed(row, under).start));
        Violation {
            wrong,
            id,
            seen,
            required: required.map_or(0, |state| state.version),
            open: wrong == Wrong::Stale && required.is_some_and(State::outlived_its_hold),
        }
    }

    /// A row that was there, with all its columns.
    fn row(&mut self, seen: &Seen) -> Verdict {
        let state = self.version(&Brief::from(*seen), Under::EveryChange)?;
        if state.content == (Content::There { code: seen.code, shelf: seen.shelf }) {
            return Ok(());
        }
        Err(self.torn(seen.id, Some(seen.version)))
    }

    /// A row that was there in this version.
    fn version(&mut self, seen: &Brief, under: Under) -> Result<State, Violation> {
        let wrong =
            |judge: &Self, wrong| judge.violation(wrong, seen.id, Some(seen.version), under);
        let Some(row) = self.history.row(seen.id) else { return Err(wrong(self, Wrong::Torn)) };
        let place = match row.find(seen.version) {
            Ok(place) => place,
            Err(true) => return Err(wrong(self, Wrong::Stale)),
            Err(false) => return Err(wrong(self, Wrong::Dirty)),
        };
        let Some(state) = row.states.get(place).copied() else {
            return Err(wrong(self, Wrong::Torn));
        };
        // A number that was rolled back is given again, to another write.
        if state.passing || state.op != seen.op || state.content == Content::Absent {
            return Err(wrong(self, Wrong::Dirty));
        }
        self.sightings.push((seen.id, place));
        if state.from > self.bounds.end {
            return Err(wrong(self, Wrong::Early));
        }
        if place < self.allowed(row, under).start {
            return Err(wrong(self, Wrong::Stale));
        }
        Ok(state)
    }

    /// A row that the answer passes over: it must have been so in some state that is allowed.
    fn none(&self, id: u16, under: Under, holds: impl Fn(&State) -> bool) -> Verdict {
        let Some(row) = self.history.row(id) else { return Ok(()) };
        let allowed = self.allowed(row, under);
        if row.states.range(allowed).any(|state| !state.passing && holds(state)) {
            return Ok(());
        }
        Err(self.violation(Wrong::Stale, id, None, under))
    }

    /// The ids are those of one moment; each row is of a later one, and must still be on the shelf.
    fn list(&mut self, shelf: Shelf, rows: &[Seen]) -> Verdict {
        let on = |state: &State| state.content.is_on(shelf);
        for seen in rows {
            self.row(seen)?;
            if seen.shelf != shelf {
                return Err(self.torn(seen.id, Some(seen.version)));
            }
        }
        let mut moments = Moments::of(&self.bounds);
        for seen in rows {
            self.narrow(&mut moments, seen.id, on);
        }
        let named = rows.iter().map(|seen| seen.id);
        self.others(&mut moments, Some(shelf), Under::List(shelf), named)?;
        self.one_moment(&moments, rows.first().map(|seen| seen.id))
    }

    /// All rows are those of one moment.
    fn snapshot(&mut self, shelf: Option<Shelf>, rows: &[Brief]) -> Verdict {
        let under = shelf.map_or(Under::EveryChange, Under::Tag);
        let mut moments = Moments::of(&self.bounds);
        for seen in rows {
            let state = self.version(seen, under)?;
            if shelf.is_some_and(|shelf| !state.content.is_on(shelf)) {
                return Err(self.torn(seen.id, Some(seen.version)));
            }
            self.narrow(&mut moments, seen.id, |state| state.version == seen.version);
        }
        self.others(&mut moments, shelf, under, rows.iter().map(|seen| seen.id))?;
        self.one_moment(&moments, rows.first().map(|seen| seen.id))
    }

    /// Every row that is not in the answer was not on the shelf; or, of all rows, not there.
    fn others(
        &mut self,
        moments: &mut Moments,
        shelf: Option<Shelf>,
        under: Under,
        named: impl Iterator<Item = u16>,
    ) -> Verdict {
        let not_so = |state: &State| match shelf {
            Some(shelf) => !state.content.is_on(shelf),
            None => state.content == Content::Absent,
        };
        let history = self.history;
        let named: Vec<u16> = named.collect();
        if !named.is_sorted_by(|one, next| one < next) {
            return Err(self.torn(named.first().copied().unwrap_or(0), None));
        }
        let mut named = named.into_iter().peekable();
        for (id, row) in history.rows() {
            // In the order of their ids, each once.
            if named.next_if_eq(&id).is_some() {
                continue;
            }
            if shelf.is_some_and(|shelf| !row.was_on(shelf)) {
                continue;
            }
            self.none(id, under, not_so)?;
            self.narrow(moments, id, not_so);
        }
        match named.next() {
            Some(id) => Err(self.torn(id, None)),
            None => Ok(()),
        }
    }

    fn narrow(&self, moments: &mut Moments, id: u16, holds: impl Fn(&State) -> bool) {
        if let Some(row) = self.history.row(id) {
            moments.narrow(row.windows(holds));
        }
    }

    fn one_moment(&self, moments: &Moments, id: Option<u16>) -> Verdict {
        if moments.0.is_empty() {
            let id = id.unwrap_or(0);
            return Err(self.violation(Wrong::Mixed, id, None, Under::EveryChange));
        }
        Ok(())
    }
}

/// Times, apart from each other and in order.
struct Moments(Vec<(Moment, Moment)>);

impl Moments {
    /// An answer may be as old as a value gets, where nothing that it says has changed since.
    fn of(bounds: &Bounds) -> Self {
        Self(vec![(bounds.begin.saturating_sub(LONGEST_LIFE), bounds.end)])
    }

    /// Keeps what lies in one of these windows, too. They come in the order of their begins.
    fn narrow(&mut self, windows: impl Iterator<Item = (Moment, Moment)>) {
        let mut joined: Vec<(Moment, Moment)> = Vec::new();
        for (from, to) in windows {
            match joined.last_mut() {
                Some(last) if from <= last.1 => last.1 = last.1.max(to),
                _ => joined.push((from, to)),
            }
        }
        let mut kept = Vec::new();
        for (from, to) in &joined {
            for (begin, end) in &self.0 {
                let (from, to) = (*from.max(begin), *to.min(end));
                if from <= to {
                    kept.push((from, to));
                }
            }
        }
        self.0 = kept;
    }
}

impl Level {
    pub(crate) fn name(self) -> String {
        match self {
            Self::Strong => "Strong".to_owned(),
            Self::Bounded(millis) => format!("Bounded({millis} ms)"),
            Self::Database => "Database".to_owned(),
            Self::Sql => "plain SQL".to_owned(),
        }
    }
}
