//! Keys of fixed bytes for the tests of this crate.

use std::path::Path;

use claviger_types::{KeyId, KeySpec};

use crate::backing_key::{BackingKey, BackingKeyBinding, Material};
use crate::cluster_key::ClusterKey;
use crate::domain_key::{DomainKey, DomainScope, Space};
use crate::error::ModuleFailed;
use crate::root::FileRoot;
use crate::secret::Secret;

/// `start`, `start + 1`, and so on.
pub(crate) fn counting<const N: usize>(start: u8) -> [u8; N] {
    std::array::from_fn(|index| start.wrapping_add(index as u8))
}

pub(crate) fn secret(start: u8) -> Secret<32> {
    Secret::fill_with(|bytes| {
        *bytes = counting(start);
        Ok::<(), ModuleFailed>(())
    })
    .unwrap()
}

pub(crate) fn file_root() -> FileRoot {
    FileRoot::from_key(Path::new("root"), &secret(0x00)).unwrap()
}

pub(crate) fn cluster_key() -> ClusterKey {
    ClusterKey::from_secret(3, secret(0x20)).unwrap()
}

pub(crate) fn scope(account: &str, region: &str) -> DomainScope {
    let space = if region.is_empty() { Space::Global } else { Space::Region(region.parse().unwrap()) };
    DomainScope { account: account.parse().unwrap(), space }
}

/// Every domain key here has the same bytes, so that only its binding tells it from another.
pub(crate) fn domain_key(account: &str, region: &str, version: u32) -> DomainKey {
    DomainKey::from_secret(scope(account, region), version, secret(0x40)).unwrap()
}

pub(crate) fn material(spec: KeySpec, start: u8) -> Material {
    Material::fill_with(spec, |bytes| {
        bytes.copy_from_slice(&counting::<64>(start)[..bytes.len()]);
        Ok::<(), ModuleFailed>(())
    })
    .unwrap()
}

pub(crate) const SINGLE_REGION: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
pub(crate) const MULTI_REGION: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

pub(crate) fn binding(key_id: &str, spec: KeySpec) -> BackingKeyBinding {
    BackingKeyBinding { key_id: key_id.parse::<KeyId>().unwrap(), spec }
}

/// A backing key whose material counts up from `start`.
pub(crate) fn backing_key(key_id: &str, spec: KeySpec, start: u8) -> BackingKey {
    let (domain, binding) = (domain_key("111122223333", "us-east-1", 7), binding(key_id, spec));
    let stored = domain.wrap_material(&binding, &material(spec, start), [9; 12]).unwrap();
    domain.unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).unwrap()
}

/// Every way to flip one bit.
pub(crate) fn one_bit_flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    (0..bytes.len() * 8).map(|bit| {
        let mut flipped = bytes.to_vec();
        flipped[bit / 8] ^= 1 << (bit % 8);
        (bit, flipped)
    })
}

/// Every way to cut the end off, and one byte too many.
pub(crate) fn wrong_lengths(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let longer = [bytes, &[0]].concat();
    (0..bytes.len()).map(|length| bytes[..length].to_vec()).chain([longer])
}
