//! The rows of a log, held against its signed root as they are read: an entry has the hash in its level-0 tile, a full
//! tile the hash in the tile above it, and the tiles at the right edge give the root.

use crate::edge::Edge;
use crate::error::{Damage, LogError};
use crate::files::Files;
use crate::hash::{Hash, root_of};
use crate::head::Head;
use crate::stored::{check_bundle, read_bundle, read_hashes};
use crate::tile::{HEIGHT, LEVELS, Tile, WIDTH, width_at};
use crate::tree::Tiles;

/// Tiles and entries that lead to the root. The path that was walked last is kept, so that what is read in its order is
/// checked at the cost of about one tile for each bundle.
pub(crate) struct Rows<'a> {
    files: &'a dyn Files,
    head: &'a Head,
    edge: &'a Edge,
    /// Of each level, the full tile that was checked last.
    path: [Option<(u64, Vec<Hash>)>; LEVELS as usize],
}

impl<'a> Rows<'a> {
    /// The rows of this head, of whose root somebody made sure that this edge has it.
    pub(crate) fn new(files: &'a dyn Files, head: &'a Head, edge: &'a Edge) -> Self {
        Self { files, head, edge, path: Default::default() }
    }

    /// What `take` makes of the entries of a bundle. The hashes are checked even if the entries were pruned.
    pub(crate) fn bundle<T>(&mut self, index: u64, take: impl FnOnce(&[&[u8]]) -> T) -> Result<T, LogError> {
        let (files, chain) = (self.files, &self.head.chain);
        let width = width_at(index, self.head.size());
        let hashes = self.tile(0, index)?;
        let stored = read_bundle(files, chain, index, width)?;
        Ok(take(&check_bundle(&stored, hashes, index * WIDTH as u64)?))
    }

    /// A tile of the tree.
    fn tile(&mut self, level: u32, index: u64) -> Result<&[Hash], LogError> {
        let tile = Tile::level(level, index);
        if let Some(hashes) = self.edge.hashes(tile) {
            return Ok(hashes);
        }
        let place = level as usize;
        if !matches!(self.path.get(place), Some(Some((known, _))) if *known == index) {
            // INVARIANT: at or below the highest tile of the edge, so there is one above.
            let inside = usize::try_from(index % WIDTH as u64).unwrap_or(0);
            let hash = if level < LEVELS { self.tile(level + 1, index >> HEIGHT)?.get(inside).copied() } else { None };
            let hashes = read_hashes(self.files, tile, WIDTH)?;
            if hash != Some(root_of(&hashes)) {
                return Err(Damage::new(tile.path(WIDTH), "does not have the hash that the tile above it has").into());
            }
            if let Some(checked) = self.path.get_mut(place) {
                *checked = Some((index, hashes));
            }
        }
        Ok(self.path.get(place).and_then(Option::as_ref).map_or(&[], |(_, hashes)| hashes))
    }
}

impl Tiles for Rows<'_> {
    type Error = LogError;

    fn hashes(&mut self, level: u32, index: u64) -> Result<Vec<Hash>, LogError> {
        self.tile(level, index).map(<[Hash]>::to_vec)
    }
}
