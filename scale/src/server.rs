//! One core of a server: commands come at random, each turn of its loop takes all that are there, and what they say to
//! others is sent at the turn's end, to each socket once.

use crate::costs::Costs;
use crate::random::Random;

/// What comes to one server.
#[derive(Debug)]
pub(crate) struct Traffic<'t> {
    /// Announcements a second.
    pub(crate) announcements: f64,
    /// How many listeners one of them goes to, and in how many pushes; drawn from these.
    pub(crate) told: &'t [(f64, f64)],
    /// Microseconds of one push.
    pub(crate) push: f64,
    /// Listeners that there are.
    pub(crate) listeners: f64,
    /// Beats a second, and microseconds of one.
    pub(crate) beats: (f64, f64),
    /// Questions of the vigil a second.
    pub(crate) vigils: f64,
    /// Microseconds a second for whatever else the stream makes the server do.
    pub(crate) besides: f64,
}

/// What became of it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Turns {
    /// Share of the core.
    pub(crate) busy: f64,
    /// Sockets that were written to for announcements, a second.
    pub(crate) flushes: f64,
    /// Milliseconds until an announcement is sent to its last listener, in the middle and at 99 %; `None` where more comes
    /// than goes.
    pub(crate) delay: Option<(f64, f64)>,
}

/// Seconds that are played, at most, and announcements.
const SECONDS: f64 = 20.0;
const ANNOUNCEMENTS: f64 = 20_000.0;

impl Traffic<'_> {
    /// The share of the core that is needed however much is sent in one go.
    fn least(&self, costs: &Costs) -> f64 {
        let pushes: f64 = self.told.iter().map(|(_, pushes)| pushes).sum();
        let announcement = costs.message + pushes / self.told.len() as f64 * self.push;
        let micros = self.announcements * announcement
            + self.beats.0 * self.beats.1
            + self.vigils * costs.vigil
            + self.besides;
        micros / 1e6
    }

    pub(crate) fn play(&self, costs: &Costs) -> Turns {
        let mut random = Random::new(11);
        let whole = self.announcements + self.beats.0 + self.vigils;
        let end = SECONDS.min(ANNOUNCEMENTS / self.announcements.max(1.0));
        let slowed = 1.0 / (1.0 - (self.besides / 1e6).min(0.99));
        let (mut now, mut next, mut busy, mut flushes) = (0.0, random.pause(whole), 0.0, 0.0);
        let mut delays = Vec::new();
        while now < end {
            now = next.max(now);
            let (mut work, mut unheard, mut came) = (0.0, 1.0, Vec::new());
            // What comes up to the moment at which the server looks.
            while next <= now {
                let draw = random.unit() * whole;
                if draw < self.announcements {
                    let (listeners, pushes) =
                        self.told.get(random.below(self.told.len())).copied().unwrap_or_default();
                    work += costs.message + pushes * self.push;
                    unheard *= 1.0 - (listeners / self.listeners).min(1.0);
                    came.push(next);
                } else if draw < self.announcements + self.beats.0 {
                    work += self.beats.1;
                } else {
                    work += costs.vigil;
                }
                next += random.pause(whole);
            }
            let sockets = self.listeners * (1.0 - unheard);
            work += sockets * costs.flush;
            flushes += sockets;
            let took = work * slowed / 1e6;
            now += took;
            busy += work / 1e6;
            delays.extend(came.into_iter().map(|at| (now - at) * 1e3));
        }
        if self.least(costs) >= 1.0 {
            return Turns { busy: 1.0, flushes: flushes / now, delay: None };
        }
        delays.sort_by(f64::total_cmp);
        let at = |share: f64| delays.get((delays.len() as f64 * share) as usize).copied();
        Turns {
            busy: (busy / now + self.besides / 1e6).min(1.0),
            flushes: flushes / now,
            delay: at(0.5).zip(at(0.99)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn traffic(announcements: f64, told: &[(f64, f64)]) -> Traffic<'_> {
        let (push, beats) = (0.1, (0.0, 0.0));
        Traffic { announcements, told, push, listeners: 1_000.0, beats, vigils: 0.0, besides: 0.0 }
    }

    const COSTS: Costs = Costs { message: 1.0, flush: 4.0, ..Costs::MEASURED };

    #[test]
    fn an_idle_server_takes_what_one_announcement_takes() {
        let turns = traffic(1.0, &[(1_000.0, 1_000.0)]).play(&COSTS);
        let millis = (1.0 + 1_000.0 * 0.1 + 1_000.0 * 4.0) / 1e3;
        assert!((turns.delay.unwrap().0 - millis).abs() < 1e-6, "{turns:?}");
        assert!((turns.flushes / 1_000.0 - 1.0).abs() < 0.5, "{turns:?}");
    }

    #[test]
    fn what_it_does_besides_takes_its_time_and_slows_the_rest() {
        let told = [(100.0, 100.0)];
        let alone = traffic(100.0, &told).play(&COSTS);
        let besides = Traffic { besides: 300_000.0, ..traffic(100.0, &told) }.play(&COSTS);
        assert!((besides.busy - alone.busy - 0.3).abs() < 0.01, "{alone:?} {besides:?}");
        assert!(besides.delay.unwrap().0 > alone.delay.unwrap().0 * 1.2, "{alone:?} {besides:?}");
    }

    #[test]
    fn a_busy_server_sends_several_in_one_go() {
        let turns = traffic(5_000.0, &[(1_000.0, 1_000.0)]).play(&COSTS);
        assert!(turns.busy > 0.99 && turns.delay.is_some(), "{turns:?}");
        assert!(turns.flushes < 5_000.0 * 1_000.0 / 10.0, "{turns:?}");
    }

    #[test]
    fn more_than_a_core_can_do_is_said_to_be_more() {
        assert!(traffic(20_000.0, &[(1_000.0, 1_000.0)]).play(&COSTS).delay.is_none());
    }
}
