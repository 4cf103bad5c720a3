//! A map by key ids, for what every request that uses a key looks up: among a hundred thousand of them an ordered map
//! compares its way through some twenty places in memory, this one through four.

use std::hash::BuildHasherDefault;

use claviger_types::{IdentityHasher, KeyId};
use imbl::GenericHashMap;
use imbl::shared_ptr::DefaultSharedPtr;

/// What is known by the id of a key, in no order: ids are random, and nobody chooses them.
pub(super) type ByKeyId<V> = GenericHashMap<KeyId, V, BuildHasherDefault<IdentityHasher>, DefaultSharedPtr>;
