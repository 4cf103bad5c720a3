//! `claviger init`: the data directory of a new production server, and its root of trust in another place.
//!
//! The first admin's secret access key is printed once; nothing else holds it in the clear.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use claviger_core::bootstrap::{self, AdminKey, NewDeployment};
use claviger_keyring::{Deployment, FileRoot};
use claviger_storage::Store;
use claviger_types::AccountId;

use super::CommandError;
use crate::config::{Config, PlaceFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::dev::profile_text;
use crate::harden::Limits;

/// The command line.
#[derive(Args)]
pub(crate) struct Init {
    #[command(flatten)]
    places: PlaceFlags,
    /// Number of the first account, the only one that makes others [default: a random one]
    #[arg(long, value_name = "12 DIGITS")]
    account_id: Option<AccountId>,
    /// Name of the first account
    #[arg(long, value_name = "NAME", default_value = "first")]
    account_name: String,
}

impl Init {
    /// Runs it.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        let config = Config::load_places(self.places, limits.open_files)?;
        let dir = DataDir::at(config.data_dir()?)?;
        let root_file = config.root_file()?;
        refuse_root_beside_data(&dir, root_file)?;
        let account = self.account_id.map_or_else(claviger_core::random_account_id, Ok)?;
        dir.make_empty()?;
        let root = FileRoot::create(root_file)?;
        let made = make(&dir, &root, account, self.account_name);
        if made.is_err() {
            // Nothing was wrapped that anybody uses, so half a deployment is only in the way.
            let _ = fs::remove_file(root_file);
            let _ = fs::remove_file(dir.store());
        }
        let admin = made?;
        let profile = profile_text(admin.account, admin.access_key_id, &admin.secret);
        console::say(&profile).map_err(CommandError::Output)?;
        console::note(&format!(
            "The profile above is the access key of user `admin` of account {}. It is shown this once: store it now.\n\
             Back up the root of trust `{}` apart from the data: without it nothing in `{}` opens again.",
            admin.account,
            root_file.display(),
            dir.path().display()
        ));
        Ok(ExitCode::SUCCESS)
    }
}

fn make(dir: &DataDir, root: &FileRoot, account: AccountId, name: String) -> Result<AdminKey, CommandError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
    let store: Arc<dyn Store> = dir.open_or_create_store()?;
    let new = NewDeployment { account, name, kind: Deployment::Production, admin: None };
    let admin = runtime.block_on(bootstrap::create(&store, root, new));
    store.close();
    Ok(admin?)
}

/// A root of trust beside the data would make each copy of the directory a copy of all keys.
pub(super) fn refuse_root_beside_data(dir: &DataDir, root_file: &Path) -> Result<(), CommandError> {
    if resolved(root_file).starts_with(resolved(dir.path())) {
        return Err(CommandError::RootBesideData(root_file.to_owned()));
    }
    Ok(())
}

/// The path without links and detours, as far as it exists.
fn resolved(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for (missing, ancestor) in absolute.ancestors().enumerate() {
        if let Ok(found) = ancestor.canonicalize() {
            let rest = absolute.components().count() - missing;
            return found.join(absolute.components().skip(rest).collect::<PathBuf>());
        }
    }
    absolute
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_root_inside_of_the_data_directory_is_refused() {
        let scratch = tempfile::tempdir().unwrap();
        let base = scratch.path();
        fs::create_dir_all(base.join("data/deep")).unwrap();
        fs::create_dir_all(base.join("secrets")).unwrap();
        std::os::unix::fs::symlink(base.join("data"), base.join("link")).unwrap();
        for (data, root, refused) in [
            ("data", "data/root", true),
            ("data", "data/deep/root", true),
            ("data", "data/missing/root", true),
            ("data", "link/root", true),
            ("link", "data/root", true),
            ("data", "secrets/../data/root", true),
            ("missing", "missing/root", true),
            ("data", "secrets/root", false),
            ("data", "root", false),
            ("data", "data-root", false),
            ("data", "data/../root", false),
            ("missing", "root", false),
        ] {
            let dir = DataDir::at(&base.join(data)).unwrap();
            let outcome = refuse_root_beside_data(&dir, &base.join(root));
            assert_eq!(outcome.is_err(), refused, "data {data}, root {root}");
        }
    }
}
