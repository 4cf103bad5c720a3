//! The data directory: what stands where in it, and how it is made and opened.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_storage::{ChangeLogLimits, EmbeddedStore, OpenError};

/// A data directory, by its absolute path.
#[derive(Debug, Clone)]
pub(crate) struct DataDir(PathBuf);

/// The data directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DataDirError {
    /// The directory cannot be made or read.
    #[error("cannot {action} the data directory `{path}`: {source}", path = path.display())]
    Io {
        /// The directory.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// There is no store in it.
    #[error("`{path}` holds no data: make it by `claviger init`, or serve with --dev", path = path.display())]
    NoStore {
        /// The directory.
        path: PathBuf,
    },
    /// There is something in it already.
    #[error("`{path}` is not empty, and `init` overwrites nothing: choose another data directory", path = path.display())]
    NotEmpty {
        /// The directory.
        path: PathBuf,
    },
    /// The store in it cannot be opened.
    #[error("cannot open the store `{path}`: {reason}", path = path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// Why not.
        reason: OpenError,
    },
}

impl DataDir {
    /// The directory at `path`, which need not exist.
    pub(crate) fn at(path: &Path) -> Result<Self, DataDirError> {
        let absolute = std::path::absolute(path);
        let io = |source| DataDirError::Io { path: path.to_owned(), action: "find", source };
        absolute.map(Self).map_err(io)
    }

    /// The directory itself.
    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    /// The file of the embedded store.
    pub(crate) fn store(&self) -> PathBuf {
        self.0.join("claviger.redb")
    }

    /// The root of trust of a development directory. In production it stands elsewhere: beside the data, every copy
    /// of the directory would be a copy of all keys.
    pub(crate) fn dev_root(&self) -> PathBuf {
        self.0.join("root.key")
    }

    /// The admin's access key of a development directory.
    pub(crate) fn credentials(&self) -> PathBuf {
        self.0.join("credentials")
    }

    /// The audit logs.
    pub(crate) fn audit(&self) -> PathBuf {
        self.0.join("audit")
    }

    /// The index by which events are looked up: made of the audit log, and made again if it is gone.
    pub(crate) fn audit_index(&self) -> PathBuf {
        self.0.join("audit-index")
    }

    /// What is kept of usage.
    pub(crate) fn usage(&self) -> PathBuf {
        self.0.join("usage")
    }

    /// The certificate authority that development clients trust.
    pub(crate) fn dev_authority(&self) -> PathBuf {
        self.0.join("ca.pem")
    }

    /// The development certificate and its key.
    pub(crate) fn dev_leaf(&self) -> PathBuf {
        self.0.join("tls").join("leaf.pem")
    }

    /// Makes the directory if it is missing, for its owner only.
    pub(crate) fn make(&self) -> Result<(), DataDirError> {
        make_private(&self.0).map_err(self.io("make"))?;
        let mode = fs::metadata(&self.0).map_err(self.io("read"))?.permissions().mode();
        if mode & 0o077 != 0 {
            tracing::warn!(path = %self.0.display(), "others can look into the data directory: `chmod 700` it");
        }
        Ok(())
    }

    /// Makes the directory, for its owner only; if it is there, it must be empty.
    pub(crate) fn make_empty(&self) -> Result<(), DataDirError> {
        make_private(&self.0).map_err(self.io("make"))?;
        if fs::read_dir(&self.0).map_err(self.io("read"))?.next().is_some() {
            return Err(DataDirError::NotEmpty { path: self.0.clone() });
        }
        fs::set_permissions(&self.0, fs::Permissions::from_mode(0o700)).map_err(self.io("protect"))
    }

    /// Opens the store, or makes one if there is none.
    pub(crate) fn open_or_create_store(&self) -> Result<Arc<EmbeddedStore>, DataDirError> {
        let opened = EmbeddedStore::open_or_create(&self.store(), ChangeLogLimits::default());
        opened.map(Arc::new).map_err(|reason| self.unopened(reason))
    }

    /// Opens the store.
    pub(crate) fn open_store(&self) -> Result<Arc<EmbeddedStore>, DataDirError> {
        let opened = EmbeddedStore::open(&self.store(), ChangeLogLimits::default());
        opened.map(Arc::new).map_err(|reason| self.unopened(reason))
    }

    /// Verifies the store's file, page by page.
    pub(crate) fn check_store(&self) -> Result<(), DataDirError> {
        EmbeddedStore::check(&self.store()).map_err(|reason| self.unopened(reason))
    }

    fn unopened(&self, reason: OpenError) -> DataDirError {
        match reason {
            OpenError::NotFound => DataDirError::NoStore { path: self.0.clone() },
            reason => DataDirError::Store { path: self.store(), reason },
        }
    }

    fn io(&self, action: &'static str) -> impl Fn(io::Error) -> DataDirError {
        let path = self.0.clone();
        move |source| DataDirError::Io { path: path.clone(), action, source }
    }
}

/// Makes a directory and its parents; the ones that it makes are for their owner only.
pub(crate) fn make_private(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn a_directory_is_made_for_its_owner_only() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = DataDir::at(&scratch.path().join("a/b")).unwrap();
        dir.make().unwrap();
        assert_eq!(mode(dir.path()), 0o700);
        fs::set_permissions(dir.path(), fs::Permissions::from_mode(0o755)).unwrap();
        dir.make().unwrap();
        assert_eq!(mode(dir.path()), 0o755, "a directory of somebody else's making stays as it is");
        dir.make_empty().unwrap();
        assert_eq!(mode(dir.path()), 0o700);
        fs::write(dir.path().join("file"), "").unwrap();
        assert!(matches!(dir.make_empty(), Err(DataDirError::NotEmpty { .. })));
    }

    #[test]
    fn a_store_is_opened_where_one_is() {
        let scratch = tempfile::tempdir().unwrap();
        let dir = DataDir::at(scratch.path()).unwrap();
        assert!(matches!(dir.open_store(), Err(DataDirError::NoStore { .. })));
        let first = dir.open_or_create_store().unwrap();
        let second = dir.open_store().err().unwrap().to_string();
        assert!(second.contains("claviger.redb") && second.contains("open already"), "{second}");
        drop(first);
        dir.open_store().unwrap();
        dir.check_store().unwrap();
    }
}
