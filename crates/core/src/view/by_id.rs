//! A map by key ids, for what every request that uses a key looks up: among a hundred thousand of them an ordered map
//! compares its way through some twenty places in memory, this one through four.

use std::hash::{BuildHasherDefault, Hasher};

use claviger_types::KeyId;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

/// What is known by the id of a key, in no order.
pub(super) type ByKeyId<V> = GenericHashMap<KeyId, V, BuildHasherDefault<OfRandomIds>, DefaultSharedPtr>;

/// Ids of keys are random and nobody chooses them, so that they are as good as a hash of them.
#[derive(Default)]
pub(super) struct OfRandomIds(u64);

impl Hasher for OfRandomIds {
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
    use std::hash::BuildHasher;

    use super::*;

    /// The map goes by the low half.
    #[test]
    fn hashes_spread_as_random_ids_do() {
        let build = BuildHasherDefault::<OfRandomIds>::default();
        let mut random = claviger_tlog::simulation::Random::new(1);
        let mut id = || KeyId::from_random(std::array::from_fn(|_| random.below(256) as u8));
        let low: HashSet<_> = (0..100_000).map(|_| build.hash_one(id()) as u32).collect();
        assert!(low.len() > 99_980, "{}", low.len());
        let bytes = [7; 16];
        assert_ne!(build.hash_one(KeyId::single_region(bytes)), build.hash_one(KeyId::multi_region(bytes)));
    }
}
