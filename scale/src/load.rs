//! What the processes do.

/// A service of equal processes over one table, its look-ups, its lists, and answers under the table's tag.
///
/// Of a process's reads 65 in 100 are for a row by its id, 20 for a row by a unique column (the look-up, then the row), 10
/// for a list, 5 for the answer of a method under the table's tag. What a write announces is in [`CHANGES`].
#[derive(Clone, Debug)]
pub struct Load {
    /// Processes.
    pub processes: usize,
    /// Reads a second, of each.
    pub reads: f64,
    /// Writes a second, of all together.
    pub writes: f64,
    /// Rows of the table.
    pub rows: usize,
    /// How much the reads prefer some rows: zipf.
    pub skew: f64,
    /// The same of the writes, which prefer the same rows.
    pub write_skew: f64,
    /// Entries that the tier of a process takes.
    pub tier: usize,
    /// Seconds that a value lives in Redis.
    pub ttl: f64,
    /// Keys that a server keeps track of at most: `tracking-table-max-keys`.
    pub table: f64,
    /// Processes that are simulated one by one; the others are like them.
    pub sample: usize,
    /// Seconds that pass before anything is counted.
    pub warm: f64,
    /// Seconds that are counted.
    pub seconds: f64,
}

impl Load {
    /// What docs/scale.md shows: 1,000 reads a second and process over 100,000 rows, zipf 0.99, and the defaults of the
    /// library for tier and TTL.
    #[must_use]
    pub fn of(processes: usize, writes: f64) -> Self {
        Self {
            processes,
            reads: 1_000.0,
            writes,
            rows: 100_000,
            skew: 0.99,
            write_skew: 0.99,
            tier: 100_000,
            ttl: 900.0,
            table: 1e6,
            sample: processes.min(5),
            warm: 10.0,
            seconds: 10.0,
        }
    }
}

/// Bytes of the namespace, `shop`.
pub const NAMESPACE: usize = 4;
/// Seconds between two beats of a process, at the default level.
pub const BEAT: f64 = 0.25;
/// Seconds between two questions of the vigil.
pub const VIGIL: f64 = 1.0;
/// Rows in a list, on average.
pub(crate) const IN_LIST: usize = 20;
/// Answers that methods under the tag have.
pub(crate) const ANSWERS: usize = 50;

/// What stands at a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Row,
    LookUp,
    List,
    Answer,
    Tag,
}

impl Kind {
    /// Bytes of such a key.
    pub(crate) fn bytes(self) -> usize {
        match self {
            Self::Row => "shop:orders:id:=123456",
            Self::LookUp => "shop:orders:by:number:=A-123456",
            Self::List => "shop:orders:list:customer:=1234",
            Self::Answer => "shop:orders:call:top:=12",
            Self::Tag => "shop:tag:=orders",
        }
        .len()
    }
}

/// What a write does to its row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    /// It changes nothing that the row is found by.
    Plain,
    /// It takes the row from one list to another.
    Moves,
    /// It inserts or deletes the row.
    Comes,
}

/// Which share of all writes does what.
pub const CHANGES: [(f64, Change); 3] =
    [(0.8, Change::Plain), (0.1, Change::Moves), (0.1, Change::Comes)];

impl Change {
    fn kinds(self) -> &'static [Kind] {
        match self {
            Self::Plain => &[Kind::Row, Kind::Tag],
            Self::Moves => &[Kind::Row, Kind::List, Kind::List, Kind::Tag],
            Self::Comes => &[Kind::Row, Kind::LookUp, Kind::List, Kind::Tag],
        }
    }

    /// Bytes of the keys that it announces.
    #[must_use]
    pub fn announced(self) -> Vec<usize> {
        self.kinds().iter().map(|kind| kind.bytes()).collect()
    }
}

/// The mean of something over all writes.
pub(crate) fn mean(of: impl Fn(&[usize]) -> f64) -> f64 {
    CHANGES.iter().map(|(share, change)| share * of(&change.announced())).sum()
}

/// The keys of a table with so many rows, as numbers.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Keys {
    pub(crate) rows: usize,
    pub(crate) lists: usize,
}

impl Keys {
    pub(crate) fn of(load: &Load) -> Self {
        Self { rows: load.rows, lists: (load.rows / IN_LIST).max(1) }
    }

    pub(crate) fn count(self) -> usize {
        self.tag() + 1
    }

    pub(crate) fn row(self, row: usize) -> usize {
        row
    }

    pub(crate) fn look_up(self, row: usize) -> usize {
        self.rows + row
    }

    pub(crate) fn list(self, row: usize) -> usize {
        2 * self.rows + row % self.lists
    }

    pub(crate) fn answer(self, answer: usize) -> usize {
        2 * self.rows + self.lists + answer
    }

    pub(crate) fn tag(self) -> usize {
        2 * self.rows + self.lists + ANSWERS
    }

    pub(crate) fn written(self, row: usize, change: Change) -> Vec<usize> {
        let key = |(at, kind): (usize, &Kind)| match kind {
            Kind::Row => self.row(row),
            Kind::LookUp => self.look_up(row),
            // The second is where it goes to.
            Kind::List => self.list(row + at / 2),
            Kind::Answer | Kind::Tag => self.tag(),
        };
        change.kinds().iter().enumerate().map(key).collect()
    }

    pub(crate) fn kind(self, key: usize) -> Kind {
        match key {
            key if key < self.rows => Kind::Row,
            key if key < 2 * self.rows => Kind::LookUp,
            key if key < 2 * self.rows + self.lists => Kind::List,
            key if key < self.tag() => Kind::Answer,
            _ => Kind::Tag,
        }
    }
}
