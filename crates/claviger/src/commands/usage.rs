//! `claviger usage …`: asks a running server to take usage in. An ordinary client, with no private door.

mod files;
mod import;
mod joined;

use std::process::ExitCode;

use clap::Subcommand;

use super::CommandError;

/// The command line.
#[derive(Subcommand)]
pub(crate) enum Usage {
    /// Count what files of AWS CloudTrail tell of uses of keys; the keys must be here already
    Import(import::Import),
}

impl Usage {
    /// Runs it. The exit code is 1 if a file was refused.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        match self {
            Self::Import(import) => import.run(),
        }
    }
}
