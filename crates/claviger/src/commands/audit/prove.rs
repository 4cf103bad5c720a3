//! `claviger audit prove`: takes one event out of a log with the proof that it is in it.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use claviger_tlog::LogError;

use super::error::AuditError;
use super::event_name::EventName;
use super::log::LogFlags;
use crate::commands::CommandError;
use crate::{console, private_file};

/// The command line.
#[derive(Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    log: LogFlags,
    /// Id of the event, or the place of its entry in the log, from 0
    #[arg(value_name = "EVENT-ID|INDEX")]
    event: EventName,
    /// Where to write the proof [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

impl Prove {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        let reader = log.reader()?;
        let index = self.event.index_in(&log, &reader)?;
        let entry = match reader.entry(index) {
            Err(LogError::Pruned { .. }) => None,
            read => Some(read.map_err(log.failed())?),
        };
        if entry.is_none() {
            console::note("claviger: the entry was pruned: whoever checks the proof must have it, for --entry");
        }
        let proof = reader.prove(index, entry).map_err(log.failed())?.to_string();
        match self.out {
            None => console::say(&proof).map_err(CommandError::Output)?,
            Some(path) => {
                private_file::write(&path, proof.as_bytes()).map_err(|source| AuditError::Write { path, source })?
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}
