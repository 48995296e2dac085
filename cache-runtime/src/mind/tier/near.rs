//! One entry: a value, and until when it is good.

use std::any::Any;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, LazyLock};

use super::generations::Seen;
use crate::entry::Body;
use crate::mind::renewal::SoftPoint;
use crate::mind::spec::Kept;

/// Bytes that an entry costs beside its value: its slot with the room that sets leave free, and a counter of generations.
pub(super) const OVERHEAD: usize = 64;
/// Those of the counts of an `Arc`.
const COUNTS: usize = 16;
/// More reads than this say nothing more.
const MOST_TOUCHES: u8 = 3;

type Shared = dyn Any + Send + Sync;

/// 40 bytes: eight of them, their set's tags and its lock are six lines of a processor's cache.
pub(super) struct Near {
    value: Arc<Shared>,
    /// Of its key, when it was loaded.
    pub(super) seen: Seen,
    /// What it costs, in bytes.
    pub(super) bytes: u32,
    /// The half of its tag that its set does not keep apart.
    pub(super) tag: u32,
    until: Until,
    kind: Kind,
    /// Reads since somebody looked for the one that is wanted least.
    touches: AtomicU8,
}

#[cfg(all(test, target_pointer_width = "64"))]
const _: () = assert!(size_of::<Option<Near>>() == 40);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Nothing,
    /// At the address of a row.
    Row,
    Shared,
    Encoded,
    /// With [`More`].
    More,
}

/// What most entries do not have.
pub(super) struct More {
    pub(super) kept: Kept,
    is_row: bool,
    /// From when on it is renewed; `None` where it is not.
    pub(super) soft_point: Option<SoftPoint>,
    /// The tags that it was loaded under.
    pub(super) tags: Box<[Seen]>,
}

impl Near {
    /// Good before `deadline`, in nanoseconds of the clock that never goes back; its value takes so many bytes.
    pub(super) fn new(kept: Kept, bytes: usize, seen: Seen, deadline: u64) -> Self {
        static NOTHING: LazyLock<Arc<()>> = LazyLock::new(|| Arc::new(()));
        let (kind, value): (_, Arc<Shared>) = match kept {
            Kept::Nothing => (Kind::Nothing, Arc::clone(&*NOTHING) as _),
            Kept::Shared(value) => (Kind::Shared, value),
            Kept::Encoded(body) => (Kind::Encoded, body),
        };
        let bytes = u32::try_from(bytes.saturating_add(OVERHEAD)).unwrap_or(u32::MAX);
        let (until, touches) = (Until::of(deadline), AtomicU8::new(0));
        Self { value, seen, bytes, tag: 0, until, kind, touches }
    }

    /// The same at the address of a row. No other entry is found as one.
    pub(super) fn row(mut self) -> Self {
        if self.kind == Kind::Shared {
            self.kind = Kind::Row;
        }
        self
    }

    /// The same with what most do not have.
    pub(super) fn with(mut self, soft_point: Option<SoftPoint>, tags: Box<[Seen]>) -> Self {
        let is_row = self.kind == Kind::Row;
        let kept = if is_row { Some(Kept::Shared(Arc::clone(&self.value))) } else { self.kept() };
        if (soft_point.is_some() || !tags.is_empty())
            && let Some(kept) = kept
        {
            let more = size_of::<More>() + size_of_val(&*tags) + COUNTS;
            self.bytes = self.bytes.saturating_add(u32::try_from(more).unwrap_or(u32::MAX));
            self.value = Arc::new(More { kept, is_row, soft_point, tags });
            self.kind = Kind::More;
        }
        self
    }

    #[inline]
    fn more(&self) -> Option<&More> {
        if self.kind == Kind::More { self.value.downcast_ref() } else { None }
    }

    #[inline]
    pub(super) fn tags(&self) -> &[Seen] {
        self.more().map_or(&[], |more| &more.tags)
    }

    /// Its nonce, where the read of this moment is to renew it.
    #[inline]
    pub(super) fn due(&self, running: u64) -> Option<u64> {
        self.more()?.soft_point.as_ref()?.is_due(running)
    }

    /// The row.
    #[inline]
    pub(super) fn row_value(&self) -> Option<Arc<Shared>> {
        match self.kind {
            Kind::Row => Some(Arc::clone(&self.value)),
            Kind::More => match self.more()? {
                More { kept: Kept::Shared(value), is_row: true, .. } => Some(Arc::clone(value)),
                _ => None,
            },
            Kind::Nothing | Kind::Shared | Kind::Encoded => None,
        }
    }

    /// What is kept, where it is no row.
    pub(super) fn kept(&self) -> Option<Kept> {
        match self.kind {
            Kind::Row => None,
            Kind::Nothing => Some(Kept::Nothing),
            Kind::Shared => Some(Kept::Shared(Arc::clone(&self.value))),
            Kind::Encoded => Arc::clone(&self.value).downcast::<Body>().ok().map(Kept::Encoded),
            Kind::More => self.more().filter(|more| !more.is_row).map(|more| more.kept.clone()),
        }
    }

    /// Whether it has outlived its deadline.
    #[inline]
    pub(super) fn is_over(&self, running: u64) -> bool {
        self.until.is_over(running)
    }

    /// It was read.
    #[inline]
    pub(super) fn touch(&self) {
        let touches = self.touches.load(Ordering::Relaxed);
        if touches < MOST_TOUCHES {
            self.touches.store(touches + 1, Ordering::Relaxed);
        }
    }

    /// Whether it was read since; if so, once less from now on.
    pub(super) fn spare(&mut self) -> bool {
        let touches = self.touches.get_mut();
        let spared = *touches > 0;
        *touches = touches.saturating_sub(1);
        spared
    }
}

/// Nanoseconds of the clock that never goes back, to the 65,536th of them downwards: in 48 bits that is 584 years.
#[derive(Clone, Copy, Debug)]
struct Until([u16; 3]);

impl Until {
    fn of(nanos: u64) -> Self {
        let [_, low, middle, high] = parts(nanos);
        Self([low, middle, high])
    }

    #[inline]
    fn is_over(self, running: u64) -> bool {
        let Self([low, middle, high]) = self;
        let until = u64::from(low) << 16 | u64::from(middle) << 32 | u64::from(high) << 48;
        // Within the same tick it is over.
        running | 0xFFFF >= until
    }
}

/// The lowest first.
fn parts(nanos: u64) -> [u16; 4] {
    #[expect(clippy::cast_possible_truncation, reason = "these are its parts")]
    [0, 16, 32, 48].map(|bits| (nanos >> bits) as u16)
}
