//! Random choices that can be made again: the same seed, the same choices.

/// A small generator. Says its seed if the test that uses it fails.
pub struct Random {
    seed: u64,
    state: u64,
}

impl Random {
    pub fn seeded(seed: u64) -> Self {
        // Neighbouring seeds begin far apart.
        let state = (seed ^ 0x9e37_79b9_7f4a_7c15).wrapping_mul(0xbf58_476d_1ce4_e5b9) | 1;
        let mut random = Self { seed, state };
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        self.state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11
    }

    /// One of 0, 1, ... `limit` - 1.
    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    /// Whether something that happens so often in a hundred cases happens now.
    pub fn percent(&mut self, often: usize) -> bool {
        self.below(100) < often
    }
}

impl Drop for Random {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the seed was {}", self.seed);
        }
    }
}
