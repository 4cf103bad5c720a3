//! `claviger recover`: an administrator for an account whose administrators lost all their access keys, made in the data
//! directory of a server that is not running.
//!
//! It takes the root of trust, and whoever has that and the data can read everything anyway. The secret access key is
//! printed once.

use std::process::ExitCode;
use std::sync::Arc;

use clap::Args;
use claviger_core::bootstrap;
use claviger_keyring::FileRoot;
use claviger_storage::Store;
use claviger_types::{AccountId, UserName};

use super::CommandError;
use super::doctor::root_file;
use crate::config::{Config, PlaceFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::dev::profile_text;
use crate::harden::Limits;
use crate::log;

/// The command line.
#[derive(Args)]
pub(crate) struct Recover {
    #[command(flatten)]
    places: PlaceFlags,
    /// Number of the account
    #[arg(long, value_name = "12 DIGITS")]
    account_id: AccountId,
    /// Name of the new user, who may do everything in the account
    #[arg(long, value_name = "NAME", default_value = "recovery")]
    user_name: UserName,
}

impl Recover {
    /// Runs it.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        let config = Config::load_places(self.places, limits.open_files)?;
        log::start(config.log_format.value);
        let dir = DataDir::at(config.data_dir()?)?;
        dir.check_store()?;
        let root = FileRoot::open(&root_file(&config, &dir)?)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(CommandError::Runtime)?;
        let store: Arc<dyn Store> = dir.open_store()?;
        let recovered = runtime.block_on(bootstrap::recover(&store, &root, self.account_id, self.user_name.clone()));
        store.close();
        let key = recovered?;
        console::say(&profile_text(key.account, key.access_key_id, &key.secret)).map_err(CommandError::Output)?;
        console::note(&next_steps(&self.user_name, key.account));
        Ok(ExitCode::SUCCESS)
    }
}

/// What to do with the new user, as docs/operations.md has it.
fn next_steps(name: &UserName, account: AccountId) -> String {
    format!(
        "The profile above is the access key of the new user `{name}` of account {account}. It is shown this once.\n\
         Start the server, and give the account's administrators new access keys with it (a user has two at most, so a \
         lost one may have to go first). Then let one of them delete the user:\n\
         aws iam list-access-keys --user-name {name}\n\
         aws iam delete-access-key --user-name {name} --access-key-id AKIA…\n\
         aws iam detach-user-policy --user-name {name} --policy-arn arn:aws:iam::aws:policy/AdministratorAccess\n\
         aws iam delete-user --user-name {name}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_steps_are_those_of_the_documentation() {
        let documentation = include_str!("../../../../docs/operations.md");
        let account: AccountId = "222233334444".parse().unwrap();
        let steps = next_steps(&"recovery".parse().unwrap(), account);
        let commands: Vec<_> = steps.lines().filter(|line| line.starts_with("aws ")).collect();
        assert_eq!(commands.len(), 4, "{steps}");
        assert!(documentation.contains(&format!("```\n{}\n```", commands.join("\n"))), "{steps}");
    }
}
