//! Reading a log: entries, and proofs that need no log. It trusts one key and the signatures that lead from it.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::SignedCheckpoint;
use crate::error::{Damage, LogError};
use crate::files::Files;
use crate::hash::Hash;
use crate::head::Head;
use crate::keys::KeyChain;
use crate::note::VerifierKey;
use crate::proof::Proof;
use crate::stored::{check_bundle, read_bundle, read_hashes};
use crate::tile::{Tile, WIDTH, width_at};
use crate::tree::{Tiles, Tree, verify_consistency, verify_inclusion};

/// A log as of one checkpoint. Others may append meanwhile; to see it, open it anew.
pub struct Reader {
    files: Arc<dyn Files>,
    head: Head,
}

impl Reader {
    /// The log as it stands now, if the trusted key is one of its keys.
    pub fn open(files: Arc<dyn Files>, trusted: &VerifierKey) -> Result<Self, LogError> {
        let head = Head::load(&*files, trusted)?;
        Ok(Self::at(files, head))
    }

    /// The log as of this head.
    pub(crate) fn at(files: Arc<dyn Files>, head: Head) -> Self {
        Self { files, head }
    }

    /// The checkpoint that everything read here belongs to.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.head.checkpoint
    }

    /// The keys that sign the log.
    pub fn keys(&self) -> &KeyChain {
        &self.head.chain
    }

    /// The number of entries.
    pub fn size(&self) -> u64 {
        self.head.size()
    }

    /// The first entry that was not pruned.
    pub fn kept_from(&self) -> u64 {
        self.head.kept_from
    }

    /// One entry.
    pub fn entry(&self, index: u64) -> Result<Vec<u8>, LogError> {
        let size = self.size();
        match self.entries(index..index.saturating_add(1)).next() {
            Some(entry) => entry.map(|(_, entry)| entry),
            None => Err(LogError::NoEntry { index, size }),
        }
    }

    /// The entries in that range, as far as it is in the log, with their places. One bundle at a time is in memory; each
    /// entry is held against its hash in the tree's lowest tiles; that those lead to the root, `prove` and `verify` tell.
    pub fn entries(&self, range: Range<u64>) -> Entries<'_> {
        Entries { reader: self, next: range.start, end: range.end.min(self.size()), bundle: Vec::new().into_iter() }
    }

    /// The proof that the entry at this place is in the log. It may have been pruned.
    pub fn prove(&self, index: u64, extra: Option<Vec<u8>>) -> Result<Proof, LogError> {
        if index >= self.size() {
            return Err(LogError::NoEntry { index, size: self.size() });
        }
        let mut tree = self.tree();
        let leaf = tree.range(index, index + 1)?;
        let path = tree.inclusion_proof(index)?;
        let checkpoint = self.head.checkpoint.checkpoint();
        if !verify_inclusion(leaf, index, checkpoint.size, &path, checkpoint.root) {
            return Err(self.tree_damage());
        }
        Ok(Proof { extra, index, path, checkpoint: self.head.checkpoint.clone() })
    }

    /// The proof that the log continues its own beginning of `first` entries, for `verify_consistency`.
    pub fn consistency_proof(&self, first: u64) -> Result<Vec<Hash>, LogError> {
        if first > self.size() {
            return Err(LogError::NoEntry { index: first, size: self.size() });
        }
        self.tree().consistency_proof(first)
    }

    /// Whether the log continues a checkpoint that was kept elsewhere.
    pub fn check_pinned(&self, pinned: &SignedCheckpoint) -> Result<(), LogError> {
        let untrusted = |_| LogError::Pinned("the checkpoint is not signed by a key of the log that was in force");
        let pinned = self.head.chain.verify(pinned).map_err(untrusted)?;
        if pinned.size > self.size() {
            return Err(LogError::Pinned("the log is shorter"));
        }
        let proof = self.consistency_proof(pinned.size)?;
        let checkpoint = self.head.checkpoint.checkpoint();
        match verify_consistency((pinned.size, pinned.root), (checkpoint.size, checkpoint.root), &proof) {
            true => Ok(()),
            false => Err(LogError::Pinned("its entries up to there are others")),
        }
    }

    fn tree(&self) -> Tree<StoredTiles<'_>> {
        Tree { size: self.size(), tiles: StoredTiles { files: &*self.files, read: HashMap::new() } }
    }

    /// What a proof that does not lead to the root says; `verify` finds the place.
    fn tree_damage(&self) -> LogError {
        Damage::new("tile", "does not lead to the checkpoint's root").into()
    }

    /// The entries of a bundle, held against their hashes.
    fn bundle(&self, index: u64) -> Result<Vec<Vec<u8>>, LogError> {
        let width = width_at(index, self.size());
        let hashes = read_hashes(&*self.files, Tile::level(0, index), width)?;
        let first = index * WIDTH as u64;
        let stored = read_bundle(&*self.files, &self.head.chain, index, width)?;
        let entries = check_bundle(&stored, &hashes, first)?;
        Ok(entries.into_iter().map(<[u8]>::to_vec).collect())
    }
}

/// Entries with their places, in their order; it ends after the first error.
pub struct Entries<'a> {
    reader: &'a Reader,
    next: u64,
    end: u64,
    bundle: std::vec::IntoIter<Vec<u8>>,
}

impl Entries<'_> {
    fn load(&mut self) -> Result<(), LogError> {
        let kept_from = self.reader.kept_from();
        if self.next < kept_from {
            return Err(LogError::Pruned { index: self.next, kept_from });
        }
        self.bundle = self.reader.bundle(self.next / WIDTH as u64)?.into_iter();
        // INVARIANT: below 256. The range may begin inside a bundle.
        let inside = usize::try_from(self.next % WIDTH as u64).unwrap_or(0);
        self.bundle.by_ref().take(inside).for_each(drop);
        Ok(())
    }
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Vec<u8>), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.end {
            return None;
        }
        if self.bundle.len() == 0
            && let Err(error) = self.load()
        {
            self.end = 0;
            return Some(Err(error));
        }
        let index = self.next;
        self.next += 1;
        self.bundle.next().map(|entry| Ok((index, entry)))
    }
}

/// Tiles, each read once.
struct StoredTiles<'a> {
    files: &'a dyn Files,
    read: HashMap<String, Vec<Hash>>,
}

impl Tiles for StoredTiles<'_> {
    type Error = LogError;

    fn hashes(&mut self, tile: Tile, width: usize) -> Result<Vec<Hash>, LogError> {
        match self.read.entry(tile.path(width)) {
            Entry::Occupied(hashes) => Ok(hashes.get().clone()),
            Entry::Vacant(place) => Ok(place.insert(read_hashes(self.files, tile, width)?).clone()),
        }
    }
}
