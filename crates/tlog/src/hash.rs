//! The hashes of the tree. Source: RFC 6962, section 2.1 (the same as RFC 9162, section 2.1.1), with SHA-256.

use std::fmt;

use aws_lc_rs::digest::{Context, Digest, SHA256, digest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// Bytes of a hash.
pub(crate) const HASH_BYTES: usize = 32;

/// Entries up to this length are hashed from the stack in one call, which is faster than in two.
const SHORT_BYTES: usize = 512;

/// The hash of an entry, or of a part of the tree.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash([u8; HASH_BYTES]);

impl Hash {
    /// From its bytes.
    pub const fn from_bytes(bytes: [u8; HASH_BYTES]) -> Self {
        Self(bytes)
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8; HASH_BYTES] {
        &self.0
    }

    /// From base64, as checkpoints and proofs write it.
    pub(crate) fn from_base64(text: &str) -> Option<Self> {
        STANDARD.decode(text).ok()?.try_into().ok().map(Self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The hash of an entry: `SHA-256(00 ‖ entry)`.
pub fn leaf_hash(entry: &[u8]) -> Hash {
    let mut short = [0; SHORT_BYTES + 1];
    if let Some(room) = short.get_mut(1..=entry.len()) {
        room.copy_from_slice(entry);
        return of(digest(&SHA256, short.get(..=entry.len()).unwrap_or_default()));
    }
    let mut context = Context::new(&SHA256);
    context.update(&[0]);
    context.update(entry);
    of(context.finish())
}

/// The hash of two parts of the tree beside each other: `SHA-256(01 ‖ left ‖ right)`.
pub(crate) fn node_hash(left: &Hash, right: &Hash) -> Hash {
    let mut input = [1; 1 + 2 * HASH_BYTES];
    let [_, parts @ ..] = &mut input;
    let (of_left, of_right) = parts.split_at_mut(HASH_BYTES);
    of_left.copy_from_slice(&left.0);
    of_right.copy_from_slice(&right.0);
    of(digest(&SHA256, &input))
}

/// The hash of an empty tree: that of no bytes.
pub(crate) fn empty_root() -> Hash {
    of(digest(&SHA256, &[]))
}

/// The hash of the tree over these parts, which are all of one size. Pairing level by level, with an odd last one moved
/// up as it is, gives the same tree as RFC 6962's split at the largest power of two.
pub(crate) fn root_of(parts: &[Hash]) -> Hash {
    let above = |pair: &[Hash]| match pair {
        [left, right] => node_hash(left, right),
        odd => odd.first().copied().unwrap_or_else(empty_root),
    };
    let mut level: Vec<_> = parts.chunks(2).map(above).collect();
    while level.len() > 1 {
        level = level.chunks(2).map(above).collect();
    }
    level.first().copied().unwrap_or_else(empty_root)
}

fn of(digest: Digest) -> Hash {
    let mut bytes = [0; HASH_BYTES];
    // INVARIANT: both are 32 bytes long.
    bytes.copy_from_slice(digest.as_ref());
    Hash(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(hash: Hash) -> String {
        hash.0.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// Source: the test vectors of the Certificate Transparency project for RFC 6962 trees.
    #[test]
    fn the_published_roots() {
        assert_eq!(hex(empty_root()), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
        assert_eq!(hex(leaf_hash(b"")), "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d");
        let entries: [&[u8]; 8] = [
            b"",
            &[0x00],
            &[0x10],
            &[0x20, 0x21],
            &[0x30, 0x31],
            &[0x40, 0x41, 0x42, 0x43],
            b"\x50\x51\x52\x53\x54\x55\x56\x57",
            b"\x60\x61\x62\x63\x64\x65\x66\x67\x68\x69\x6a\x6b\x6c\x6d\x6e\x6f",
        ];
        let leaves = entries.map(leaf_hash);
        for (count, want) in [
            (2, "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"),
            (3, "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77"),
            (8, "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"),
        ] {
            assert_eq!(hex(root_of(&leaves[..count])), want, "{count} leaves");
        }
    }

    #[test]
    fn an_entry_of_any_length_is_hashed_the_same_way() {
        for length in [0, 1, SHORT_BYTES - 1, SHORT_BYTES, SHORT_BYTES + 1, 65_535] {
            let entry = vec![7; length];
            let want = of(digest(&SHA256, &[&[0], entry.as_slice()].concat()));
            assert_eq!(leaf_hash(&entry), want, "{length} bytes");
        }
    }

    #[test]
    fn base64_has_one_form() {
        let text = leaf_hash(b"a").to_string();
        assert_eq!(Hash::from_base64(&text), Some(leaf_hash(b"a")));
        let mut other = text.clone();
        other.replace_range(42..43, if &text[42..43] == "A" { "B" } else { "A" });
        for bad in ["", "AAAA", text.trim_end_matches('='), &format!("{text}\n")] {
            assert_eq!(Hash::from_base64(bad), None, "{bad}");
        }
        assert_ne!(Hash::from_base64(&other), Some(leaf_hash(b"a")));
    }
}
