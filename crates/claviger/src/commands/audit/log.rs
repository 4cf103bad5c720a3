//! A log in its directory, and the key by which it is trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use claviger_core::VERIFIER_KEY_FILE;
use claviger_tlog::{
    Directory, Files, LogError, NoteError, PARTS, Reader, Report, SignedCheckpoint, VerifierKey, verify,
};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::error::{AuditError, read_file};
use crate::console;

const KEY_BESIDE_LOG_WARNING: &str = "claviger: WARNING: without --key, the key that stands beside the log is taken. \
    That proves nothing against whoever can write to the directory: they could have made another log with another \
    key. Keep the key elsewhere, and give it by --key.";

const BAR: &str = "verifying {wide_bar} {human_pos} of {human_len} entries, {eta} left";

/// Which log.
#[derive(Args)]
pub(super) struct LogFlags {
    /// Directory of the log: `audit` in the server's data directory
    #[arg(value_name = "DIR")]
    dir: PathBuf,
    /// The log's verifier key, or a file that holds it [default: the one in DIR, which only shows that nothing broke]
    #[arg(long, value_name = "KEY|FILE")]
    key: Option<String>,
}

impl LogFlags {
    /// The log, if there is one.
    pub(super) fn find(&self) -> Result<AuditLog, AuditError> {
        let files = Arc::new(Directory::new(&self.dir));
        let read = |source| AuditError::Read { path: self.dir.clone(), source };
        if !files.list("").map_err(read)?.iter().any(|name| PARTS.contains(&name.as_str())) {
            return Err(AuditError::NoLog(self.dir.clone()));
        }
        let (key, trust) = match &self.key {
            Some(given) => (read_key(given)?, Trust::Given),
            None => (key_beside(&self.dir)?, Trust::BesideLog),
        };
        Ok(AuditLog { dir: self.dir.clone(), files, key, trust })
    }
}

/// The key that was given, or the one in the file that was given.
pub(super) fn read_key(given: &str) -> Result<VerifierKey, AuditError> {
    let failed = |reason| AuditError::Key { given: given.to_owned(), reason };
    match given.parse() {
        Ok(key) => Ok(key),
        Err(reason) if !Path::new(given).exists() => Err(failed(reason)),
        Err(_) => parse_key(&read_file(Path::new(given))?).map_err(failed),
    }
}

fn key_beside(dir: &Path) -> Result<VerifierKey, AuditError> {
    let path = dir.join(VERIFIER_KEY_FILE);
    if !path.exists() {
        return Err(AuditError::NoKey);
    }
    console::note(KEY_BESIDE_LOG_WARNING);
    let failed = |reason| AuditError::Key { given: path.display().to_string(), reason };
    parse_key(&read_file(&path)?).map_err(failed)
}

fn parse_key(bytes: &[u8]) -> Result<VerifierKey, NoteError> {
    std::str::from_utf8(bytes).map_err(|_| NoteError::Key)?.trim_end().parse()
}

/// Where the trusted key is from.
#[derive(Debug, Clone, Copy)]
pub(super) enum Trust {
    BesideLog,
    Given,
}

impl Trust {
    /// What is said of the key.
    pub(super) fn words(self) -> &'static str {
        match self {
            Self::BesideLog => "taken from beside the log",
            Self::Given => "trusted",
        }
    }

    /// What is said of a log that verifies by the key.
    fn verdict(self) -> &'static str {
        match self {
            Self::BesideLog => "the audit log fits the key that stands beside it",
            Self::Given => "the audit log is as it was logged",
        }
    }
}

/// A log that is there, with the key that is trusted.
pub(super) struct AuditLog {
    dir: PathBuf,
    files: Arc<Directory>,
    key: VerifierKey,
    trust: Trust,
}

impl AuditLog {
    /// Its directory.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// What is said of it if it verifies.
    pub(super) fn verdict(&self) -> &'static str {
        self.trust.verdict()
    }

    /// Why this key of the log is trusted, if it is the one.
    pub(super) fn trust_in(&self, key: &VerifierKey) -> Option<Trust> {
        (self.key == *key).then_some(self.trust)
    }

    /// Verifies all of it, with a bar if that is watched, and that it continues the pinned checkpoint.
    pub(super) fn verify(&self, pinned: Option<&SignedCheckpoint>) -> Result<Report, AuditError> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant that a test reads.
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_finish(ProgressFinish::AndClear);
        let progress = &mut |done, size| {
            bar.set_length(size);
            bar.set_position(done);
        };
        verify(self.files(), &self.key, pinned, progress).map_err(self.failed())
    }

    /// The log as it stands now.
    pub(super) fn reader(&self) -> Result<Reader, AuditError> {
        Reader::open(self.files(), &self.key).map_err(self.failed())
    }

    /// The log does not verify.
    pub(super) fn failed(&self) -> impl Fn(LogError) -> AuditError {
        |reason| AuditError::Log { dir: self.dir.clone(), reason }
    }

    fn files(&self) -> Arc<dyn Files> {
        Arc::<Directory>::clone(&self.files)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the example of Go's package documentation of `golang.org/x/mod/sumdb/note`.
    const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";

    #[test]
    fn a_key_is_given_as_text_or_in_a_file() {
        let scratch = tempfile::tempdir().unwrap();
        let given = |contents: &[u8]| {
            let path = scratch.path().join("key");
            std::fs::write(&path, contents).unwrap();
            read_key(path.to_str().unwrap())
        };
        assert_eq!(read_key(KEY).unwrap().to_string(), KEY);
        assert_eq!(given(KEY.as_bytes()).unwrap().to_string(), KEY);
        assert_eq!(given(format!("{KEY}\r\n").as_bytes()).unwrap().to_string(), KEY);
        for bad in [&b""[..], b"key", b"\xff", format!("{KEY}\n{KEY}\n").as_bytes()] {
            assert!(matches!(given(bad), Err(AuditError::Key { .. })), "{}", bad.escape_ascii());
        }
        assert!(matches!(given(&vec![b'a'; 3_000_000]), Err(AuditError::Read { .. })));
        assert!(matches!(read_key(&KEY[1..]), Err(AuditError::Key { .. })));
    }

    #[test]
    fn the_bar_can_be_drawn() {
        ProgressStyle::with_template(BAR).unwrap();
    }
}
