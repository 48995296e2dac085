//! Processes that read and write: which of them keep what is written, and which a server with tracking would tell.

use crate::load::{ANSWERS, CHANGES, Change, Keys, Load};
use crate::process::Process;
use crate::random::{Random, Zipf};

/// What happened, a second, in all processes.
#[derive(Clone, Debug, Default)]
pub struct Counts {
    /// Entries that were asked for in a tier.
    pub asked: f64,
    /// Of those, the ones that the tier had.
    pub near: f64,
    /// Of the others, the ones that Redis did not have, and that one process loaded.
    pub fills: f64,
    /// Writes.
    pub writes: f64,
    /// Keys that came to a process that kept them, if every announcement comes to each.
    pub useful: f64,
    /// Pushes of a server with tracking because a key was written.
    pub pushes: f64,
    /// Because it had outlived its TTL.
    pub expired: f64,
    /// Because the server's table was full.
    pub crowded: f64,
    /// Bytes of the keys in all of those pushes.
    pub pushed_bytes: f64,
    /// Keys in that table.
    pub table_keys: f64,
    /// Clients at those keys, in all.
    pub table_pairs: f64,
    /// Of each simulated write, how many processes heard of it and in how many pushes.
    pub told: Vec<(f64, f64)>,
}

impl Counts {
    /// What does not come from the tier.
    #[must_use]
    pub fn far(&self) -> f64 {
        self.asked - self.near
    }
}

/// How often each key is read by one process, and invalidated, a second.
pub(crate) struct Rates {
    reads: Vec<f64>,
    gone: Vec<f64>,
}

impl Rates {
    pub(crate) fn of(load: &Load) -> Self {
        let keys = Keys::of(load);
        let (read, write) =
            (Zipf::new(load.rows, load.skew), Zipf::new(load.rows, load.write_skew));
        let mut reads = vec![0.0; keys.count()];
        let mut gone = vec![1.0 / load.ttl; keys.count()];
        let add = |rates: &mut Vec<f64>, key: usize, rate: f64| {
            if let Some(at) = rates.get_mut(key) {
                *at += rate;
            }
        };
        for row in 0..load.rows {
            let rate = load.reads * read.share(row);
            add(&mut reads, keys.row(row), 0.85 * rate);
            add(&mut reads, keys.look_up(row), 0.20 * rate);
            add(&mut reads, keys.list(row), 0.10 * rate);
            for (share, change) in CHANGES {
                for key in keys.written(row, change) {
                    add(&mut gone, key, share * load.writes * write.share(row));
                }
            }
        }
        for answer in 0..ANSWERS {
            add(&mut reads, keys.answer(answer), 0.05 * load.reads / ANSWERS as f64);
        }
        add(&mut reads, keys.tag(), 0.05 * load.reads);
        Self { reads, gone }
    }

    fn pairs(&self) -> impl Iterator<Item = (f64, f64)> {
        self.reads.iter().copied().zip(self.gone.iter().copied())
    }

    /// Keys that at least one process has read since they were last invalidated, and those of each process, where keys are
    /// forgotten so often besides.
    fn tracked(&self, processes: f64, forgotten: f64) -> (f64, f64) {
        self.pairs().fold((0.0, 0.0), |(keys, pairs), (read, gone)| {
            let (all, gone) = (read * processes, gone + forgotten);
            (keys + all / (all + gone), pairs + processes * read / (read + gone))
        })
    }

    /// How often each key has to be forgotten so that no more than `most` are in the table.
    fn crowding(&self, processes: f64, most: f64) -> f64 {
        if self.tracked(processes, 0.0).0 <= most {
            return 0.0;
        }
        let (mut low, mut high) = (0.0, 1e6);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if self.tracked(processes, middle).0 > most { low = middle } else { high = middle }
        }
        high
    }

    /// Pushes because of writes, a second, by the formula of docs/scale.md.
    #[cfg(test)]
    pub(crate) fn expected_pushes(&self, load: &Load) -> f64 {
        let processes = load.processes as f64;
        let of_key = |(read, gone): (f64, f64)| (gone - 1.0 / load.ttl) * read / (read + gone);
        (processes - 1.0) * self.pairs().map(of_key).sum::<f64>()
    }
}

struct World<'l> {
    load: &'l Load,
    keys: Keys,
    rates: Rates,
    random: Random,
    processes: Vec<Process>,
    /// Until when Redis has a value of each key; and since when nobody has loaded it, where it has none.
    until: Vec<f64>,
    since: Vec<f64>,
    /// Keys by the tenth of a second in which they may run out.
    ends: Vec<Vec<usize>>,
    now: f64,
    counts: Counts,
}

