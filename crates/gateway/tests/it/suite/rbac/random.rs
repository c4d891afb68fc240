//! Chance that can be repeated: everything generated here follows from one seed.

use std::time::{SystemTime, UNIX_EPOCH};

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators"): enough for choosing.
#[derive(Debug, Clone)]
pub(in crate::suite) struct Random(u64);

impl Random {
    /// The seed of this run: `DRAWBRIDGE_SEED`, or a new one.
    pub(in crate::suite) fn seed() -> u64 {
        match std::env::var("DRAWBRIDGE_SEED") {
            Ok(seed) => seed.parse().unwrap_or_else(|error| panic!("DRAWBRIDGE_SEED={seed}: {error}")),
            Err(_) => u64::from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().subsec_nanos()),
        }
    }

    /// Chance of its own for one part, so that parts don't depend on each other's order.
    pub(in crate::suite) fn part(seed: u64, part: usize) -> Random {
        let mut random = Random(seed ^ (part as u64).wrapping_mul(0xD1B5_4A32_D192_ED03));
        random.next();
        random
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `end`.
    pub(in crate::suite) fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    /// Whether something happens that happens so often of a hundred times.
    pub(in crate::suite) fn percent(&mut self, often: usize) -> bool {
        self.below(100) < often
    }

    /// One of several words, kinds, ….
    pub(in crate::suite) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        *self.one_of(from)
    }

    /// One of several.
    pub(in crate::suite) fn one_of<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.below(from.len())]
    }
}
