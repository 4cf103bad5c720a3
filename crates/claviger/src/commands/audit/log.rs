//! A log in its directory, and the key by which it is trusted.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use claviger_core::VERIFIER_KEY_FILE;
use claviger_tlog::{Directory, Files, LogError, NoteError, PARTS, Reader, Report, VerifierKey, verify};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle};

use super::error::{AuditError, read_file};
use super::pinned::Pinned;
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

/// What may be gone from it.
#[derive(Args)]
pub(super) struct Pruned {
    /// Entries before this one may have been pruned since the pin [default: only those that were then]
    #[arg(long, value_name = "ENTRY")]
    allow_pruned_to: Option<u64>,
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
    pub(super) fn verdict(&self, report: &Report) -> String {
        let verdict = self.trust.verdict();
        match report.kept_from {
            0 => verdict.to_owned(),
            first => format!("{verdict}, from entry {first} on"),
        }
    }

    /// Why this key of the log is trusted, if it is the one.
    pub(super) fn trust_in(&self, key: &VerifierKey) -> Option<Trust> {
        (self.key == *key).then_some(self.trust)
    }

    /// Verifies all of it, with a bar if that is watched, and that it continues the pinned checkpoint. Whoever has the
    /// audit key can have entries pruned, which no checkpoint tells: so those that the pin knew must be there.
    pub(super) fn verify(&self, pinned: Option<&Pinned>, pruned: &Pruned) -> Result<Report, AuditError> {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        // The template is a constant that a test reads.
        let style = ProgressStyle::with_template(BAR).unwrap_or_else(|_| ProgressStyle::default_bar());
        let bar = bar.with_style(style).with_finish(ProgressFinish::AndClear);
        let progress = &mut |done, size| {
            bar.set_length(size);
            bar.set_position(done);
        };
        let continued = pinned.map(|pinned| &pinned.checkpoint);
        let report = verify(self.files(), &self.key, continued, progress).map_err(self.failed())?;
        let expected = pinned.map(|pinned| pinned.kept_from.max(pruned.allow_pruned_to.unwrap_or(0)));
        match expected.filter(|expected| report.kept_from > *expected) {
            Some(expected) => Err(AuditError::Pruned { dir: self.dir.clone(), expected, kept_from: report.kept_from }),
            None => Ok(report),
        }
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
    use claviger_keyring::{AuditKey, ClusterKey, FileRoot};
    use claviger_tlog::{Signer, Writer};

    use super::*;

    struct AuditSigner(AuditKey);

    impl Signer for AuditSigner {
        fn public_key(&self) -> [u8; 32] {
            self.0.public_key()
        }

        fn sign(&self, message: &[u8]) -> [u8; 64] {
            self.0.sign(message)
        }
    }

    /// The holder of the key can sign that entries were pruned, and remove them; no checkpoint differs by it.
    #[test]
    fn entries_that_a_pin_knew_are_not_pruned_unnoticed() {
        let scratch = tempfile::tempdir().unwrap();
        FileRoot::create(&scratch.path().join("root")).unwrap();
        let root = FileRoot::open(&scratch.path().join("root")).unwrap();
        let key = ClusterKey::generate(1, &root).unwrap().0.generate_audit_key(1).unwrap().0;
        let origin: claviger_tlog::Origin = "kms.example/audit".parse().unwrap();
        let verifier_key = VerifierKey::new(origin.clone(), key.public_key());
        let dir = scratch.path().join("audit");
        let mut writer = Writer::open(Arc::new(Directory::new(&dir)), origin, Box::new(AuditSigner(key))).unwrap();
        for number in 0..600 {
            writer.append(format!("entry {number}").as_bytes()).unwrap();
        }
        writer.commit().unwrap();
        let log = LogFlags { dir, key: Some(verifier_key.to_string()) }.find().unwrap();
        let allowing = |allow_pruned_to| Pruned { allow_pruned_to };
        let nothing = allowing(None);

        let report = log.verify(None, &nothing).unwrap();
        let whole = Pinned::of(&report);
        assert_eq!(whole.to_string(), report.checkpoint.to_string());
        assert_eq!(log.verdict(&report), "the audit log is as it was logged");
        writer.prune(512).unwrap();
        for allowed in [None, Some(0), Some(511)] {
            let refused = log.verify(Some(&whole), &allowing(allowed)).unwrap_err();
            assert!(
                matches!(refused, AuditError::Pruned { expected, kept_from: 512, .. } if expected < 512),
                "{refused}"
            );
        }
        log.verify(Some(&whole), &allowing(Some(512))).unwrap();
        let report = log.verify(None, &nothing).unwrap();
        assert_eq!(log.verdict(&report), "the audit log is as it was logged, from entry 512 on");

        // From now on the pin knows.
        let path = scratch.path().join("pin");
        std::fs::write(&path, Pinned::of(&report).to_string()).unwrap();
        let pruned = Pinned::read(&path).unwrap();
        assert_eq!(pruned, Pinned { kept_from: 512, ..whole });
        log.verify(Some(&pruned), &nothing).unwrap();
        for bad in ["kept from entry \n", "kept from entry 1\nkept from entry 2\n", "kept from entry 2"] {
            std::fs::write(&path, format!("{}{bad}\n", report.checkpoint)).unwrap();
            let read = Pinned::read(&path);
            assert!(bad.ends_with('2') == read.is_ok(), "{bad:?}: {read:?}");
        }
    }

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
