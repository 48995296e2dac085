//! A tagged answer: its writers do not know its key and hold its tag. What stands at the tag is a stamp, or their hold;
//! the answer bears the stamp that was current before its load, and is a hit under that stamp alone.

use std::sync::atomic::{AtomicU64, Ordering};

use super::super::state::{Version, Writers};

const WRITERS: usize = 2;
const READERS: usize = 2;
/// More than can be in use at once: at the tag, in the answer, with the readers.
const STAMPS: u8 = 5;

type Stamp = u8;

/// A rule for tagged answers that can be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    StampComparedAtHit,
    HeldTagIsAMiss,
    StampBeforeLoad,
    TaggedFillProvesNothing,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Answer {
    #[default]
    Absent,
    Value(Version, Stamp),
    /// `None` where the reader is gone.
    Lease(Option<u8>),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Tag {
    #[default]
    Absent,
    Stamp(Stamp),
    Hold(Writers),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Writing {
    #[default]
    Idle,
    Held,
    Committed(Version),
    Done,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) enum Reading {
    #[default]
    Idle,
    Looking,
    Leased,
    Stamped(Stamp),
    /// Without a stamp only where the load may come before it.
    Loaded(Version, Option<Stamp>),
    /// The fill was accepted; the reply is on its way.
    Filled(Version),
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct World {
    committed: Version,
    bar: Version,
    answer: Answer,
    tag: Tag,
    writers: [Writing; WRITERS],
    readers: [Reading; READERS],
    /// Aboard this reader's flight since after its load, and what it needs.
    joiner: Option<(u8, Version)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Act {
    Read(usize),
    Lease(usize),
    TakeStamp(usize),
    Load(usize),
    Fill(usize),
    HasReply(usize),
    ReaderDies(usize),
    Join(usize),
    Hold(usize),
    Commit(usize),
    Release(usize),
    WriterDies(usize),
    HoldEnds(usize),
    AnswerEnds,
    StampEnds,
}

impl Rule {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::StampComparedAtHit => "the stamp is compared at the hit",
            Self::HeldTagIsAMiss => "a held tag is a miss",
            Self::StampBeforeLoad => "the stamp before the load",
            Self::TaggedFillProvesNothing => "a tagged fill proves nothing to a joiner",
        }
    }
}

impl Act {
    pub(crate) fn all() -> Vec<Self> {
        use Act::*;
        let mut actions = Vec::new();
        for reader in 0..READERS {
            let all = [Read, Lease, TakeStamp, Load, Fill, HasReply, ReaderDies, Join];
            actions.extend(all.map(|act| act(reader)));
        }
        for writer in 0..WRITERS {
            let all = [Hold, Commit, Release, WriterDies, HoldEnds];
            actions.extend(all.map(|act| act(writer)));
        }
        actions.extend([AnswerEnds, StampEnds]);
        actions
    }
}

/// The protocol for one tagged answer.
pub(crate) struct Tagged {
    without: Option<Rule>,
    /// Redis loses what it will, and writes count when they are acknowledged; else when they are committed.
    loses: bool,
    broken: AtomicU64,
    pub(crate) hits: AtomicU64,
}

impl Tagged {
    pub(crate) fn new(without: Option<Rule>, loses: bool) -> Self {
        Self { without, loses, broken: AtomicU64::new(0), hits: AtomicU64::new(0) }
    }

    fn has(&self, rule: Rule) -> bool {
        self.without != Some(rule)
    }

    /// What becomes of the world; `None` where this cannot happen or changes nothing.
    pub(crate) fn next(&self, world: &World, act: Act) -> Option<World> {
        let mut next = *world;
        let happens = match act {
            Act::Read(reader) => self.read(&mut next, reader),
            Act::Lease(reader) => self.lease(&mut next, reader),
            Act::TakeStamp(reader) => self.take_stamp(&mut next, reader),
            Act::Load(reader) => self.load(&mut next, reader),
            Act::Fill(reader) => next.fill(reader),
            Act::HasReply(reader) => next.has_reply(reader),
            Act::ReaderDies(reader) => next.end(reader),
            Act::Join(reader) => next.join(reader),
            Act::Hold(writer) => next.hold(writer),
            Act::Commit(writer) => next.commit(writer, !self.loses),
            Act::Release(writer) => self.release(&mut next, writer),
            Act::WriterDies(writer) => next.writer_dies(writer),
            Act::HoldEnds(writer) => self.hold_ends(&mut next, writer),
            Act::AnswerEnds => {
                next.answer = Answer::Absent;
                true
            }
            Act::StampEnds => next.stamp_ends(),
        };
        (happens && next != *world).then_some(next)
    }

    fn hit(&self, world: &World) -> Option<Version> {
        let Answer::Value(version, under) = world.answer else { return None };
        let current = match world.tag {
            Tag::Stamp(stamp) => stamp == under || !self.has(Rule::StampComparedAtHit),
            Tag::Hold(_) => !self.has(Rule::HeldTagIsAMiss),
            Tag::Absent => !self.has(Rule::StampComparedAtHit),
        };
        current.then_some(version)
    }

    pub(crate) fn holds(&self, world: &World) -> bool {
        let joined = world.joiner.is_none_or(|(reader, need)| {
            let proves = !self.has(Rule::TaggedFillProvesNothing);
            !matches!(world.readers[usize::from(reader)], Reading::Filled(version) if proves && version < need)
        });
        let hit = self.hit(world);
        self.hits.fetch_add(u64::from(hit.is_some()), Ordering::Relaxed);
        let good = joined && hit.is_none_or(|version| version >= world.bar);
        good || self.broken.swap(1, Ordering::Relaxed) == 1
    }

    fn read(&self, world: &mut World, reader: usize) -> bool {
        // A held tag: a load that fills nothing says nothing here.
        let held = matches!(world.tag, Tag::Hold(_));
        // Readers are alike, so the first that is idle sets out.
        let first = world.readers.iter().position(|reading| *reading == Reading::Idle);
        let looks = first == Some(reader) && !held && self.hit(world).is_none();
        if looks {
            world.readers[reader] = Reading::Looking;
        }
        looks
    }

    fn lease(&self, world: &mut World, reader: usize) -> bool {
        let free = match world.answer {
            Answer::Absent => true,
            Answer::Value(..) => self.hit(world).is_none(),
            Answer::Lease(_) => false,
        };
        let leases = world.readers[reader] == Reading::Looking && free;
        if leases {
            world.answer = Answer::Lease(Some(reader as u8));
            world.readers[reader] = Reading::Leased;
        }
        leases
    }

    /// The stamp that stands there, or a new one; under a hold there is none, and nothing will be filled.
    fn take_stamp(&self, world: &mut World, reader: usize) -> bool {
        let loaded = match world.readers[reader] {
            Reading::Leased if self.has(Rule::StampBeforeLoad) => None,
            Reading::Loaded(version, None) => Some(version),
            _ => return false,
        };
        if world.tag == Tag::Absent {
            world.tag = Tag::Stamp(world.new_stamp());
        }
        let Tag::Stamp(stamp) = world.tag else {
            return world.end(reader);
        };
        world.readers[reader] = match loaded {
            Some(version) => Reading::Loaded(version, Some(stamp)),
            None => Reading::Stamped(stamp),
        };
        true
    }

    fn load(&self, world: &mut World, reader: usize) -> bool {
        let stamp = match world.readers[reader] {
            Reading::Stamped(stamp) => Some(stamp),
            Reading::Leased if !self.has(Rule::StampBeforeLoad) => None,
            _ => return false,
        };
        world.readers[reader] = Reading::Loaded(world.committed, stamp);
        true
    }

    fn release(&self, world: &mut World, writer: usize) -> bool {
        let Writing::Committed(version) = world.writers[writer] else { return false };
        world.tag = match world.tag {
            Tag::Hold(tokens) => held_by(tokens.without(writer)),
            _ => Tag::Absent,
        };
        world.writers[writer] = Writing::Done;
        world.bar = world.bar.max(version);
        true
    }

    fn hold_ends(&self, world: &mut World, writer: usize) -> bool {
        let Tag::Hold(tokens) = world.tag else { return false };
        let lasts = world.writers[writer] == Writing::Held && !self.loses;
        world.tag = held_by(tokens.without(writer));
        tokens.has(writer) && !lasts
    }
}

impl World {
    fn fill(&mut self, reader: usize) -> bool {
        let Reading::Loaded(version, Some(stamp)) = self.readers[reader] else { return false };
        if self.answer != Answer::Lease(Some(reader as u8)) {
            return self.end(reader);
        }
        self.answer = Answer::Value(version, stamp);
        self.readers[reader] = Reading::Filled(version);
        true
    }

    fn has_reply(&mut self, reader: usize) -> bool {
        matches!(self.readers[reader], Reading::Filled(_)) && self.end(reader)
    }

    fn end(&mut self, reader: usize) -> bool {
        self.readers[reader] = Reading::Idle;
        if self.answer == Answer::Lease(Some(reader as u8)) {
            self.answer = Answer::Lease(None);
        }
        self.joiner = self.joiner.filter(|(aboard, _)| usize::from(*aboard) != reader);
        true
    }

    fn join(&mut self, reader: usize) -> bool {
        let may = self.joiner.is_none() && matches!(self.readers[reader], Reading::Loaded(..));
        if may {
            self.joiner = Some((reader as u8, self.bar));
        }
        may
    }

    fn hold(&mut self, writer: usize) -> bool {
        // Writers are alike, so they begin in the order of their numbers.
        let first = self.writers.iter().position(|writing| *writing == Writing::Idle);
        let may = first == Some(writer);
        if may {
            let others = match self.tag {
                Tag::Hold(tokens) => tokens,
                _ => Writers::default(),
            };
            self.tag = Tag::Hold(others.with(writer));
            self.writers[writer] = Writing::Held;
        }
        may
    }

    fn commit(&mut self, writer: usize, counts: bool) -> bool {
        let may = self.writers[writer] == Writing::Held;
        if may {
            self.committed += 1;
            self.writers[writer] = Writing::Committed(self.committed);
            self.bar = if counts { self.committed } else { self.bar };
        }
        may
    }

    fn writer_dies(&mut self, writer: usize) -> bool {
        let may = matches!(self.writers[writer], Writing::Held | Writing::Committed(_));
        if may {
            self.writers[writer] = Writing::Done;
        }
        may
    }

    fn stamp_ends(&mut self) -> bool {
        let may = matches!(self.tag, Tag::Stamp(_));
        if may {
            self.tag = Tag::Absent;
        }
        may
    }

    /// One that nobody knows.
    fn new_stamp(&self) -> Stamp {
        let known = |stamp: &Stamp| {
            matches!(self.answer, Answer::Value(_, there) if there == *stamp)
                || self.readers.iter().any(|reader| {
                    matches!(reader, Reading::Stamped(there) | Reading::Loaded(_, Some(there)) if there == stamp)
                })
        };
        (0..STAMPS).find(|stamp| !known(stamp)).expect("there are more stamps than places for them")
    }
}

fn held_by(tokens: Writers) -> Tag {
    if tokens.is_empty() { Tag::Absent } else { Tag::Hold(tokens) }
}
