//! `claviger audit export`: a log's events in CloudTrail's form, for tools that read that.

use std::io::{self, BufWriter, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use claviger_core::cloudtrail::{self, CloudTrailRecord, Entry};
use claviger_core::records::EventRecord;
use claviger_types::{AccountId, Timestamp};

use super::error::AuditError;
use super::export_files::Files;
use super::log::LogFlags;
use crate::commands::CommandError;

/// The command line.
#[derive(Args)]
pub(crate) struct Export {
    #[command(flatten)]
    log: LogFlags,
    /// Only what this account sees
    #[arg(long, value_name = "ACCOUNT-ID")]
    account: Option<AccountId>,
    /// Only events from this time on
    #[arg(long, value_name = "RFC3339")]
    from: Option<Timestamp>,
    /// Only events before this time
    #[arg(long, value_name = "RFC3339")]
    to: Option<Timestamp>,
    /// Folder for gzip files as CloudTrail lays them out [default: a record on each line of standard output]
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
}

/// Where records go.
enum Sink {
    Files(Files),
    Lines(BufWriter<io::Stdout>),
}

impl Export {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        let reader = log.reader()?;
        let origin = &reader.checkpoint().checkpoint().origin;
        let mut sink = match &self.out {
            Some(folder) => Sink::Files(Files::in_folder(folder.clone())),
            None => Sink::Lines(BufWriter::new(io::stdout())),
        };
        for entry in reader.entries(reader.kept_from()..reader.size()) {
            let (index, bytes) = entry.map_err(log.failed())?;
            let unreadable = |reason| AuditError::Entry { index, reason };
            let event = EventRecord::parse(&bytes).map_err(unreadable)?;
            if !self.takes(Timestamp::from_millis(event.at)) {
                continue;
            }
            let entry = Entry { origin, index };
            for record in cloudtrail::render(&event, entry).map_err(unreadable)? {
                if self.account.is_none_or(|account| record.recipient() == Some(account)) {
                    sink.put(index, &record)?;
                }
            }
        }
        sink.finish()?;
        Ok(ExitCode::SUCCESS)
    }

    fn takes(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

impl Sink {
    fn put(&mut self, index: u64, record: &CloudTrailRecord<'_>) -> Result<(), CommandError> {
        match self {
            Self::Files(files) => Ok(files.put(index, record)?),
            Self::Lines(out) => {
                let written = serde_json::to_writer(&mut *out, record).map_err(io::Error::from);
                written.and_then(|()| out.write_all(b"\n")).map_err(CommandError::Output)
            }
        }
    }

    fn finish(self) -> Result<(), CommandError> {
        match self {
            Self::Files(files) => Ok(files.finish()?),
            Self::Lines(mut out) => out.flush().map_err(CommandError::Output),
        }
    }
}
