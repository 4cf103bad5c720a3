//! Data directories that are kept from run to run, since some take minutes to fill.
//!
//! A directory is deleted only if nothing but a bench's own names stand in it; what is inside `data` is taken to be a
//! bench's. A store that a running server holds stays.

use std::ffi::OsStr;
use std::fs::{self, File, TryLockError};
use std::path::{Path, PathBuf};

use crate::BenchError;

const DATA: &str = "data";
const LOG: &str = "data.log";
const STORE: &str = "claviger.redb";
/// What stands in the directory once its preparation has come to its end: the targets, if it has some.
const COMPLETE: &str = "complete";
const TARGETS: &str = "targets.json";

/// One directory, with the data directory of a server in it.
pub struct Kept {
    path: PathBuf,
}

impl Kept {
    /// The directory of this name below the bench's own one.
    pub fn new(bench: &Path, name: &str) -> Self {
        Self { path: bench.join(name) }
    }

    /// The server's data directory.
    pub fn data(&self) -> PathBuf {
        self.path.join(DATA)
    }

    /// What the server prints.
    pub fn log(&self) -> PathBuf {
        self.path.join(LOG)
    }

    /// The targets file; it is written when everything that it names exists.
    pub fn targets(&self) -> PathBuf {
        self.path.join(TARGETS)
    }

    /// Whether an earlier run has brought its preparation to the end.
    pub fn is_complete(&self) -> bool {
        [COMPLETE, TARGETS].iter().any(|name| self.path.join(name).exists())
    }

    /// Marks the preparation as done, for what has no targets.
    pub fn complete(&self) -> Result<(), BenchError> {
        let mark = self.path.join(COMPLETE);
        fs::write(&mark, "").map_err(|error| BenchError::file(&mark, error))
    }

    /// Whether a running server holds the store: it then refuses a second one whatever its format is.
    pub fn is_in_use(&self) -> Result<bool, BenchError> {
        let store = self.data().join(STORE);
        if !store.exists() {
            return Ok(false);
        }
        let file = File::open(&store).map_err(|error| BenchError::file(&store, error))?;
        match file.try_lock() {
            Ok(()) => Ok(false),
            Err(TryLockError::WouldBlock) => Ok(true),
            Err(TryLockError::Error(error)) => Err(BenchError::file(&store, error)),
        }
    }

    /// An empty directory in place of what an interrupted run or another version of the server has left there.
    pub fn make_anew(&self) -> Result<(), BenchError> {
        if self.path.exists() {
            self.check_own()?;
            fs::remove_dir_all(&self.path).map_err(|error| BenchError::file(&self.path, error))?;
        }
        let data = self.data();
        fs::create_dir_all(&data).map_err(|error| BenchError::file(&data, error))
    }

    /// Whoever names a directory by mistake loses nothing.
    fn check_own(&self) -> Result<(), BenchError> {
        let failed = |error| BenchError::file(&self.path, error);
        if self.is_in_use()? {
            return Err(BenchError::file(&self.path, "a running server uses it"));
        }
        for entry in fs::read_dir(&self.path).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if ![COMPLETE, DATA, LOG, TARGETS].iter().any(|own| name == OsStr::new(own)) {
                let reason = format!("`{}` in it is not of a bench, so it is not deleted", name.display());
                return Err(BenchError::file(&self.path, reason));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A directory that a bench has filled, beside which `more` lies.
    fn filled(bench: &Path, more: Option<&str>) -> Kept {
        let kept = Kept::new(bench, "keys-1");
        kept.make_anew().unwrap();
        let files = [kept.data().join(STORE), kept.log(), kept.targets()];
        for file in files.into_iter().chain(more.map(|more| bench.join("keys-1").join(more))) {
            fs::write(file, "old").unwrap();
        }
        kept.complete().unwrap();
        kept
    }

    #[test]
    fn what_a_bench_made_is_made_anew_and_nothing_else() {
        for (more, deleted) in [(None, true), (Some("notes.txt"), false), (Some(".git"), false), (Some("Data"), false)]
        {
            let bench = tempfile::tempdir().unwrap();
            let kept = filled(bench.path(), more);
            assert!(kept.is_complete(), "{more:?}");
            assert_eq!(kept.make_anew().is_ok(), deleted, "{more:?}");
            assert_eq!(kept.data().join(STORE).exists(), !deleted, "{more:?}");
            assert_eq!(kept.is_complete(), !deleted, "{more:?}");
        }
    }

    #[test]
    fn what_a_server_holds_stays() {
        let bench = tempfile::tempdir().unwrap();
        let kept = filled(bench.path(), None);
        let store = File::open(kept.data().join(STORE)).unwrap();
        assert!(!kept.is_in_use().unwrap());
        store.lock().unwrap();
        assert!(kept.is_in_use().unwrap());
        assert!(kept.make_anew().is_err());
        store.unlock().unwrap();
        kept.make_anew().unwrap();
        assert!(!kept.is_complete());
    }

    #[test]
    fn nothing_is_not_complete_and_not_in_use() {
        let bench = tempfile::tempdir().unwrap();
        let kept = Kept::new(bench.path(), "keys-1");
        assert!(!kept.is_complete() && !kept.is_in_use().unwrap());
        kept.make_anew().unwrap();
        assert!(kept.data().is_dir() && !kept.is_complete());
    }
}
