//! Events as bytes: a length, then fixed-width fields, little-endian.

use std::io::{self, Read as _};

use super::{Answer, Brief, Counted, Event, Level, Read, Seen, Written};

/// The event as one frame.
pub(crate) fn to_frame(event: &Event) -> Vec<u8> {
    let mut out = Out(vec![0; 4]);
    match event {
        Event::Read(read) => {
            out.u8(0);
            out.u64(read.begin);
            out.u64(read.end);
            out.level(read.level);
            out.answer(&read.answer);
        }
        Event::Written(written) => {
            out.u8(1);
            out.u64(written.at);
            out.many(&written.rows, |out, (id, version)| {
                out.u16(*id);
                out.u32(*version);
            });
        }
        Event::Refused => out.u8(2),
        Event::Unread => out.u8(3),
        Event::Dies(step) => {
            out.u8(4);
            out.u8(*step);
        }
        Event::Counted(counted) => {
            out.u8(5);
            out.many(&counted.0, |out, number| out.u64(*number));
        }
    }
    let length = u32::try_from(out.0.len() - 4).unwrap_or(u32::MAX);
    out.0[..4].copy_from_slice(&length.to_le_bytes());
    out.0
}

/// The next event; `None` where the pipe ends, in the middle of a frame or not.
pub(crate) fn read_frame(from: &mut impl io::Read) -> io::Result<Option<Event>> {
    let mut length = [0; 4];
    let mut frame = Vec::new();
    let whole = from
        .read_exact(&mut length)
        .and_then(|()| from.take(u32::from_le_bytes(length).into()).read_to_end(&mut frame));
    match whole {
        Ok(read) if read == u32::from_le_bytes(length) as usize => {}
        Ok(_) => return Ok(None),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(None),
        Err(error) => return Err(error),
    }
    In(&frame).event().map(Some).ok_or_else(|| io::Error::other("a frame that is no event"))
}

struct Out(Vec<u8>);

impl Out {
    fn u8(&mut self, number: u8) {
        self.0.push(number);
    }

    fn u16(&mut self, number: u16) {
        self.0.extend(number.to_le_bytes());
    }

    fn u32(&mut self, number: u32) {
        self.0.extend(number.to_le_bytes());
    }

    fn u64(&mut self, number: u64) {
        self.0.extend(number.to_le_bytes());
    }

    fn many<T>(&mut self, all: &[T], mut each: impl FnMut(&mut Self, &T)) {
        self.u16(u16::try_from(all.len()).expect("answers are short"));
        all.iter().for_each(|one| each(self, one));
    }

    fn maybe<T>(&mut self, one: Option<&T>, each: impl FnOnce(&mut Self, &T)) {
        self.u8(one.is_some().into());
        if let Some(one) = one {
            each(self, one);
        }
    }

    fn level(&mut self, level: Level) {
        let (code, millis) = match level {
            Level::Strong => (0, 0),
            Level::Bounded(millis) => (1, millis),
            Level::Database => (2, 0),
            Level::Sql => (3, 0),
        };
        self.u8(code);
        self.u16(millis);
    }

    fn seen(&mut self, seen: &Seen) {
        self.brief(&Brief::from(*seen));
        self.u16(seen.code);
        self.u8(seen.shelf);
    }

    fn brief(&mut self, brief: &Brief) {
        self.u16(brief.id);
        self.u32(brief.version);
        self.u64(brief.op);
    }

    fn answer(&mut self, answer: &Answer) {
        match answer {
            Answer::Rows(rows) => {
                self.u8(0);
                self.many(rows, |out, (id, seen)| {
                    out.u16(*id);
                    out.maybe(seen.as_ref(), Self::seen);
                });
            }
            Answer::Find { code, found } => {
                self.u8(1);
                self.u16(*code);
                self.maybe(found.as_ref(), Self::seen);
            }
            Answer::List { shelf, rows } => {
                self.u8(2);
                self.u8(*shelf);
                self.many(rows, Self::seen);
            }
            Answer::Snapshot { shelf, rows } => {
                self.u8(3);
                self.maybe(shelf.as_ref(), |out, shelf| out.u8(*shelf));
                self.many(rows, Self::brief);
            }
        }
    }
}

