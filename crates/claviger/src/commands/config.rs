//! `claviger config show`: each value of the configuration with its origin.

use std::process::ExitCode;

use clap::Subcommand;

use super::CommandError;
use crate::config::{self, ServeFlags};
use crate::console;
use crate::harden::Limits;

/// The command line.
#[derive(Subcommand)]
pub(crate) enum Config {
    /// Print each value with where it is from: flag, environment, file or default
    Show(ServeFlags),
}

impl Config {
    /// Runs it.
    pub(crate) fn run(self, limits: Limits) -> Result<ExitCode, CommandError> {
        let Self::Show(flags) = self;
        let config = config::Config::load(flags, &config::from_environment, limits.open_files)?;
        console::say(&config.show()).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}
