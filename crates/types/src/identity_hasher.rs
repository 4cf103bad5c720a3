//! A hasher for what is as good as a hash already: random ids, and hashes under a key that nobody knows.

use std::hash::Hasher;

/// Folds what it is given into 64 bits, and mixes nothing.
#[derive(Debug, Default)]
pub struct IdentityHasher(u64);

impl Hasher for IdentityHasher {
    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u8(*byte));
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = self.0.rotate_left(8) ^ u64::from(number);
    }

    fn write_u128(&mut self, number: u128) {
        let bytes = number.to_be_bytes();
        let halves = bytes.as_chunks().0.iter().map(|half| u64::from_be_bytes(*half));
        self.0 = halves.fold(self.0, |hash, half| hash ^ half);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::{BuildHasher, BuildHasherDefault, RandomState};

    use super::*;
    use crate::KeyId;

    /// Maps go by the low bits.
    #[test]
    fn hashes_spread_as_random_ids_do() {
        let (build, random) = (BuildHasherDefault::<IdentityHasher>::default(), RandomState::new());
        let id = |number: u64| {
            let halves = [random.hash_one(number), random.hash_one(!number)].map(u64::to_be_bytes);
            KeyId::from_random(std::array::from_fn(|place| halves.as_flattened()[place]))
        };
        let low: HashSet<_> = (0..100_000).map(|number| build.hash_one(id(number)) & 0xffff_ffff).collect();
        assert!(low.len() > 99_980, "{}", low.len());
        let bytes = [7; 16];
        assert_ne!(build.hash_one(KeyId::single_region(bytes)), build.hash_one(KeyId::multi_region(bytes)));
    }
}
