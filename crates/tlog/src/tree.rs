//! Proofs: made of the tree's nodes, and checked without the tree.
//!
//! Source: RFC 9162, sections 2.1.3 (inclusion) and 2.1.4 (consistency); the trees are those of RFC 6962.

use crate::hash::{Hash, node_hash, root_of};
use crate::tile::{HEIGHT, WIDTH, hashes_at};

/// Where the hashes of a tree's tiles come from.
pub(crate) trait Tiles {
    type Error;

    /// The hashes of the tile at that place of the tree.
    fn hashes(&mut self, level: u32, index: u64) -> Result<Vec<Hash>, Self::Error>;
}

/// A tree of that size.
pub(crate) struct Tree<T> {
    pub(crate) tiles: T,
    pub(crate) size: u64,
}

impl<T: Tiles> Tree<T> {
    /// RFC 9162, section 2.1.3.1: the hashes that lead from this entry to the root, the entry's neighbour first.
    pub(crate) fn inclusion_proof(&mut self, index: u64) -> Result<Vec<Hash>, T::Error> {
        let mut path = Vec::new();
        let (mut from, mut to) = (0, self.size);
        while to - from > 1 {
            let middle = from + split(to - from);
            if index < middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        path.reverse();
        Ok(path)
    }

    /// RFC 9162, section 2.1.4.1: that this tree continues its own beginning of `first` entries.
    pub(crate) fn consistency_proof(&mut self, first: u64) -> Result<Vec<Hash>, T::Error> {
        let mut path = Vec::new();
        if first == 0 || first >= self.size {
            return Ok(path);
        }
        let (mut from, mut to) = (0, self.size);
        // The subtree that the beginning ends with. It is left out of the proof if it is the whole beginning.
        while to != first {
            let middle = from + split(to - from);
            if first <= middle {
                path.push(self.range(middle, to)?);
                to = middle;
            } else {
                path.push(self.range(from, middle)?);
                from = middle;
            }
        }
        if from > 0 {
            path.push(self.range(from, to)?);
        }
        path.reverse();
        Ok(path)
    }

    /// The hash of the entries `from..to`, where `from` is a multiple of the least power of two that holds them.
    pub(crate) fn range(&mut self, from: u64, to: u64) -> Result<Hash, T::Error> {
        match to - from {
            0 => Ok(root_of(&[])),
            count if count.is_power_of_two() => self.node(count.trailing_zeros(), from),
            count => {
                let middle = from + split(count);
                Ok(node_hash(&self.range(from, middle)?, &self.range(middle, to)?))
            }
        }
    }

    /// The perfect subtree of `2^height` entries from `from` on.
    fn node(&mut self, height: u32, from: u64) -> Result<Hash, T::Error> {
        let level = height / HEIGHT;
        let first = hashes_at(level, from);
        let hashes = self.tiles.hashes(level, first >> HEIGHT)?;
        // INVARIANT: below 256, and the subtree ends inside the tile, since both are powers of two.
        let offset = usize::try_from(first % WIDTH as u64).unwrap_or(0);
        let parts = hashes.iter().skip(offset).take(1 << (height % HEIGHT));
        Ok(root_of(&parts.copied().collect::<Vec<_>>()))
    }
}

/// Whether the proof leads from the entry's hash to the root. RFC 9162, section 2.1.3.2.
pub fn verify_inclusion(leaf: Hash, index: u64, size: u64, proof: &[Hash], root: Hash) -> bool {
    if index >= size {
        return false;
    }
    let (mut node, mut last) = (index, size - 1);
    let mut hash = leaf;
    for sibling in proof {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            hash = node_hash(sibling, &hash);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            hash = node_hash(&hash, sibling);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && hash == root
}

/// Whether the proof shows that the second tree continues the first. RFC 9162, section 2.1.4.2.
pub fn verify_consistency(first: (u64, Hash), second: (u64, Hash), proof: &[Hash]) -> bool {
    let ((size, root), (second_size, second_root)) = (first, second);
    if size == 0 {
        return proof.is_empty() && root == root_of(&[]);
    }
    if size >= second_size {
        return proof.is_empty() && first == second;
    }
    // A beginning that is a perfect subtree is not repeated by the proof.
    let (start, path) = match (size.is_power_of_two(), proof.split_first()) {
        (true, _) => (root, proof),
        (false, Some((start, path))) => (*start, path),
        (false, None) => return false,
    };
    let (mut node, mut last) = (size - 1, second_size - 1);
    while node & 1 == 1 {
        node >>= 1;
        last >>= 1;
    }
    let (mut old, mut new) = (start, start);
    for hash in path {
        if last == 0 {
            return false;
        }
        if node & 1 == 1 || node == last {
            old = node_hash(hash, &old);
            new = node_hash(hash, &new);
            while node & 1 == 0 && node != 0 {
                node >>= 1;
                last >>= 1;
            }
        } else {
            new = node_hash(&new, hash);
        }
        node >>= 1;
        last >>= 1;
    }
    last == 0 && old == root && new == second_root
}

/// The largest power of two below `count`, which is at least 2.
fn split(count: u64) -> u64 {
    1 << (count - 1).ilog2()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::leaf_hash;

    /// All leaves; tiles are computed from them, apart from the code that writes tiles.
    struct Leaves(Vec<Hash>);

    impl Tiles for &Leaves {
        type Error = std::convert::Infallible;

        fn hashes(&mut self, level: u32, index: u64) -> Result<Vec<Hash>, Self::Error> {
            let of_one = 256_usize.pow(level);
            let from = index as usize * 256 * of_one;
            Ok(self.0[from..].chunks(of_one).take(256).map(mth).collect())
        }
    }

    /// RFC 6962, section 2.1, as it stands there.
    fn mth(leaves: &[Hash]) -> Hash {
        match leaves {
            [] => root_of(&[]),
            [leaf] => *leaf,
            _ => {
                let mut k = 1;
                while k * 2 < leaves.len() {
                    k *= 2;
                }
                node_hash(&mth(&leaves[..k]), &mth(&leaves[k..]))
            }
        }
    }

    fn leaves(count: usize) -> Leaves {
        Leaves((0..count).map(|index| leaf_hash(&index.to_be_bytes())).collect())
    }

    #[test]
    fn every_proof_of_small_trees_is_accepted_in_its_place_only() {
        let all = leaves(40);
        let root = |size: u64| mth(&all.0[..size as usize]);
        for size in 1..40 {
            let mut tree = Tree { tiles: &all, size };
            assert_eq!(tree.range(0, size).unwrap(), root(size), "{size}");
            for index in 0..size {
                let proof = tree.inclusion_proof(index).unwrap();
                for other in 0..=size {
                    let leaf = all.0[index as usize];
                    let accepted = verify_inclusion(leaf, other, size, &proof, root(size));
                    assert_eq!(accepted, other == index, "entry {index} as {other} of {size}");
                }
            }
            for first in 0..=size {
                let proof = tree.consistency_proof(first).unwrap();
                for other in 0..=size {
                    let accepted = verify_consistency((other, root(other)), (size, root(size)), &proof);
                    // From nothing, and to itself, nothing needs to be proved.
                    let same = other == first || proof.is_empty() && (other == 0 || other == size);
                    assert_eq!(accepted, same, "{first} as {other} of {size}");
                    assert!(!verify_consistency((other, leaf_hash(b"x")), (size, root(size)), &proof));
                    assert!(!verify_consistency((other, root(other)), (size, leaf_hash(b"x")), &proof) || other == 0);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(60))]
        #[test]
        fn proofs_of_larger_trees(size in 1_usize..3_000, index in 0_usize..3_000, flipped in 0_usize..4_000) {
            let all = leaves(size);
            let (root, index) = (mth(&all.0), index % size);
            let mut tree = Tree { tiles: &all, size: size as u64 };
            let mut path = tree.inclusion_proof(index as u64).unwrap();
            prop_assert!(verify_inclusion(all.0[index], index as u64, size as u64, &path, root));
            let first = (index as u64, mth(&all.0[..index]));
            let mut consistency = tree.consistency_proof(index as u64).unwrap();
            prop_assert!(verify_consistency(first, (size as u64, root), &consistency));
            for proof in [&mut path, &mut consistency] {
                let count = proof.len().max(1);
                if let Some(hash) = proof.get_mut(flipped % count) {
                    let mut bytes = *hash.as_bytes();
                    bytes[flipped % 32] ^= 1;
                    *hash = Hash::from_bytes(bytes);
                }
            }
            prop_assert!(path.is_empty() || !verify_inclusion(all.0[index], index as u64, size as u64, &path, root));
            prop_assert!(consistency.is_empty() || !verify_consistency(first, (size as u64, root), &consistency));
        }
    }
}
