//! `claviger audit …`: what an auditor does with an audit log, offline. It takes the log's directory and its public
//! key, or one proof and the key; no server, no store and no secret.

mod check;
mod error;
mod event_lines;
mod event_name;
mod export;
mod export_files;
mod lines;
mod log;
mod pin;
mod pinned;
mod prove;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use super::CommandError;

pub(super) use self::error::AuditError;

/// The command line.
#[derive(Subcommand)]
pub(crate) enum Audit {
    /// Verify a log, whole, and that it only grew since it was pinned
    Verify(verify::Verify),
    /// Verify a log and keep its signed checkpoint elsewhere, so that history cannot be written anew unseen
    Pin(pin::Pin),
    /// Write the proof of one event, which anybody can check without the log
    Prove(prove::Prove),
    /// Check the proof of an event, and show the event
    Check(check::Check),
    /// Write a log's events as CloudTrail records
    Export(export::Export),
}

impl Audit {
    /// Runs it. The exit code is 1 if anything is not as it was logged.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        match self {
            Self::Verify(verify) => verify.run(),
            Self::Pin(pin) => pin.run(),
            Self::Prove(prove) => prove.run(),
            Self::Check(check) => check.run(),
            Self::Export(export) => export.run(),
        }
    }
}
