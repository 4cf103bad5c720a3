//! What a log says of itself, all of it signed: its keys, its checkpoint, what was pruned. Everything else follows from it.

use crate::checkpoint::SignedCheckpoint;
use crate::error::{Damage, LogError};
use crate::files::{Files, read_if_there};
use crate::keys::KeyChain;
use crate::note::{NOTE_BYTES_MAX, VerifierKey};
use crate::pruned;

/// The checkpoint's file.
pub(crate) const CHECKPOINT: &str = "checkpoint";

/// A head whose signatures were verified.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    pub(crate) chain: KeyChain,
    pub(crate) checkpoint: SignedCheckpoint,
    pub(crate) kept_from: u64,
    pub(crate) rotation: Rotation,
}

/// Whether the newest key has signed the checkpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rotation {
    Finished,
    Unfinished,
}

impl Head {
    /// The head of a log that may be written to meanwhile: files that do not fit together are read again if the
    /// checkpoint is another one by then.
    pub(crate) fn load(files: &dyn Files, trusted: &VerifierKey) -> Result<Self, LogError> {
        let mut bytes = read_checkpoint(files)?;
        loop {
            let head = KeyChain::load(files, trusted).and_then(|chain| Self::new(files, &bytes, chain));
            let now = read_checkpoint(files)?;
            if head.is_ok() || now == bytes {
                return head;
            }
            bytes = now;
        }
    }

    /// The head of a log that nobody else writes to.
    pub(crate) fn new(files: &dyn Files, bytes: &[u8], chain: KeyChain) -> Result<Self, LogError> {
        let bad = |what| Damage::new(CHECKPOINT, what);
        let signed = SignedCheckpoint::parse(bytes).map_err(|_| bad("is not a checkpoint"))?;
        if signed.to_string().as_bytes() != bytes {
            return Err(bad("is not in its one form").into());
        }
        let checkpoint = signed.checkpoint();
        if chain.newest().is_some_and(|key| *key.name() != checkpoint.origin) {
            return Err(bad("is of another log").into());
        }
        if checkpoint.size < chain.newest_from() {
            return Err(bad("is older than the log's newest key").into());
        }
        let (signers, unfinished) = chain.signers(checkpoint.size);
        let rotation = if signed.note().is_signed_by_exactly(&signers) {
            Rotation::Finished
        } else if unfinished.is_some_and(|signers| signed.note().is_signed_by_exactly(&signers)) {
            Rotation::Unfinished
        } else {
            return Err(bad("is not signed as the log's keys demand").into());
        };
        let kept_from = pruned::kept_from(files, &chain)?;
        if kept_from > checkpoint.size {
            return Err(Damage::new(pruned::FILE, "is beyond the end of the log").into());
        }
        Ok(Self { chain, checkpoint: signed, kept_from, rotation })
    }

    pub(crate) fn size(&self) -> u64 {
        self.checkpoint.checkpoint().size
    }
}

fn read_checkpoint(files: &dyn Files) -> Result<Vec<u8>, LogError> {
    read_if_there(files, CHECKPOINT, NOTE_BYTES_MAX)?.ok_or_else(|| Damage::missing(CHECKPOINT).into())
}
