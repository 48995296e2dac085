//! Every state that each row had, and what is known of when it was committed.

use std::collections::{HashMap, VecDeque};

use super::HOLD;
use super::losses::Losses;
use crate::clock::{Moment, NEVER};
use crate::event::{Code, Level, NO_SHELF, Op, Shelf};

/// Which process acknowledged a write, by the number that the conductor gave it.
pub(crate) type Process = u16;

pub(crate) const NOBODY: Process = Process::MAX;

/// What a row was.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    Absent,
    There { code: Code, shelf: Shelf },
}

impl Content {
    pub(crate) fn bears(self, wanted: Code) -> bool {
        matches!(self, Self::There { code, .. } if code == wanted)
    }

    pub(crate) fn is_on(self, wanted: Shelf) -> bool {
        matches!(self, Self::There { shelf, .. } if shelf == wanted)
    }
}

/// What an answer stands under in the cache, and so which writes take it away. A write that does not, though it came
/// later and was acknowledged, says nothing of an earlier one that did.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Under {
    /// The row's own key, or the table's tag; or nothing at all, because the database was asked.
    EveryChange,
    /// A look-up, which knows an id alone.
    Look(Code),
    /// A list, which knows ids alone.
    List(Shelf),
    /// The shelf's tag.
    Tag(Shelf),
}

impl Under {
    /// Whether a write that made the one of the other takes the answer away.
    fn changes(self, before: Content, after: Content) -> bool {
        match self {
            Self::EveryChange => true,
            Self::Look(code) => before.bears(code) != after.bears(code),
            Self::List(shelf) => before.is_on(shelf) != after.is_on(shelf),
            Self::Tag(shelf) => before.is_on(shelf) || after.is_on(shelf),
        }
    }
}

/// A row of the database's log.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logged {
    pub(crate) tx: u64,
    pub(crate) id: u16,
    pub(crate) version: u32,
    pub(crate) op: Op,
    /// When the statement was sent, as far as the log says; else zero.
    pub(crate) at: Moment,
    pub(crate) content: Content,
    /// Its keys were held before the commit: not so for a write that the cache hears of from the outbox.
    pub(crate) held: bool,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct State {
    pub(crate) version: u32,
    pub(crate) op: Op,
    pub(crate) content: Content,
    /// Overwritten by its own transaction: nobody may ever see it.
    pub(crate) passing: bool,
    pub(crate) held: bool,
    /// No step of its write that the cache takes part in came before this.
    pub(crate) begun: Moment,
    /// It was not committed before this.
    pub(crate) from: Moment,
    /// It was committed by then: somebody saw it.
    pub(crate) known: Moment,
    /// Its writer had been told by then.
    pub(crate) acked: Moment,
    pub(crate) acker: Process,
    /// The transaction, where that changed other rows, too; else zero.
    tx: u64,
}

impl State {
    /// Whether its write may have been committed only when its hold had run out.
    pub(crate) fn outlived_its_hold(&self) -> bool {
        self.held && self.known.saturating_sub(self.begun) > HOLD
    }
}

/// The states of one row, the oldest first.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) states: VecDeque<State>,
    /// A bit for each shelf that one of the states is on.
    shelves: u64,
}

/// From what reads must not have missed, to what they may have seen.
pub(crate) type Allowed = std::ops::Range<usize>;

/// What a read's level binds it to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bounds {
    pub(crate) level: Level,
    pub(crate) process: Process,
    pub(crate) begin: Moment,
    pub(crate) end: Moment,
}

impl Bounds {
    /// How far back the level lets an answer lie.
    fn since(&self) -> Moment {
        match self.level {
            Level::Bounded(millis) => {
                self.begin.saturating_sub(Moment::from(millis) * crate::clock::MILLISECOND)
            }
            Level::Strong | Level::Database | Level::Sql => self.begin,
        }
    }

