//! `claviger audit prove`: takes one event out of a log with the proof that it is in it.

use std::path::PathBuf;
use std::process::ExitCode;
use std::str::FromStr;

use clap::Args;
use claviger_core::EventId;
use claviger_tlog::{LogError, Reader};

use super::error::AuditError;
use super::log::{AuditLog, LogFlags};
use crate::commands::CommandError;
use crate::{console, private_file};

/// The command line.
#[derive(Args)]
pub(crate) struct Prove {
    #[command(flatten)]
    log: LogFlags,
    /// Id of the event, or the place of its entry in the log, from 0
    #[arg(value_name = "EVENT-ID|INDEX")]
    event: Event,
    /// Where to write the proof [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    out: Option<PathBuf>,
}

/// How an event is named.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Event {
    Id(EventId),
    Index(u64),
}

impl FromStr for Event {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let id = text.parse().map(Self::Id);
        id.or_else(|_| text.parse().map(Self::Index)).map_err(|_| "it is an event id, or a number from 0 on")
    }
}

impl Prove {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        let reader = log.reader()?;
        let index = index_in(&log, &reader, self.event)?;
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

fn index_in(log: &AuditLog, reader: &Reader, event: Event) -> Result<u64, AuditError> {
    match event {
        Event::Index(index) => Ok(index),
        Event::Id(id) if id.is_of(&reader.checkpoint().checkpoint().origin) => Ok(id.index()),
        Event::Id(id) => Err(AuditError::OtherLog { id, dir: log.dir().to_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_ways_to_name_an_event() {
        let id = EventId::new(&"log".parse().unwrap(), 7, 0).unwrap();
        assert_eq!(id.to_string().parse(), Ok(Event::Id(id)));
        assert_eq!("7".parse(), Ok(Event::Index(7)));
        for bad in ["", "-1", "7a", "18446744073709551616", "11111111-1111-4111-8111-111111111111"] {
            assert!(bad.parse::<Event>().is_err(), "{bad}");
        }
    }
}
