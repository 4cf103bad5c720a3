//! A map by key ids, for what every request that uses a key looks up: among a hundred thousand of them an ordered map
//! compares its way through some twenty places in memory, this one through four.

use std::hash::BuildHasherDefault;

use claviger_types::KeyId;
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

use crate::identity_hash::IdentityHasher;

/// What is known by the id of a key, in no order: ids are random, and nobody chooses them.
pub(super) type ByKeyId<V> = GenericHashMap<KeyId, V, BuildHasherDefault<IdentityHasher>, DefaultSharedPtr>;

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::hash::BuildHasher;

    use super::*;

    /// The map goes by the low half.
    #[test]
    fn hashes_spread_as_random_ids_do() {
        let build = BuildHasherDefault::<IdentityHasher>::default();
        let mut random = claviger_tlog::simulation::Random::new(1);
        let mut id = || KeyId::from_random(std::array::from_fn(|_| random.below(256) as u8));
        let low: HashSet<_> = (0..100_000).map(|_| build.hash_one(id()) as u32).collect();
        assert!(low.len() > 99_980, "{}", low.len());
        let bytes = [7; 16];
        assert_ne!(build.hash_one(KeyId::single_region(bytes)), build.hash_one(KeyId::multi_region(bytes)));
    }
}
