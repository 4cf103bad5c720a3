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
use crate::head::Head;
use crate::keys::KeyChain;
use crate::note::VerifierKey;
use crate::reader::Reader;
use crate::rows::Rows;
use crate::stored::{read_hashes, read_tile};
use crate::tile::{self, HEIGHT, Row, Tile, WIDTH, hashes_at, width_at, width_named};

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
    let whole = Whole { files: &*files, head: &head, edge: &edge };
    if edge.root() != head.checkpoint.checkpoint().root {
        return Err(whole.blame_edge().into());
    }
    let entries = whole.entries(progress)?;
    whole.superseded_tiles()?;
    whole.superseded_bundles()?;
    let (checkpoint, kept_from, keys) = (head.checkpoint.clone(), head.kept_from, head.chain.clone());
    if let Some(pinned) = pinned {
        Reader::at(Arc::clone(&files), head, edge).check_pinned(pinned)?;
    }
    Ok(Report { checkpoint, entries, kept_from, keys })
}

/// All that stands in a log's directory.
struct Whole<'a> {
    files: &'a dyn Files,
    head: &'a Head,
    edge: &'a Edge,
}

impl Whole<'_> {
    /// Every entry, and with them every full tile, since each leads to some. Returns how many were there.
    fn entries(&self, progress: &mut dyn FnMut(u64, u64)) -> Result<u64, LogError> {
        let (mut rows, size) = (Rows::new(self.files, self.head, self.edge), self.head.size());
        let mut verified = 0;
        for index in 0..size.div_ceil(WIDTH as u64) {
            match rows.bundle(index, |entries| entries.len() as u64) {
                Ok(count) => verified += count,
                Err(LogError::Pruned { .. }) => {}
                Err(error) => return Err(error),
            }
            progress((index + 1).saturating_mul(WIDTH as u64).min(size), size);
        }
        Ok(verified)
    }

    fn superseded_tiles(&self) -> Result<(), LogError> {
        let mut tiles = self.edge.partial_tiles().rev();
        tiles
            .try_for_each(|(tile, hashes)| self.superseded(tile, &tile::encode(hashes), &|width| tile.bytes_max(width)))
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
            let Some(width) = width_named(&name).filter(|width| *width < widest) else { continue };
            let path = format!("{folder}/{name}");
            // The log may be written to meanwhile, and it be gone.
            let Some(narrower) = read_if_there(self.files, &path, tile.bytes_max(width))? else { continue };
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
    fn blame_edge(&self) -> Damage {
        let edge = self.edge;
        let root = self.head.checkpoint.checkpoint().root;
        for (tile, hashes) in edge.partial_tiles() {
            let Some(anew) = self.made_anew(tile, hashes.len()) else { continue };
            let mended = Edge::load(edge.size(), |other, _| {
                let kept = edge.hashes(other).map(<[Hash]>::to_vec);
                let hashes = if other == tile { Some(anew.clone()) } else { kept };
                hashes.ok_or(())
            });
            if mended.is_ok_and(|mended| mended.root() == root) {
                return Damage::new(tile.path(hashes.len()), "does not have the hashes of what is below it");
            }
        }
        Damage::other_root()
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