    /// Whether the read must not be older than this state.
    fn requires(&self, state: &State, losses: &Losses) -> bool {
        if state.passing {
            return false;
        }
        let since = self.since();
        if state.acked <= since || (state.acker == self.process && state.acked <= self.begin) {
            return true;
        }
        let seen_is_enough = match self.level {
            Level::Database | Level::Sql => true,
            // What a hold covers is promised from the commit on; unless Redis may have lost the hold.
            Level::Strong | Level::Bounded(_) => state.held && !losses.meet(state.begun, self.end),
        };
        seen_is_enough && state.known <= since
    }
}

impl Row {
    fn new() -> Self {
        let first = State {
            version: 0,
            op: 0,
            content: Content::Absent,
            passing: false,
            held: true,
            begun: 0,
            from: 0,
            known: 0,
            acked: 0,
            acker: NOBODY,
            tx: 0,
        };
        Self { states: VecDeque::from([first]), shelves: 0 }
    }

    fn place(&self, version: u32) -> Option<usize> {
        self.states.binary_search_by_key(&version, |state| state.version).ok()
    }

    /// The state of this version; `Err(true)` where it is older than all that are kept.
    pub(crate) fn find(&self, version: u32) -> Result<usize, bool> {
        self.place(version).ok_or(self.states.front().is_some_and(|first| version < first.version))
    }

    pub(crate) fn allowed(&self, under: Under, bounds: &Bounds, losses: &Losses) -> Allowed {
        let takes_away = |at: usize, state: &State| {
            let before = at.checked_sub(1).and_then(|before| self.states.get(before));
            before.is_none_or(|before| under.changes(before.content, state.content))
        };
        let oldest = (0..self.states.len()).rev().find(|at| {
            let state = self.states.get(*at);
            state.is_some_and(|state| takes_away(*at, state) && bounds.requires(state, losses))
        });
        let oldest = oldest.unwrap_or(0);
        let end = self.states.partition_point(|state| state.from <= bounds.end);
        oldest..end.max(oldest + 1)
    }

    /// The times in which a state that `holds` may have been the current one.
    pub(crate) fn windows<'r>(
        &'r self,
        holds: impl Fn(&State) -> bool + 'r,
    ) -> impl Iterator<Item = (Moment, Moment)> + 'r {
        self.states.iter().enumerate().filter_map(move |(at, state)| {
            if state.passing || !holds(state) {
                return None;
            }
            let next = self.states.range(at + 1..).find(|next| !next.passing);
            Some((state.from, next.map_or(NEVER, |next| next.known)))
        })
    }

    fn known(&mut self, place: usize, at: Moment) {
        for state in self.states.range_mut(..=place).rev() {
            if state.known <= at {
                break;
            }
            state.known = at;
        }
    }

    fn mask(content: Content) -> u64 {
        match content {
            Content::There { shelf, .. } if shelf != NO_SHELF => 1 << (shelf % 64),
            _ => 0,
        }
    }

    pub(crate) fn was_on(&self, shelf: Shelf) -> bool {
        self.shelves & (1 << (shelf % 64)) != 0
    }
}

/// The states of all rows.
#[derive(Debug)]
pub(crate) struct History {
    rows: Vec<Row>,
    /// The rows that bore each code, or did so once.
    bearers: HashMap<Code, Vec<u16>>,
    /// The rows that a transaction over several rows changed.
    together: HashMap<u64, Vec<(u16, u32)>>,
    /// When the statement before was sent that read the log.
    looked: Moment,
}

impl History {
    /// `rows` rows, with ids from zero on, none of which is there.
    pub(crate) fn new(rows: u16) -> Self {
        Self {
            rows: (0..rows).map(|_| Row::new()).collect(),
            bearers: HashMap::new(),
            together: HashMap::new(),
            looked: 0,
        }
    }

    pub(crate) fn row(&self, id: u16) -> Option<&Row> {
        self.rows.get(usize::from(id))
    }

    pub(crate) fn rows(&self) -> impl Iterator<Item = (u16, &Row)> {
        (0..).zip(&self.rows)
    }

    pub(crate) fn bearers(&self, code: Code) -> &[u16] {
        self.bearers.get(&code).map_or(&[], Vec::as_slice)
    }

