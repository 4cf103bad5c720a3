//! The right edge of a tree: the hashes of its partial tiles. It is all that appending needs to know.

use crate::hash::{Hash, empty_root, node_hash, root_of};
use crate::tile::{HEIGHT, LEVELS, Tile, WIDTH, hashes_at, width_at};

/// The right edge of a tree of a known size.
#[derive(Debug, Clone, Default)]
pub(crate) struct Edge {
    size: u64,
    /// Of each level from 0 on, the hashes of its last tile while that is not full. A full one is one hash above.
    levels: Vec<Vec<Hash>>,
}

impl Edge {
    /// The edge of a tree of that size whose partial tiles `read` knows.
    pub(crate) fn load<E>(size: u64, mut read: impl FnMut(Tile, usize) -> Result<Vec<Hash>, E>) -> Result<Self, E> {
        let mut edge = Self { size, levels: Vec::new() };
        for level in 0..LEVELS {
            let total = hashes_at(level, size);
            if total == 0 {
                break;
            }
            let tile = edge.tile(level);
            edge.levels.push(match width_at(tile.index, total) {
                0 => Vec::new(),
                width => read(tile, width)?,
            });
        }
        Ok(edge)
    }

    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// The tile of that level which is not full yet.
    pub(crate) fn tile(&self, level: u32) -> Tile {
        Tile::level(level, hashes_at(level, self.size) >> HEIGHT)
    }

    /// The partial tiles that are not empty, from level 0 on.
    pub(crate) fn partial_tiles(&self) -> impl DoubleEndedIterator<Item = (Tile, &[Hash])> {
        let tiles = (0..).zip(&self.levels).filter(|(_, hashes)| !hashes.is_empty());
        tiles.map(|(level, hashes)| (self.tile(level), hashes.as_slice())).collect::<Vec<_>>().into_iter()
    }

    /// The hashes of a tile, if it is one of these.
    pub(crate) fn hashes(&self, tile: Tile) -> Option<&[Hash]> {
        self.partial_tiles().find(|(partial, _)| *partial == tile).map(|(_, hashes)| hashes)
    }

    /// Appends the hash of an entry; returns the tiles that became full with it, from level 0 on.
    pub(crate) fn push(&mut self, leaf: Hash) -> Vec<(Tile, Vec<Hash>)> {
        let mut full = Vec::new();
        let mut carried = Some(leaf);
        let mut level = 0;
        while let Some(hash) = carried.take() {
            let tile = self.tile(level);
            let index = level as usize;
            if self.levels.len() <= index {
                self.levels.resize(index + 1, Vec::new());
            }
            if let Some(hashes) = self.levels.get_mut(index) {
                hashes.push(hash);
                if hashes.len() == WIDTH {
                    let hashes = std::mem::replace(hashes, Vec::with_capacity(WIDTH));
                    carried = Some(root_of(&hashes));
                    full.push((tile, hashes));
                }
            }
            level += 1;
        }
        self.size += 1;
        full
    }

    /// The hash of the whole tree: its largest perfect subtrees, from the right to the left.
    pub(crate) fn root(&self) -> Hash {
        let mut root = None;
        for hashes in &self.levels {
            let mut rest = hashes.as_slice();
            while !rest.is_empty() {
                // The last perfect subtree of a row is as large as the lowest bit of its width.
                let count = 1 << rest.len().trailing_zeros();
                let (left, last) = rest.split_at_checked(rest.len() - count).unwrap_or_default();
                let subtree = root_of(last);
                root = Some(root.map_or(subtree, |right| node_hash(&subtree, &right)));
                rest = left;
            }
        }
        root.unwrap_or_else(empty_root)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaf_hash;

    #[test]
    fn the_root_is_that_of_all_entries_at_every_size() {
        let mut edge = Edge::default();
        let mut leaves = Vec::new();
        assert_eq!(edge.root(), root_of(&leaves));
        for index in 0..1_100_u32 {
            let leaf = leaf_hash(&index.to_be_bytes());
            leaves.push(leaf);
            let full = edge.push(leaf);
            assert_eq!(full.is_empty(), leaves.len() % 256 != 0, "{index}");
            assert_eq!(edge.root(), root_of(&leaves), "{index}");
        }
    }

    #[test]
    fn tiles_become_full_in_each_level() {
        let mut edge = Edge::default();
        let full: Vec<_> = (0..65_536).flat_map(|_| edge.push(leaf_hash(b"same"))).collect();
        assert_eq!(full.len(), 257);
        assert_eq!(full[1].0, Tile::level(0, 1));
        assert_eq!(full[256].0, Tile::level(1, 0));
        assert_eq!(
            edge.partial_tiles().map(|(tile, hashes)| (tile, hashes.len())).collect::<Vec<_>>(),
            [(Tile::level(2, 0), 1)]
        );
    }
}
