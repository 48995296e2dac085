//! Numbers that are the same in every run, on every machine.

/// Xorshift with a multiplication (Vigna 2016, `xorshift64*`). Not for anything but simulations.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// A sequence of its own for each seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// From 0 up to, and without, 1.
    pub fn unit(&mut self) -> f64 {
        (self.next() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Below `bound`, which is not zero.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.unit() * bound as f64) as usize
    }

    /// The time to the next of events that come at random, so many a second.
    pub fn pause(&mut self, rate: f64) -> f64 {
        -(1.0 - self.unit()).ln() / rate
    }
}

/// Ranks from 0, of which rank r comes with a weight of (r + 1)^-skew.
#[derive(Clone, Debug)]
pub struct Zipf(Vec<f64>);

impl Zipf {
    /// Of so many ranks. A skew of zero makes all of them alike.
    #[must_use]
    pub fn new(ranks: usize, skew: f64) -> Self {
        let mut sum = 0.0;
        let mut below: Vec<f64> = (1..=ranks)
            .map(|rank| {
                sum += (rank as f64).powf(-skew);
                sum
            })
            .collect();
        below.iter_mut().for_each(|below| *below /= sum);
        Self(below)
    }

    /// One of the ranks.
    pub fn draw(&self, random: &mut Random) -> usize {
        let unit = random.unit();
        self.0.partition_point(|below| *below <= unit).min(self.0.len() - 1)
    }

    /// How likely a rank is.
    #[must_use]
    pub fn share(&self, rank: usize) -> f64 {
        let upto = |rank: usize| self.0.get(rank).copied().unwrap_or(1.0);
        upto(rank) - rank.checked_sub(1).map_or(0.0, upto)
    }
}
