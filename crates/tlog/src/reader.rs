//! Reading a log: entries, and proofs that need no log. It trusts one key and the signatures that lead from it.

use std::ops::Range;
use std::sync::Arc;

use crate::checkpoint::SignedCheckpoint;
use crate::edge::Edge;
use crate::error::{Damage, LogError};
use crate::files::Files;
use crate::hash::Hash;
use crate::head::Head;
use crate::keys::KeyChain;
use crate::note::VerifierKey;
use crate::proof::Proof;
use crate::rows::Rows;
use crate::stored::read_hashes;
use crate::tile::WIDTH;
use crate::tree::{Tree, verify_consistency};

/// A log as of one checkpoint. Others may append meanwhile; to see it, open it anew. Whatever it hands out leads to the
/// root of that checkpoint.
pub struct Reader {
    files: Arc<dyn Files>,
    head: Head,
    edge: Edge,
}

impl Reader {
    /// The log as it stands now, if the trusted key is one of its keys.
    pub fn open(files: Arc<dyn Files>, trusted: &VerifierKey) -> Result<Self, LogError> {
        let head = Head::load(&*files, trusted)?;
        let edge = Edge::load(head.size(), |tile, width| read_hashes(&*files, tile, width))?;
        match edge.root() == head.checkpoint.checkpoint().root {
            true => Ok(Self::at(files, head, edge)),
            false => Err(Damage::other_root().into()),
        }
    }

    /// The log as of this head, whose root this edge has.
    pub(crate) fn at(files: Arc<dyn Files>, head: Head, edge: Edge) -> Self {
        Self { files, head, edge }
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

    /// The entries in that range, as far as it is in the log, with their places. One bundle at a time is in memory.
    pub fn entries(&self, range: Range<u64>) -> Entries<'_> {
        let end = range.end.min(self.size());
        Entries {
            rows: self.rows(),
            kept_from: self.kept_from(),
            next: range.start,
            end,
            bundle: Vec::new().into_iter(),
        }
    }

    /// The proof that the entry at this place is in the log. It may have been pruned.
    pub fn prove(&self, index: u64, extra: Option<Vec<u8>>) -> Result<Proof, LogError> {
        if index >= self.size() {
            return Err(LogError::NoEntry { index, size: self.size() });
        }
        let path = self.tree().inclusion_proof(index)?;
        Ok(Proof { extra, index, path, checkpoint: self.head.checkpoint.clone() })
    }

    /// The hash of the perfect subtree of `2^height` entries from `first` on, a multiple of as many.
    pub fn subtree_hash(&self, first: u64, height: u32) -> Result<Hash, LogError> {
        let end = 1_u64.checked_shl(height).and_then(|count| first.checked_add(count));
        match end.filter(|end| *end <= self.size() && first.is_multiple_of(1 << height)) {
            Some(end) => self.tree().range(first, end),
            None => Err(LogError::NoEntry { index: end.unwrap_or(u64::MAX), size: self.size() }),
        }
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

    fn rows(&self) -> Rows<'_> {
        Rows::new(&*self.files, &self.head, &self.edge)
    }

    fn tree(&self) -> Tree<Rows<'_>> {
        Tree { size: self.size(), tiles: self.rows() }
    }
}

/// Entries with their places, in their order; it ends after the first error.
pub struct Entries<'a> {
    rows: Rows<'a>,
    kept_from: u64,
    next: u64,
    end: u64,
    bundle: std::vec::IntoIter<Vec<u8>>,
}

impl Entries<'_> {
    fn load(&mut self) -> Result<(), LogError> {
        if self.next < self.kept_from {
            return Err(LogError::Pruned { index: self.next, kept_from: self.kept_from });
        }
        // INVARIANT: below 256. The range may begin inside a bundle.
        let inside = usize::try_from(self.next % WIDTH as u64).unwrap_or(0);
        let owned = |entries: &[&[u8]]| entries.iter().skip(inside).map(|entry| entry.to_vec()).collect::<Vec<_>>();
        self.bundle = self.rows.bundle(self.next / WIDTH as u64, owned)?.into_iter();
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
