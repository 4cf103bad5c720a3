//! What can be wrong with a log, a pin or a proof, in the words of those who have to act on it.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use claviger_core::EventId;
use claviger_core::records::BadRecord;
use claviger_tlog::{LogError, NoteError, ProofError, open_regular};

/// Files that others made: no key, checkpoint or proof of an entry is longer.
const FILE_BYTES_MAX: u64 = 2 * 1024 * 1024;

/// An auditor's command failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum AuditError {
    /// An entry is not an event that this release reads.
    #[error("entry {index} cannot be read by this release: {reason}")]
    Entry {
        /// Its place.
        index: u64,
        /// Why not.
        reason: BadRecord,
    },
    /// What is given as a key is none.
    #[error("`{given}` is no verifier key and no file that holds one: {reason}")]
    Key {
        /// What was given.
        given: String,
        /// Why it is none.
        reason: NoteError,
    },
    /// The log.
    #[error("audit log `{dir}`: {reason}{meaning}", dir = dir.display(), meaning = meaning(reason))]
    Log {
        /// Its directory.
        dir: PathBuf,
        /// What is wrong with it, or with what was asked of it.
        reason: LogError,
    },
    /// The proof comes without the entry.
    #[error("the proof `{path}` comes without the entry: give that by --entry", path = .0.display())]
    NoEntry(PathBuf),
    /// No key was given, and there is none beside the log.
    #[error("no key: give the log's verifier key by --key (`claviger doctor` shows it)")]
    NoKey,
    /// The directory is not a log's.
    #[error("`{dir}` holds no audit log: it is the folder `audit` of a server's data directory", dir = .0.display())]
    NoLog(PathBuf),
    /// The event is in another log.
    #[error("the event {id} is of another log than `{dir}`", dir = dir.display())]
    OtherLog {
        /// The event.
        id: EventId,
        /// The log's directory.
        dir: PathBuf,
    },
    /// A pin that is none.
    #[error("`{path}` is no pinned checkpoint: {reason}", path = path.display())]
    Pin {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: NoteError,
    },
    /// A pin would stand inside of the log.
    #[error(
        "`{path}` is in the log's own directory, where whoever changes the log changes the pin: keep it elsewhere",
        path = .0.display()
    )]
    PinBesideLog(PathBuf),
    /// A proof that proves nothing.
    #[error("`{path}` proves nothing: {reason}", path = path.display())]
    Proof {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: ProofError,
    },
    /// Entries were pruned that a pin knew.
    #[error(
        "audit log `{dir}`: entries before {kept_from} may be gone, and from {expected} on they were kept when it was \
         pinned; if they were pruned on purpose, say so by --allow-pruned-to {kept_from}",
        dir = dir.display()
    )]
    Pruned {
        /// The log's directory.
        dir: PathBuf,
        /// From which entry on they should be kept.
        expected: u64,
        /// From which entry on they are.
        kept_from: u64,
    },
    /// A file cannot be read.
    #[error("cannot read `{path}`: {source}", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{path}`: {source}", path = path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
}

/// What may have happened.
fn meaning(reason: &LogError) -> &'static str {
    match reason {
        LogError::Damaged(_) => "; somebody changed it, or the disk lost a part of it",
        LogError::Pinned(_) => "; it was written anew or cut, or the pin is of another log",
        LogError::NoEntry { .. } | LogError::Pruned { .. } | LogError::Read { .. } | LogError::Untrusted(_) => "",
    }
}

/// A file that somebody brought.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>, AuditError> {
    let failed = |source| AuditError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    open_regular(path).map_err(failed)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(failed)?;
    match bytes.len() as u64 > FILE_BYTES_MAX {
        true => Err(failed(io::ErrorKind::FileTooLarge.into())),
        false => Ok(bytes),
    }
}
