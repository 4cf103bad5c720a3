//! Verifying a whole log, offline, from its directory and one public key.
//!
//! From the top down: the signed checkpoint has the root, the root is made of the right edge's tiles, each tile of the
//! hashes below it, the lowest hashes of the entries. So whatever does not fit is what was changed.

use std::sync::Arc;

use crate::bundle::Bundle;
use crate::checkpoint::SignedCheckpoint;
use crate::edge::Edge;
use crate::error::{Damage, LogError};
use crate::files::{Files, list_if_there, read_if_there};
use crate::hash::{Hash, leaf_hash, root_of};
use crate::head::{CHECKPOINT, Head};
use crate::keys::KeyChain;
use crate::note::VerifierKey;
use crate::pruned;
use crate::reader::{Reader, check_bundle, read_hashes, read_tile};
use crate::tile::{self, HEIGHT, Row, Tile, WIDTH, hashes_at, width_at};

/// What was verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// The checkpoint that the log was held against.
    pub checkpoint: SignedCheckpoint,
    /// How many entries were held against it.
    pub entries: u64,
    /// Entries from this one on are kept; those before may be pruned.
    pub kept_from: u64,
    /// The keys that have signed the log since it began.
    pub keys: KeyChain,
}

/// Verifies every file of a log, and that it continues a checkpoint that was kept elsewhere, if there is one.
/// `progress` is told how many entries are done, of how many.
pub fn verify(
    files: Arc<dyn Files>,
    trusted: &VerifierKey,
    pinned: Option<&SignedCheckpoint>,
    progress: &mut dyn FnMut(u64, u64),
) -> Result<Report, LogError> {
    let head = Head::load(&*files, trusted)?;
    let size = head.size();
    let edge = Edge::load(size, |tile, width| read_hashes(&*files, tile, width))?;
    let mut walk = Walk { files: &*files, head: &head, done: 0, verified: 0, progress };
    if edge.root() != head.checkpoint.checkpoint().root {
        return Err(walk.blame_edge(&edge).into());
    }
    for (tile, hashes) in edge.partial_tiles().rev() {
        walk.below(tile, hashes)?;
        walk.superseded(tile, &tile::encode(hashes), &|width| width * crate::hash::HASH_BYTES)?;
    }
    walk.superseded_bundles()?;
    let entries = walk.verified;
    if let Some(pinned) = pinned {
        Reader::at(Arc::clone(&files), head.clone()).check_pinned(pinned)?;
    }
    Ok(Report { entries, kept_from: head.kept_from, keys: head.chain, checkpoint: head.checkpoint })
}

struct Walk<'a> {
    files: &'a dyn Files,
    head: &'a Head,
    /// Entries that were passed, pruned or not.
    done: u64,
    verified: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

impl Walk<'_> {
    /// What a tile's hashes stand for.
    fn below(&mut self, tile: Tile, hashes: &[Hash]) -> Result<(), LogError> {
        let first = tile.index * WIDTH as u64;
        match tile.row {
            Row::Entries | Row::Level(0) => self.entries(tile.index, hashes),
            Row::Level(level) => {
                let tiles = (first..).map(|index| Tile::level(level - 1, index));
                tiles.zip(hashes).try_for_each(|(tile, hash)| self.full(tile, *hash))
            }
        }
    }

    /// A full tile, whose hash the tile above has.
    fn full(&mut self, tile: Tile, hash: Hash) -> Result<(), LogError> {
        let hashes = read_hashes(self.files, tile, WIDTH)?;
        if root_of(&hashes) != hash {
            return Err(Damage::new(tile.path(WIDTH), "does not have the hash that the tile above it has").into());
        }
        self.below(tile, &hashes)
    }

    fn entries(&mut self, index: u64, hashes: &[Hash]) -> Result<(), LogError> {
        let first = index * WIDTH as u64;
        let tile = Tile::entries(index);
        match read_tile(self.files, tile, hashes.len())? {
            Some(stored) => {
                check_bundle(&stored, hashes, first)?;
                self.verified += hashes.len() as u64;
            }
            // It may have been pruned since the head was read.
            None if first < pruned::kept_from(self.files, &self.head.chain)? => {}
            None => return Err(Damage::new(tile.path(hashes.len()), "is missing").into()),
        }
        self.done += hashes.len() as u64;
        (self.progress)(self.done, self.head.size());
        Ok(())
    }

    /// Narrower forms of a partial file, of earlier checkpoints: each must be its beginning.
    fn superseded(&self, tile: Tile, bytes: &[u8], beginning: &dyn Fn(usize) -> usize) -> Result<(), LogError> {
        let folder = tile.partial_folder();
        let total = match tile.row {
            Row::Entries => self.head.size(),
            Row::Level(level) => hashes_at(level, self.head.size()),
        };
        let widest = width_at(tile.index, total);
        for name in list_if_there(self.files, &folder)? {
            let Some(width) = name.parse().ok().filter(|width| (1..widest).contains(width)) else { continue };
            let path = format!("{folder}/{name}");
            // The log may be written to meanwhile, and it be gone.
            let Some(narrower) = read_if_there(self.files, &path)? else { continue };
            if bytes.get(..beginning(width)) != Some(narrower.as_slice()) {
                return Err(Damage::new(path, "is not the beginning of what followed it").into());
            }
        }
        Ok(())
    }

    fn superseded_bundles(&self) -> Result<(), LogError> {
        let size = self.head.size();
        let tile = Tile::entries(size >> HEIGHT);
        let width = width_at(tile.index, size);
        if width == 0 {
            return Ok(());
        }
        let Some(stored) = read_tile(self.files, tile, width)? else { return Ok(()) };
        let Ok(bundle) = Bundle::parse(&stored.bytes, stored.has) else { return Ok(()) };
        self.superseded(tile, &stored.bytes, &|width| bundle.beginning(width))
    }

    /// Which tile of the right edge is why it does not have the checkpoint's root: the one that, made anew of what is
    /// below it, gives that root.
    fn blame_edge(&self, edge: &Edge) -> Damage {
        let root = self.head.checkpoint.checkpoint().root;
        for (tile, hashes) in edge.partial_tiles() {
            let Some(anew) = self.made_anew(tile, hashes.len()) else { continue };
            let mended = Edge::load(edge.size(), |other, _| {
                let kept = edge.partial_tiles().find(|(tile, _)| *tile == other).map(|(_, hashes)| hashes.to_vec());
                let hashes = if other == tile { Some(anew.clone()) } else { kept };
                hashes.ok_or(())
            });
            if mended.is_ok_and(|mended| mended.root() == root) {
                return Damage::new(tile.path(hashes.len()), "does not have the hashes of what is below it");
            }
        }
        Damage::new(CHECKPOINT, "has another root than the tiles at the end of the log")
    }

    fn made_anew(&self, tile: Tile, width: usize) -> Option<Vec<Hash>> {
        match tile.row {
            Row::Entries | Row::Level(0) => {
                let stored = read_tile(self.files, Tile::entries(tile.index), width).ok()??;
                let bundle = Bundle::parse(&stored.bytes, stored.has).ok()?;
                Some(bundle.entries().iter().take(width).map(|entry| leaf_hash(entry)).collect())
            }
            Row::Level(level) => {
                let below = (tile.index * WIDTH as u64..).take(width).map(|index| Tile::level(level - 1, index));
                below.map(|tile| read_hashes(self.files, tile, WIDTH).ok().map(|hashes| root_of(&hashes))).collect()
            }
        }
    }
}