/// Plays the load.
#[must_use]
pub fn simulate(load: &Load) -> Counts {
    let rates = Rates::of(load);
    let all = load.processes as f64;
    let forgotten = rates.crowding(all, load.table);
    let (table_keys, table_pairs) = rates.tracked(all, forgotten);
    let mut world = World::new(load, rates);
    world.settle(forgotten);
    let (readers, writers) =
        (Zipf::new(load.rows, load.skew), Zipf::new(load.rows, load.write_skew));
    let sample = world.processes.len();
    let keys = world.keys.count();
    let (read, write) = (load.reads * sample as f64, load.writes);
    let crowd = forgotten * keys as f64;
    let whole = read + write + crowd;
    let end = load.warm + load.seconds;
    let mut counting = false;
    while world.now < end {
        world.now += world.random.pause(whole);
        if !counting && world.now >= load.warm {
            counting = true;
            world.counts = Counts::default();
        }
        world.run_out();
        let draw = world.random.unit() * whole;
        if draw < read {
            let (process, row) = (world.random.below(sample), readers.draw(&mut world.random));
            world.read(process, row);
        } else if draw < read + write {
            let row = writers.draw(&mut world.random);
            world.write(row);
        } else {
            let key = world.random.below(keys);
            world.tell(key, None, |counts, pushes| counts.crowded += pushes);
        }
    }
    let scale = all / sample as f64;
    let (of_sample, once) = (scale / load.seconds, 1.0 / load.seconds);
    let counted = world.counts;
    Counts {
        asked: counted.asked * of_sample,
        near: counted.near * of_sample,
        fills: counted.fills * of_sample,
        writes: counted.writes * once,
        useful: counted.useful * of_sample,
        pushes: counted.pushes * of_sample,
        expired: counted.expired * of_sample,
        crowded: counted.crowded * of_sample,
        pushed_bytes: counted.pushed_bytes * of_sample,
        table_keys,
        table_pairs,
        told: counted.told.iter().map(|(heard, pushes)| (heard * scale, pushes * scale)).collect(),
    }
}

impl<'l> World<'l> {
    fn new(load: &'l Load, rates: Rates) -> Self {
        let keys = Keys::of(load);
        let processes = (0..load.sample.clamp(1, load.processes))
            .map(|_| Process::new(keys.count(), load.tier))
            .collect();
        let tenths = ((load.warm + load.seconds) * 10.0) as usize + 2;
        Self {
            load,
            keys,
            rates,
            random: Random::new(7),
            processes,
            until: vec![0.0; keys.count()],
            since: vec![0.0; keys.count()],
            ends: vec![Vec::new(); tenths],
            now: 0.0,
            counts: Counts::default(),
        }
    }

    /// Begins in the midst of it: each process keeps what it has read since it was last invalidated. From cold keys to hot
    /// ones, so that a tier that is too small keeps the hot ones.
    fn settle(&mut self, forgotten: f64) {
        for key in (0..self.keys.count()).rev() {
            let (read, gone) = self.rate(key);
            let all = read * self.load.processes as f64;
            if self.random.unit() * (all + gone) > all {
                continue;
            }
            let until = self.random.unit() * self.load.ttl;
            self.stands(key, until);
            for process in &mut self.processes {
                if self.random.unit() * (read + gone + forgotten) < read {
                    process.tracks(key);
                    process.keeps(key, until);
                }
            }
        }
    }

    fn rate(&self, key: usize) -> (f64, f64) {
        let at = |rates: &Vec<f64>| rates.get(key).copied().unwrap_or_default();
        (at(&self.rates.reads), at(&self.rates.gone))
    }

    fn stands(&mut self, key: usize, until: f64) {
        if let Some(at) = self.until.get_mut(key) {
            *at = until;
        }
        if let Some(end) = self.ends.get_mut((until * 10.0) as usize) {
            end.push(key);
        }
    }

    fn goes(&mut self, key: usize) {
        if let (Some(until), Some(since)) = (self.until.get_mut(key), self.since.get_mut(key)) {
            (*until, *since) = (0.0, self.now);
        }
    }

    /// What has outlived its TTL by the last full tenth of a second.
    fn run_out(&mut self) {
        let full = (self.now * 10.0) as usize;
        let Some(ended) = full.checked_sub(1).and_then(|tenth| self.ends.get_mut(tenth)) else {
            return;
        };
        for key in std::mem::take(ended) {
            let until = self.until.get(key).copied().unwrap_or_default();
            if until > 0.0 && until <= self.now {
                self.goes(key);
                self.tell(key, None, |counts, pushes| counts.expired += pushes);
            }
        }
    }

