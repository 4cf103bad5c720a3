//! Roots of trust: what wraps the cluster key. Asked at start, at the rotation of the cluster key and by `doctor`,
//! never while a request waits.

mod file;

use std::path::PathBuf;

use thiserror::Error;

use crate::error::ModuleFailed;
use crate::secret::Secret;

pub use file::FileRoot;

/// Wraps and unwraps cluster keys.
pub trait RootOfTrust: Send + Sync {
    /// Wraps a key so that it opens under the same `aad` only.
    fn wrap(&self, key: &Secret<32>, aad: &[u8]) -> Result<Vec<u8>, RootError>;

    /// Opens what [`RootOfTrust::wrap`] made.
    fn unwrap(&self, wrapped: &[u8], aad: &[u8]) -> Result<Secret<32>, RootError>;

    /// What an operator calls this root, for logs and errors.
    fn describe(&self) -> String;
}

/// Why a root of trust cannot be used, with what to do about it.
#[derive(Debug, Error)]
pub enum RootError {
    /// A file stands where a new root should go.
    #[error("`{path}` exists, and a root of trust is never overwritten: use it, or choose another path", path = path.display())]
    AlreadyExists {
        /// The file.
        path: PathBuf,
    },
    /// The file was altered.
    #[error("the root of trust `{path}` is damaged: restore it from its backup", path = path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// The wrapped cluster key does not open, although this root wrapped one.
    #[error(
        "the wrapped cluster key is damaged or is not of this version: restore the data from a backup (root of trust: {root})"
    )]
    DamagedClusterKey {
        /// The root, as it describes itself.
        root: String,
    },
    /// The file belongs to another user.
    #[error("the root of trust `{path}` belongs to user id {owner}, not {user}, which runs this: `chown {user} {path}`", path = path.display())]
    ForeignOwner {
        /// The file.
        path: PathBuf,
        /// Who owns it.
        owner: u32,
        /// Who wants to read it.
        user: u32,
    },
    /// The file could not be read or written.
    #[error("cannot {action} the root of trust `{path}`: {source}", path = path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// The cryptographic module failed.
    #[error(transparent)]
    Module(#[from] ModuleFailed),
    /// The file was made by a later version.
    #[error("the root of trust `{path}` has a newer format: use the version of claviger that made it", path = path.display())]
    Newer {
        /// The file.
        path: PathBuf,
    },
    /// The file is something else.
    #[error("`{path}` is not a root of trust: give the file that `claviger init` made", path = path.display())]
    NotARoot {
        /// The file.
        path: PathBuf,
    },
    /// Others than the owner can read or change the file.
    #[error("the root of trust `{path}` is open to others (mode {mode:04o}): `chmod 600 {path}`", path = path.display())]
    OpenToOthers {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The wrapped cluster key names another root.
    #[error(
        "the cluster key was wrapped by another root of trust than {root}: give the one that this data was made with"
    )]
    OtherRoot {
        /// The root, as it describes itself.
        root: String,
    },
}
