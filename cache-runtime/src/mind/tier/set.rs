//! One set of the store: a few entries that have no other place.

use super::near::Near;

/// With eight a store of many sets keeps nearly what one without sets would.
pub(super) const WAYS: usize = 8;

/// The tags stand side by side, so that one look says which entry it may be.
#[derive(Default)]
#[repr(C)]
pub(super) struct Set {
    /// The lower half of each tag; means nothing where there is no entry.
    tags: [u32; WAYS],
    /// Whose turn it is to go, unless it was read.
    hand: u8,
    entries: [Option<Near>; WAYS],
}

impl Set {
    #[inline]
    pub(super) fn find(&self, (high, low): (u32, u32)) -> Option<&Near> {
        let entries = self.tags.iter().zip(&self.entries);
        let mut alike =
            entries.filter(|(tag, _)| **tag == low).filter_map(|(_, near)| near.as_ref());
        alike.find(|near| near.tag == high)
    }

    /// The place of the entry with this tag.
    pub(super) fn place(&self, (high, low): (u32, u32)) -> Option<usize> {
        let is_it = |(tag, near): (&u32, &Option<Near>)| {
            *tag == low && near.as_ref().is_some_and(|near| near.tag == high)
        };
        self.tags.iter().zip(&self.entries).position(is_it)
    }

    /// A place where there is nothing, or something dead.
    pub(super) fn room(&self, is_dead: impl Fn(&Near) -> bool) -> Option<usize> {
        self.entries.iter().position(|near| near.as_ref().is_none_or(&is_dead))
    }

    /// Puts an entry in a place; gives back what stood there.
    pub(super) fn put(&mut self, place: usize, tag: (u32, u32), mut near: Near) -> Option<Near> {
        near.tag = tag.0;
        *self.tags.get_mut(place)? = tag.1;
        self.entries.get_mut(place)?.replace(near)
    }

    pub(super) fn remove(&mut self, tag: (u32, u32)) -> Option<Near> {
        let place = self.place(tag)?;
        self.entries.get_mut(place)?.take()
    }

    /// Takes one out that is wanted least, but not the one with this tag: one that is dead, else one that nobody has read since
    /// the hand came by. `None` where all were read: they are spared once.
    pub(super) fn take_least(
        &mut self,
        but: Option<(u32, u32)>,
        is_dead: impl Fn(&Near) -> bool,
    ) -> Option<Near> {
        let but = but.and_then(|tag| self.place(tag));
        let mut entries = self.entries.iter().enumerate();
        let dead = entries
            .find(|(at, near)| Some(*at) != but && near.as_ref().is_some_and(&is_dead))
            .map(|(at, _)| at);
        let place = dead.or_else(|| self.least(but))?;
        self.entries.get_mut(place)?.take()
    }

    /// Takes everything out.
    pub(super) fn clear(&mut self) -> [Option<Near>; WAYS] {
        std::mem::take(&mut self.entries)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &Near> {
        self.entries.iter().flatten()
    }

    /// The place of one that nobody has read since the hand came by, but not this one.
    pub(super) fn least(&mut self, but: Option<usize>) -> Option<usize> {
        for _ in 0..WAYS {
            let place = usize::from(self.hand) % WAYS;
            self.hand = self.hand.wrapping_add(1);
            let Some(Some(near)) = self.entries.get_mut(place) else { continue };
            if Some(place) != but && !near.spare() {
                return Some(place);
            }
        }
        None
    }
}