    fn read(&mut self, process: usize, row: usize) {
        let kind = self.random.unit();
        let (first, second) = if kind < 0.65 {
            (self.keys.row(row), None)
        } else if kind < 0.85 {
            (self.keys.look_up(row), Some(self.keys.row(row)))
        } else if kind < 0.95 {
            (self.keys.list(row), None)
        } else {
            let answer = self.random.below(ANSWERS);
            (self.keys.answer(answer), Some(self.keys.tag()))
        };
        // An answer is good only while its tag is.
        let tagged = second == Some(self.keys.tag());
        let current = !tagged || self.has(process, self.keys.tag());
        let near = self.has(process, first) && current;
        self.counts.asked += 1.0;
        self.counts.near += f64::from(u8::from(near));
        if !near {
            self.ask(process, first);
        }
        if let Some(second) = second {
            self.counts.asked += 1.0;
            if self.has(process, second) {
                self.counts.near += 1.0;
            } else {
                self.ask(process, second);
            }
        }
    }

    fn has(&mut self, process: usize, key: usize) -> bool {
        let now = self.now;
        self.processes.get_mut(process).is_some_and(|process| process.reads(key, now))
    }

    /// Asks Redis, loads where that has nothing, and keeps the answer. Loading takes no time here.
    fn ask(&mut self, process: usize, key: usize) {
        let mut until = self.until.get(key).copied().unwrap_or_default();
        if until <= self.now {
            // Perhaps a process that is not simulated was earlier.
            let others = self.load.processes.saturating_sub(self.processes.len()) as f64;
            let alone = self.since.get(key).map_or(0.0, |since| self.now - since);
            let nobody = (-self.rate(key).0 * others * alone).exp();
            if self.random.unit() < nobody {
                self.counts.fills += 1.0;
            }
            until = self.now + self.load.ttl * (0.9 + 0.2 * self.random.unit());
            self.stands(key, until);
        }
        if let Some(process) = self.processes.get_mut(process) {
            process.tracks(key);
            process.keeps(key, until);
        }
    }

    fn change(&mut self) -> Change {
        let mut draw = self.random.unit();
        let drawn = CHANGES.iter().find(|(share, _)| {
            draw -= share;
            draw < 0.0
        });
        drawn.map_or(Change::Plain, |(_, change)| *change)
    }

    fn write(&mut self, row: usize) {
        // Who writes is not told: it knows.
        let writer = Some(self.random.below(self.load.processes));
        let (mut heard, mut pushes) = (0_u64, 0.0);
        let change = self.change();
        for key in self.keys.written(row, change) {
            self.goes(key);
            let told = self.tell(key, writer, |counts, pushes| counts.pushes += pushes);
            pushes += f64::from(told.count_ones());
            heard |= told;
            for process in &mut self.processes {
                self.counts.useful += f64::from(u8::from(process.evicts(key, self.now)));
            }
        }
        self.counts.writes += 1.0;
        self.counts.told.push((f64::from(heard.count_ones()), pushes));
    }

    /// Pushes a key to all that the server would tell but for the writer; says which those are.
    fn tell(&mut self, key: usize, writer: Option<usize>, count: fn(&mut Counts, f64)) -> u64 {
        let mut told = 0;
        for (number, process) in self.processes.iter_mut().enumerate() {
            if process.is_told(key) && writer != Some(number) {
                told |= 1_u64 << number;
                if writer.is_none() {
                    process.evicts(key, self.now);
                }
            }
        }
        let pushes = f64::from(told.count_ones());
        count(&mut self.counts, pushes);
        self.counts.pushed_bytes +=
            pushes * crate::wire::invalidate(&[self.keys.kind(key).bytes()]) as f64;
        told
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(processes: usize, writes: f64) -> Load {
        Load { rows: 5_000, sample: 8, warm: 5.0, seconds: 30.0, ..Load::of(processes, writes) }
    }

    #[test]
    fn the_pushes_of_tracking_follow_the_formula() {
        for (processes, writes) in [(10, 50.0), (100, 500.0)] {
            let load = load(processes, writes);
            let (found, expected) =
                (simulate(&load).pushes, Rates::of(&load).expected_pushes(&load));
            assert!((found / expected - 1.0).abs() < 0.05, "{found} a second, {expected} expected");
        }
    }

    #[test]
    fn no_process_is_told_of_more_than_it_has_read_nor_of_more_than_was_written() {
        let counts = simulate(&load(100, 500.0));
        let told = counts.pushes + counts.expired + counts.crowded;
        assert!(told < counts.far() * 1.05, "{told} told, {} read", counts.far());
        assert!(counts.pushes < 4.0 * counts.writes * 100.0);
        let (useful, pushes) = (counts.useful, counts.pushes);
        assert!(useful <= pushes * 1.05, "what is kept is tracked: {useful} kept, {pushes} told");
    }

    #[test]
    fn a_full_table_takes_from_processes_what_nobody_has_written() {
        let roomy = simulate(&load(10, 50.0));
        assert_eq!(roomy.crowded, 0.0);
        let crowded = simulate(&Load { table: roomy.table_keys / 2.0, ..load(10, 50.0) });
        assert!(crowded.crowded > 0.0 && crowded.near < roomy.near);
        assert!((crowded.table_keys * 2.0 / roomy.table_keys - 1.0).abs() < 0.01);
    }
}