    /// Everything that is in the log and was not in the look before. Sent at `begin` and answered at `end`, it proves
    /// that what is new was not committed before the last look was sent, and is committed by now.
    pub(crate) fn learn(&mut self, begin: Moment, end: Moment, mut news: Vec<Logged>) {
        let before = std::mem::replace(&mut self.looked, begin);
        news.sort_unstable_by_key(|logged| (logged.id, logged.version));
        let mut together: HashMap<u64, Vec<(u16, u32)>> = HashMap::new();
        for (at, logged) in news.iter().enumerate() {
            let next = news.get(at + 1);
            let passing = next.is_some_and(|next| next.id == logged.id && next.tx == logged.tx);
            let Some(row) = self.rows.get_mut(usize::from(logged.id)) else { continue };
            let Some(last) = row.states.back() else { continue };
            if logged.version <= last.version {
                continue;
            }
            row.shelves |= Row::mask(logged.content);
            let state = State {
                version: logged.version,
                op: logged.op,
                content: logged.content,
                passing,
                held: logged.held,
                // Its row was locked from then on by whoever wrote the state before.
                begun: logged.at.max(last.from),
                from: logged.at.max(last.from).max(before),
                known: end,
                acked: NEVER,
                acker: NOBODY,
                tx: logged.tx,
            };
            row.states.push_back(state);
            if let Content::There { code, .. } = logged.content {
                let bearers = self.bearers.entry(code).or_default();
                if !bearers.contains(&logged.id) {
                    bearers.push(logged.id);
                }
            }
            if !passing {
                together.entry(logged.tx).or_default().push((logged.id, logged.version));
            }
        }
        together.retain(|_, rows| rows.len() > 1);
        self.together.extend(together);
    }

    /// Somebody saw this state, which the caller has found in the history: it is committed, and with it all that its
    /// transaction changed.
    pub(crate) fn saw(&mut self, id: u16, place: usize, at: Moment) {
        let Some(row) = self.rows.get_mut(usize::from(id)) else { return };
        let Some(state) = row.states.get(place) else { return };
        if state.known <= at {
            return;
        }
        let tx = state.tx;
        row.known(place, at);
        let others = self.together.get(&tx).map_or(&[][..], Vec::as_slice);
        for (id, version) in others {
            if let Some(row) = self.rows.get_mut(usize::from(*id))
                && let Some(place) = row.place(*version)
            {
                row.known(place, at);
            }
        }
    }

    /// Its writer was told that this version is committed. False where it is not.
    pub(crate) fn acknowledge(
        &mut self,
        id: u16,
        version: u32,
        at: Moment,
        process: Process,
    ) -> bool {
        let Some(row) = self.rows.get_mut(usize::from(id)) else { return false };
        let place = match row.find(version) {
            Ok(place) => place,
            Err(forgotten) => return forgotten,
        };
        let Some(state) = row.states.get_mut(place) else { return false };
        if at < state.acked {
            (state.acked, state.acker) = (at, process);
        }
        let is_last = !state.passing;
        self.saw(id, place, at);
        is_last
    }

    /// Forgets what no read that begins at `watermark` or later may see.
    pub(crate) fn forget(&mut self, watermark: Moment) {
        for (id, row) in (0..).zip(&mut self.rows) {
            let Some(keep) = row.states.iter().rposition(|state| state.acked <= watermark) else {
                continue;
            };
            if keep == 0 {
                continue;
            }
            let gone: Vec<State> = row.states.drain(..keep).collect();
            row.shelves = row.states.iter().fold(0, |mask, state| mask | Row::mask(state.content));
            for state in gone {
                self.together.remove(&state.tx);
                if let Content::There { code, .. } = state.content
                    && !row.states.iter().any(|state| state.content.bears(code))
                    && let Some(bearers) = self.bearers.get_mut(&code)
                {
                    bearers.retain(|bearer| *bearer != id);
                }
            }
        }
    }

    pub(crate) fn states(&self) -> usize {
        self.rows.iter().map(|row| row.states.len()).sum()
    }
}
