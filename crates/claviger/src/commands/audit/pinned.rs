//! A pin: a log's checkpoint, kept where the log's writer cannot change it, and from which entry on entries were kept then.
//!
//! ```text
//! <the checkpoint>
//! kept from entry <N>
//! ```
//!
//! The last line is there only if the log was pruned: else the pin is the checkpoint, byte for byte.

use std::fmt;
use std::path::Path;

use claviger_tlog::{NoteError, Report, SignedCheckpoint};

use super::error::{AuditError, read_file};

const KEPT_FROM: &str = "kept from entry ";

/// A pin, of which nothing is known until a log was held against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Pinned {
    /// The log as it stood.
    pub(super) checkpoint: SignedCheckpoint,
    /// The first entry that was kept.
    pub(super) kept_from: u64,
}

impl Pinned {
    /// Of a log that verifies.
    pub(super) fn of(report: &Report) -> Self {
        Self { checkpoint: report.checkpoint.clone(), kept_from: report.kept_from }
    }

    /// The pin in a file.
    pub(super) fn read(path: &Path) -> Result<Self, AuditError> {
        Self::parse(&read_file(path)?).map_err(|reason| AuditError::Pin { path: path.to_owned(), reason })
    }

    fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let text = std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?;
        let (checkpoint, kept_from) = match text.rsplit_once(KEPT_FROM) {
            Some((checkpoint, entry)) => {
                let entry = entry.strip_suffix('\n').unwrap_or(entry).parse();
                (checkpoint, entry.map_err(|_| NoteError::Form)?)
            }
            None => (text, 0),
        };
        Ok(Self { checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())?, kept_from })
    }

    /// That a log continues it.
    pub(super) fn only_grew(&self) -> String {
        let checkpoint = self.checkpoint.checkpoint();
        format!("size {}, root {}: the log only grew since", checkpoint.size, checkpoint.root)
    }
}

impl fmt::Display for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.checkpoint.fmt(f)?;
        match self.kept_from {
            0 => Ok(()),
            first => writeln!(f, "{KEPT_FROM}{first}"),
        }
    }
}
