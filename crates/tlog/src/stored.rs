//! The files of a log's rows as they are read: each under the bound of its width, in its form, and a bundle held against
//! the hashes of its entries.

use crate::bundle::Bundle;
use crate::error::{Damage, LogError};
use crate::files::{Files, read_if_there};
use crate::hash::{Hash, leaf_hash};
use crate::keys::KeyChain;
use crate::pruned;
use crate::tile::{self, Tile, WIDTH};

/// A file of a row: its name, its bytes, and how many hashes or entries it has.
pub(crate) struct Stored {
    pub(crate) path: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) has: usize,
    /// How many of them belong to the tree.
    pub(crate) wanted: usize,
}

impl Stored {
    /// The hashes of a tile that belong to the tree.
    pub(crate) fn hashes(self) -> Result<Vec<Hash>, Damage> {
        let mut hashes = tile::decode(&self.bytes, self.has)
            .ok_or_else(|| Damage::new(self.path, "has not the length of a tile of its width"))?;
        hashes.truncate(self.wanted);
        Ok(hashes)
    }
}

/// A tile or bundle of that width. A partial file may be gone once the full one is there, of which it is the beginning.
pub(crate) fn read_tile(files: &dyn Files, tile: Tile, width: usize) -> Result<Option<Stored>, LogError> {
    match read_form(files, tile, width, width)? {
        Some(stored) => Ok(Some(stored)),
        None => read_form(files, tile, WIDTH, width),
    }
}

/// A partial file of the last checkpoint. A writer has not removed it, so no full file is taken for it: what stands
/// beyond the checkpoint is dropped.
pub(crate) fn read_own(files: &dyn Files, tile: Tile, width: usize) -> Result<Stored, LogError> {
    read_form(files, tile, width, width)?.ok_or_else(|| Damage::missing(tile.path(width)).into())
}

fn read_form(files: &dyn Files, tile: Tile, has: usize, wanted: usize) -> Result<Option<Stored>, LogError> {
    let path = tile.path(has);
    let bytes = read_if_there(files, &path, tile.bytes_max(has))?;
    Ok(bytes.map(|bytes| Stored { path, bytes, has, wanted }))
}

/// The first `width` hashes of a tile.
pub(crate) fn read_hashes(files: &dyn Files, tile: Tile, width: usize) -> Result<Vec<Hash>, LogError> {
    let stored = read_tile(files, tile, width)?.ok_or_else(|| Damage::missing(tile.path(width)))?;
    Ok(stored.hashes()?)
}

/// A bundle. It may have been pruned since the log's head was read.
pub(crate) fn read_bundle(files: &dyn Files, chain: &KeyChain, index: u64, width: usize) -> Result<Stored, LogError> {
    let (tile, first) = (Tile::entries(index), index * WIDTH as u64);
    if let Some(stored) = read_tile(files, tile, width)? {
        return Ok(stored);
    }
    let kept_from = pruned::kept_from(files, chain)?;
    Err(match first < kept_from {
        true => LogError::Pruned { index: first, kept_from },
        false => Damage::missing(tile.path(width)).into(),
    })
}

/// The entries of a bundle, if each is the one that was logged.
pub(crate) fn check_bundle<'a>(stored: &'a Stored, hashes: &[Hash], first: u64) -> Result<Vec<&'a [u8]>, Damage> {
    let bundle = Bundle::parse(&stored.bytes, stored.has)
        .map_err(|_| Damage::new(&stored.path, "has not the form of an entry bundle of its width"))?;
    let wrong = bundle.entries().iter().zip(hashes).position(|(entry, hash)| leaf_hash(entry) != *hash);
    match wrong {
        Some(place) => Err(Damage {
            entry: Some(first.saturating_add(place as u64)),
            ..Damage::new(&stored.path, "holds another entry than was logged")
        }),
        None => Ok(bundle.entries().iter().take(stored.wanted).copied().collect()),
    }
}
