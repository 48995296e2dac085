//! One process, as far as the stream has to do with it: what its tier keeps, and what the server knows of that.

/// No place in the tier.
const NOWHERE: u32 = u32::MAX;

/// A tier of so many entries, which evicts what was not used for a round of its hand (CLOCK, Corbató 1968), and the keys
/// that a server with tracking would remember of it.
#[derive(Debug)]
pub(crate) struct Process {
    place_of: Vec<u32>,
    places: Vec<Place>,
    most: usize,
    hand: usize,
    tracked: Vec<bool>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    key: usize,
    until: f64,
    used: bool,
}

impl Process {
    pub(crate) fn new(keys: usize, most: usize) -> Self {
        Self {
            place_of: vec![NOWHERE; keys],
            places: Vec::new(),
            most: most.max(1),
            hand: 0,
            tracked: vec![false; keys],
        }
    }

    fn place(&mut self, key: usize) -> Option<&mut Place> {
        let place = *self.place_of.get(key)?;
        self.places.get_mut(place as usize).filter(|place| place.key == key)
    }

    /// Whether it answers from its tier.
    pub(crate) fn reads(&mut self, key: usize, now: f64) -> bool {
        match self.place(key) {
            Some(place) if place.until > now => {
                place.used = true;
                true
            }
            _ => false,
        }
    }

    /// Keeps what Redis has until then.
    pub(crate) fn keeps(&mut self, key: usize, until: f64) {
        let new = Place { key, until, used: false };
        if let Some(place) = self.place(key) {
            *place = new;
        } else if self.places.len() < self.most {
            self.set_place(key, self.places.len());
            self.places.push(new);
        } else {
            while let Some(place) = self.places.get_mut(self.hand).filter(|place| place.used) {
                place.used = false;
                self.hand = (self.hand + 1) % self.most;
            }
            let at = self.hand;
            if let Some(before) = self.places.get(at).map(|place| place.key) {
                self.set_place(before, NOWHERE as usize);
            }
            if let Some(place) = self.places.get_mut(at) {
                *place = new;
            }
            self.set_place(key, at);
            self.hand = (at + 1) % self.most;
        }
    }

    fn set_place(&mut self, key: usize, at: usize) {
        if let Some(place) = self.place_of.get_mut(key) {
            *place = u32::try_from(at).unwrap_or(NOWHERE);
        }
    }

    /// Evicts a key; whether it was kept.
    pub(crate) fn evicts(&mut self, key: usize, now: f64) -> bool {
        match self.place(key) {
            Some(place) if place.until > now => {
                // Its place is taken by whoever comes next.
                (place.until, place.used) = (0.0, false);
                true
            }
            _ => false,
        }
    }

    /// The server has been asked for it on the connection that tracks.
    pub(crate) fn tracks(&mut self, key: usize) {
        if let Some(tracked) = self.tracked.get_mut(key) {
            *tracked = true;
        }
    }

    /// The server tells of it, and forgets it; whether there was anything to tell.
    pub(crate) fn is_told(&mut self, key: usize) -> bool {
        self.tracked.get_mut(key).is_some_and(std::mem::take)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_tier_evicts_what_was_not_used() {
        let mut process = Process::new(10, 3);
        (0..3).for_each(|key| process.keeps(key, 9.0));
        assert!(process.reads(0, 1.0) && process.reads(2, 1.0));
        process.keeps(3, 9.0);
        assert_eq!([0, 1, 2, 3].map(|key| process.reads(key, 1.0)), [true, false, true, true]);
    }

    #[test]
    fn what_was_evicted_or_has_run_out_is_not_answered() {
        let mut process = Process::new(10, 3);
        process.keeps(1, 5.0);
        assert!(process.evicts(1, 1.0) && !process.evicts(1, 1.0) && !process.reads(1, 1.0));
        process.keeps(1, 5.0);
        assert!(process.reads(1, 4.9) && !process.reads(1, 5.0));
    }

    #[test]
    fn the_server_tells_of_a_key_once() {
        let mut process = Process::new(10, 3);
        process.tracks(4);
        assert!(process.is_told(4) && !process.is_told(4));
    }
}
