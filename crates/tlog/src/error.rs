//! Why a log cannot be read or written, in the words of a log.

use std::io;

use crate::head::CHECKPOINT;
use crate::note::{NoteError, VerifierKey};

/// Something in the log's directory is not what was written there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{file}` {what}{}", self.place())]
pub struct Damage {
    /// The file, relative to the log's directory.
    pub file: String,
    /// The entry that is wrong, if one is.
    pub entry: Option<u64>,
    /// What is wrong with it, as the rest of a sentence.
    pub what: &'static str,
}

impl Damage {
    pub(crate) fn new(file: impl Into<String>, what: &'static str) -> Self {
        Self { file: file.into(), entry: None, what }
    }

    pub(crate) fn missing(file: impl Into<String>) -> Self {
        Self::new(file, "is missing")
    }

    /// Of the checkpoint, when nobody can tell which of the tiles it is.
    pub(crate) fn other_root() -> Self {
        Self::new(CHECKPOINT, "has another root than the tiles at the end of the log")
    }

    fn place(&self) -> String {
        self.entry.map(|entry| format!(" (entry {entry})")).unwrap_or_default()
    }
}

/// Why a log could not be read or is not accepted.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The log is damaged, or somebody changed it.
    #[error("the log is damaged: {0}")]
    Damaged(#[from] Damage),
    /// There is no such entry.
    #[error("entry {index} is not in the log, which has {size}")]
    NoEntry {
        /// The entry that was asked for.
        index: u64,
        /// How many there are.
        size: u64,
    },
    /// The log does not continue the checkpoint that was kept elsewhere.
    #[error("the log does not continue the pinned checkpoint: {0}")]
    Pinned(&'static str),
    /// The entry was pruned.
    #[error("entry {index} was pruned: entries are kept from {kept_from} on")]
    Pruned {
        /// The entry that was asked for.
        index: u64,
        /// The first entry that is kept.
        kept_from: u64,
    },
    /// A file could not be read; the disk says why.
    #[error("`{file}` cannot be read: {source}")]
    Read {
        /// The file, relative to the log's directory.
        file: String,
        /// The disk's answer.
        source: io::Error,
    },
    /// The trusted key is none of the keys that sign this log.
    #[error("this log is not signed by the key `{0}`, nor by one that leads to it")]
    Untrusted(String),
}

/// Why a log could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// Another writer has the log.
    #[error("the log is being written by another process")]
    AlreadyOpen,
    /// An entry is longer than 65,535 bytes.
    #[error("an entry of {bytes} bytes is too long for the log")]
    EntryTooLong {
        /// Its length.
        bytes: usize,
    },
    /// There was an error before: the writer must be opened anew.
    #[error("the log failed before, and must be opened anew")]
    Failed,
    /// The disk failed or is full. The writer must be opened anew.
    #[error("`{file}` cannot be written: {source}")]
    Io {
        /// The file, relative to the log's directory.
        file: String,
        /// The disk's answer.
        source: io::Error,
    },
    /// The key has signed the log before; a rotation wants a new one.
    #[error("the key is already one of the log's")]
    KeyInUse,
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The signer's signature is wrong.
    #[error("the log's signer made a wrong signature")]
    Signer,
    /// The signer has not the log's newest key.
    #[error("the log is signed by the key `{expected}` now")]
    WrongKey {
        /// The log's newest key.
        expected: VerifierKey,
    },
}

impl WriteError {
    pub(crate) fn disk(file: &str, source: io::Error) -> Self {
        Self::Io { file: file.to_owned(), source }
    }
}

impl From<Damage> for WriteError {
    fn from(damage: Damage) -> Self {
        Self::Log(damage.into())
    }
}

impl From<NoteError> for WriteError {
    fn from(_: NoteError) -> Self {
        Self::Signer
    }
}
