//! The proof of one entry, as a text that is checked without the log. Source: C2SP tlog-proof.

use std::fmt;
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::hash::{Hash, leaf_hash};
use crate::keys::KeyChain;
use crate::note::NoteError;
use crate::tree::verify_inclusion;

const TITLE: &str = "c2sp.org/tlog-proof@v1";

/// No path to the root is longer, since a tree has at most 2^64 entries.
const PATH_MAX: usize = 64;

/// That an entry stands at its place in the log of a checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proof {
    /// Whatever the one who made it put beside it. The proof does not vouch for it.
    pub extra: Option<Vec<u8>>,
    /// The entry's place, from 0.
    pub index: u64,
    /// The hashes that lead from the entry to the root.
    pub path: Vec<Hash>,
    /// The checkpoint that has this root.
    pub checkpoint: SignedCheckpoint,
}

/// Why a proof proves nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// The text has another form.
    #[error("it is not a proof of the form {TITLE}")]
    Form,
    /// The entry is not the one that was logged there.
    #[error("the entry is not in the log of this checkpoint at that place")]
    NotIncluded,
    /// The checkpoint is not the log's.
    #[error("the checkpoint is not to be trusted: {0}")]
    Untrusted(#[from] NoteError),
}

impl Proof {
    /// Proves that this entry is in the log, or says why not; returns the checkpoint that vouches for it.
    pub fn check(&self, entry: &[u8], keys: &KeyChain) -> Result<Checkpoint, ProofError> {
        let checkpoint = keys.verify(&self.checkpoint)?;
        match verify_inclusion(leaf_hash(entry), self.index, checkpoint.size, &self.path, checkpoint.root) {
            true => Ok(checkpoint),
            false => Err(ProofError::NotIncluded),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        let (head, checkpoint) = text.split_once("\n\n")?;
        let mut lines = head.split('\n').peekable();
        if lines.next()? != TITLE {
            return None;
        }
        let extra = match lines.peek().and_then(|line| line.strip_prefix("extra ")) {
            Some(extra) => {
                lines.next();
                Some(STANDARD.decode(extra).ok()?)
            }
            None => None,
        };
        let index = lines.next()?.strip_prefix("index ")?.parse().ok()?;
        let path: Vec<_> = lines.take(PATH_MAX + 1).map(Hash::from_base64).collect::<Option<_>>()?;
        let checkpoint = SignedCheckpoint::parse(checkpoint.as_bytes()).ok()?;
        let proof = Self { extra, index, path, checkpoint };
        // Numbers and base64 have one form.
        (proof.path.len() <= PATH_MAX && proof.to_string() == text).then_some(proof)
    }
}

impl FromStr for Proof {
    type Err = ProofError;

    fn from_str(text: &str) -> Result<Self, ProofError> {
        Self::parse(text).ok_or(ProofError::Form)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{TITLE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", STANDARD.encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.path.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.checkpoint)
    }
}
