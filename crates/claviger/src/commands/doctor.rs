//! `claviger doctor`: says in words what is wrong with the data directory of a server that is not running.

use std::process::ExitCode;

use clap::Args;
use claviger_core::doctor;
use claviger_keyring::FileRoot;
use claviger_storage::Store;

use super::CommandError;
use crate::config::{Config, PlaceFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::harden::Limits;

/// The command line.
#[derive(Args)]
pub(crate) struct Doctor {
    #[command(flatten)]
    places: PlaceFlags,
}

impl Doctor {
    /// Runs it. The exit code is 1 if anything is wrong.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        let config = Config::load_places(self.places, limits.open_files)?;
        let dir = DataDir::at(config.data_dir()?)?;
        dir.check_store()?;
        let root = match &config.root_file {
            None if dir.dev_root().exists() => FileRoot::open(&dir.dev_root())?,
            _ => FileRoot::open(config.root_file()?)?,
        };
        let store = dir.open_store()?;
        let report = doctor::check(store.as_ref(), &root);
        store.close();
        let report = report.map_err(|reason| CommandError::Store { path: dir.store(), reason })?;
        let mut text = String::new();
        for finding in &report.findings {
            text.push_str(&format!("{}: {}\n", finding.path, finding.problem));
        }
        let sound = report.findings.is_empty();
        let verdict = if sound { "nothing is wrong".to_owned() } else { format!("{} findings", report.findings.len()) };
        text.push_str(&format!("{} records in `{}`: {verdict}\n", report.records, dir.store().display()));
        console::say(&text).map_err(CommandError::Output)?;
        Ok(if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}