struct In<'b>(&'b [u8]);

impl In<'_> {
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*first)
    }

    fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    fn many<T>(&mut self, mut each: impl FnMut(&mut Self) -> Option<T>) -> Option<Vec<T>> {
        let count = self.u16()?;
        (0..count).map(|_| each(self)).collect()
    }

    fn maybe<T>(&mut self, each: impl FnOnce(&mut Self) -> Option<T>) -> Option<Option<T>> {
        match self.u8()? {
            0 => Some(None),
            _ => each(self).map(Some),
        }
    }

    fn level(&mut self) -> Option<Level> {
        let (code, millis) = (self.u8()?, self.u16()?);
        Some(match code {
            0 => Level::Strong,
            1 => Level::Bounded(millis),
            2 => Level::Database,
            3 => Level::Sql,
            _ => return None,
        })
    }

    fn seen(&mut self) -> Option<Seen> {
        let Brief { id, version, op } = self.brief()?;
        Some(Seen { id, version, op, code: self.u16()?, shelf: self.u8()? })
    }

    fn brief(&mut self) -> Option<Brief> {
        Some(Brief { id: self.u16()?, version: self.u32()?, op: self.u64()? })
    }

    fn answer(&mut self) -> Option<Answer> {
        Some(match self.u8()? {
            0 => Answer::Rows(self.many(|it| Some((it.u16()?, it.maybe(Self::seen)?)))?),
            1 => Answer::Find { code: self.u16()?, found: self.maybe(Self::seen)? },
            2 => Answer::List { shelf: self.u8()?, rows: self.many(Self::seen)? },
            3 => Answer::Snapshot { shelf: self.maybe(Self::u8)?, rows: self.many(Self::brief)? },
            _ => return None,
        })
    }

    fn event(&mut self) -> Option<Event> {
        let event = match self.u8()? {
            0 => Event::Read(Read {
                begin: self.u64()?,
                end: self.u64()?,
                level: self.level()?,
                answer: self.answer()?,
            }),
            1 => Event::Written(Written {
                at: self.u64()?,
                rows: self.many(|it| Some((it.u16()?, it.u32()?)))?,
            }),
            2 => Event::Refused,
            3 => Event::Unread,
            4 => Event::Dies(self.u8()?),
            5 => Event::Counted(Counted(self.many(Self::u64)?)),
            _ => return None,
        };
        self.0.is_empty().then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_event_comes_back_as_it_was_and_a_cut_one_does_not() {
        let seen = Seen { id: 3, version: 70_000, op: 1 << 40, code: 400, shelf: 7 };
        let read = |level, answer| Event::Read(Read { begin: 5, end: 9, level, answer });
        let all = [
            read(Level::Strong, Answer::Rows(vec![(3, Some(seen)), (4, None)])),
            read(Level::Bounded(200), Answer::Find { code: 400, found: Some(seen) }),
            read(Level::Database, Answer::List { shelf: 7, rows: vec![seen, seen] }),
            read(Level::Sql, Answer::Snapshot { shelf: Some(2), rows: vec![seen.into()] }),
            read(Level::Sql, Answer::Snapshot { shelf: None, rows: vec![] }),
            Event::Written(Written { at: 11, rows: vec![(3, 4)] }),
            Event::Refused,
            Event::Unread,
            Event::Dies(7),
            Event::Counted(Counted(vec![1, 2, 3, 4])),
        ];
        let bytes: Vec<u8> = all.iter().flat_map(to_frame).collect();
        let mut from = &bytes[..];
        for event in &all {
            assert_eq!(read_frame(&mut from).unwrap().as_ref(), Some(event));
        }
        assert_eq!(read_frame(&mut from).unwrap(), None);
        for cut in 1..to_frame(&all[0]).len() {
            assert_eq!(read_frame(&mut &bytes[..cut]).unwrap(), None);
        }
    }
}
