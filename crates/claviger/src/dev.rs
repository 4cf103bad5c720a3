//! A development directory: its root of trust and its admin's credentials, made on the first start.
//!
//! Every step can be the last one before a loss of power: the next start takes what is there and makes the rest. The
//! records come last, in one transaction, so an empty store tells that the directory is not finished.

use std::fmt::Display;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use claviger_core::bootstrap::{self, BootstrapError, NewDeployment};
use claviger_keyring::{Deployment, FileRoot, ModuleFailed, RootError, SecretAccessKey};
use claviger_storage::{CommitError, EmbeddedStore, Revision, Store, Transaction};
use claviger_types::{AccessKeyId, AccountId};
use zeroize::Zeroizing;

use crate::data_dir::{DataDir, DataDirError};
use crate::private_file;
use crate::profiles::{DEFAULT_PROFILE, Profiles};

/// The account of a development directory that nobody chose one for.
const ACCOUNT: &str = "111122223333";

/// An open development directory.
pub(crate) struct DevDir {
    /// Its store, with a deployment in it.
    pub(crate) store: Arc<EmbeddedStore>,
    /// Its root of trust.
    pub(crate) root: Arc<FileRoot>,
}

/// A development directory cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DevError {
    /// The first records cannot be made.
    #[error(transparent)]
    Bootstrap(#[from] BootstrapError),
    /// The credentials file cannot be used.
    #[error("`{path}` is no credentials file for a new directory: {problem}", path = path.display())]
    Credentials {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The credentials file cannot be read or written.
    #[error("cannot {action} `{path}`: {source}", path = path.display())]
    CredentialsIo {
        /// The file.
        path: PathBuf,
        /// What was tried.
        action: &'static str,
        /// What the system says.
        source: io::Error,
    },
    /// The directory itself.
    #[error(transparent)]
    DataDir(#[from] DataDirError),
    /// The cryptographic module failed.
    #[error(transparent)]
    Module(#[from] ModuleFailed),
    /// There is data, but no root of trust beside it.
    #[error(
        "`{path}` is missing, and nothing opens without it: restore it; or, if `claviger init` made this directory, serve it without --dev",
        path = path.display()
    )]
    NoRoot {
        /// Where the root of trust would be.
        path: PathBuf,
    },
    /// The root of trust.
    #[error(transparent)]
    Root(#[from] RootError),
    /// The store cannot be asked whether it is empty.
    #[error("cannot use the store `{path}`: {reason}", path = path.display())]
    Store {
        /// The store's file.
        path: PathBuf,
        /// Why not.
        reason: CommitError,
    },
}

/// The admin that the credentials file names.
struct Admin {
    account: AccountId,
    access_key_id: AccessKeyId,
    secret: SecretAccessKey,
}

impl DevDir {
    /// Opens the directory, and makes what it lacks if it has no data yet.
    pub(crate) async fn open(dir: &DataDir) -> Result<Self, DevError> {
        dir.make()?;
        // First of all the store, since its lock keeps a second server from making the rest at the same time.
        let store = dir.open_or_create_store()?;
        let unusable = |reason| DevError::Store { path: dir.store(), reason };
        let opened = if is_empty(store.as_ref()).await.map_err(unusable)? {
            begin(dir, Arc::clone(&store)).await
        } else {
            resume(dir, Arc::clone(&store))
        };
        if opened.is_err() {
            store.close();
        }
        opened
    }
}

/// Whether nothing was ever written to it. An empty transaction answers with the newest revision.
async fn is_empty(store: &dyn Store) -> Result<bool, CommitError> {
    Ok(store.commit(Transaction::default()).await? == Revision::ZERO)
}

async fn begin(dir: &DataDir, store: Arc<EmbeddedStore>) -> Result<DevDir, DevError> {
    let root_path = dir.dev_root();
    let root = if root_path.exists() { FileRoot::open(&root_path)? } else { FileRoot::create(&root_path)? };
    let admin = Admin::read_or_make(&dir.credentials())?;
    let new = NewDeployment {
        account: admin.account,
        name: "development".to_owned(),
        kind: Deployment::Development,
        admin: Some((admin.access_key_id, admin.secret)),
    };
    let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
    bootstrap::create(&shared, &root, new).await?;
    Ok(DevDir { store, root: Arc::new(root) })
}

fn resume(dir: &DataDir, store: Arc<EmbeddedStore>) -> Result<DevDir, DevError> {
    let path = dir.dev_root();
    if !path.exists() {
        return Err(DevError::NoRoot { path });
    }
    let root = FileRoot::open(&path)?;
    if !dir.credentials().exists() {
        tracing::warn!(
            path = %dir.credentials().display(),
            "the credentials file is gone, and the server cannot make it again: it does not show old secrets"
        );
    }
    Ok(DevDir { store, root: Arc::new(root) })
}

impl Admin {
    /// Takes the admin that the file at `path` names. If there is no file, writes one first, before anything else
    /// knows of its admin: so no admin is left whose secret nobody has.
    fn read_or_make(path: &Path) -> Result<Self, DevError> {
        let io = |action| move |source| DevError::CredentialsIo { path: path.to_owned(), action, source };
        let text = match fs::read_to_string(path) {
            Ok(text) => Zeroizing::new(text),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let access_key_id = AccessKeyId::from_random(claviger_keyring::random()?);
                let text = profile_text(ACCOUNT, access_key_id, &SecretAccessKey::generate()?);
                private_file::write(path, text.as_bytes()).map_err(io("write"))?;
                text
            }
            Err(error) => return Err(io("read")(error)),
        };
        Self::parse(&text).map_err(|problem| DevError::Credentials { path: path.to_owned(), problem })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let profiles = Profiles::parse(text);
        let value = |name: &str| {
            profiles.value(DEFAULT_PROFILE, name).ok_or_else(|| format!("the profile `default` has no {name}"))
        };
        let access_key_id =
            value("aws_access_key_id")?.parse().map_err(|error| format!("aws_access_key_id is {error}"))?;
        let secret = SecretAccessKey::from_text(value("aws_secret_access_key")?.to_owned())
            .map_err(|error| format!("aws_secret_access_key is {error}"))?;
        let account = value("aws_account_id")?.parse().map_err(|error| format!("aws_account_id is {error}"))?;
        Ok(Self { account, access_key_id, secret })
    }
}

/// A profile `default`, in the form of the AWS shared credentials file.
pub(crate) fn profile_text(
    account: impl Display,
    access_key_id: AccessKeyId,
    secret: &SecretAccessKey,
) -> Zeroizing<String> {
    Zeroizing::new(format!(
        "[{DEFAULT_PROFILE}]\naws_access_key_id = {access_key_id}\naws_secret_access_key = {}\naws_account_id = {account}\n",
        secret.expose()
    ))
}
