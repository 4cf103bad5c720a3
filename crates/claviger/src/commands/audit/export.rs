//! `claviger audit export`: a log's events in CloudTrail's form, for tools that read that; all at once, or as they
//! come.

use std::fs::OpenOptions;
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use claviger_core::cloudtrail::{self, CloudTrailRecord, Entry};
use claviger_core::records::EventRecord;
use claviger_tlog::Reader;
use claviger_types::{AccountId, Timestamp};
use tokio::runtime::{Builder, Runtime};

use super::error::AuditError;
use super::event_name::EventName;
use super::export_files::Files;
use super::log::{AuditLog, LogFlags};
use crate::commands::CommandError;
use crate::commands::signals::StopSignals;

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(200);

/// A look whether to stop: long enough for a signal that has come to be noticed.
const GLANCE: Duration = Duration::from_millis(1);

/// Entries that are written without a look whether to stop.
const STEP: u64 = 1024;

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
    /// Only events that come after this one in the log
    #[arg(long, value_name = "EVENT-ID|INDEX")]
    after: Option<EventName>,
    /// Folder for gzip files as CloudTrail lays them out [default: a record on each line of standard output]
    #[arg(short, long, value_name = "FOLDER")]
    out: Option<PathBuf>,
    /// File to which the lines are appended instead
    #[arg(long, value_name = "FILE", conflicts_with = "out")]
    append: Option<PathBuf>,
    /// Go on with each new event as it is logged, until the command is interrupted
    #[arg(long, conflicts_with_all = ["out", "to"])]
    follow: bool,
    /// Begin with what is logged from now on
    #[arg(long, requires = "follow", conflicts_with = "after")]
    new: bool,
}

/// Where records go.
enum Sink {
    Files(Files),
    Lines { out: BufWriter<Box<dyn Write>>, file: Option<PathBuf> },
}

/// What ends a command that follows the log.
struct Stop {
    runtime: Runtime,
    signals: StopSignals,
}

impl Export {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        let mut sink = self.sink()?;
        match self.export(&log, &mut sink) {
            Ok(()) => sink.finish()?,
            // Whoever read the lines has seen enough.
            Err(CommandError::Output(error)) if self.follow && error.kind() == io::ErrorKind::BrokenPipe => {}
            Err(error) => return Err(error),
        }
        Ok(ExitCode::SUCCESS)
    }

    fn export(&self, log: &AuditLog, sink: &mut Sink) -> Result<(), CommandError> {
        let mut stop = self.follow.then(Stop::new).transpose()?;
        let mut reader = log.reader()?;
        let mut next = match self.after {
            Some(event) => event.index_in(log, &reader)?.saturating_add(1),
            None if self.new => reader.size(),
            None => reader.kept_from(),
        };
        loop {
            while next < reader.size() {
                let end = next.saturating_add(STEP).min(reader.size());
                self.write(log, &reader, next..end, sink)?;
                next = end;
                if stop.as_mut().is_some_and(|stop| stop.comes_within(GLANCE)) {
                    return Ok(());
                }
            }
            let Some(stop) = &mut stop else { return Ok(()) };
            sink.flush()?;
            if stop.comes_within(POLL) {
                return Ok(());
            }
            reader = log.reader()?;
        }
    }

    fn write(
        &self,
        log: &AuditLog,
        reader: &Reader,
        range: std::ops::Range<u64>,
        sink: &mut Sink,
    ) -> Result<(), CommandError> {
        let origin = &reader.checkpoint().checkpoint().origin;
        for entry in reader.entries(range) {
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
        Ok(())
    }

    fn takes(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }

    fn sink(&self) -> Result<Sink, AuditError> {
        let out: Box<dyn Write> = match (&self.out, &self.append) {
            (Some(folder), _) => return Ok(Sink::Files(Files::in_folder(folder.clone()))),
            (None, Some(path)) => {
                let file = OpenOptions::new().append(true).create(true).mode(0o600).open(path);
                Box::new(file.map_err(|source| AuditError::Write { path: path.clone(), source })?)
            }
            (None, None) => Box::new(io::stdout()),
        };
        Ok(Sink::Lines { out: BufWriter::new(out), file: self.append.clone() })
    }
}

impl Sink {
    fn put(&mut self, index: u64, record: &CloudTrailRecord<'_>) -> Result<(), CommandError> {
        match self {
            Self::Files(files) => Ok(files.put(index, record)?),
            Self::Lines { out, file } => {
                let written = serde_json::to_writer(&mut *out, record).map_err(io::Error::from);
                written.and_then(|()| out.write_all(b"\n")).map_err(|error| failed(file.as_ref(), error))
            }
        }
    }

    fn flush(&mut self) -> Result<(), CommandError> {
        match self {
            Self::Files(_) => Ok(()),
            Self::Lines { out, file } => out.flush().map_err(|error| failed(file.as_ref(), error)),
        }
    }

    fn finish(mut self) -> Result<(), CommandError> {
        self.flush()?;
        match self {
            Self::Files(files) => Ok(files.finish()?),
            Self::Lines { .. } => Ok(()),
        }
    }
}

fn failed(file: Option<&PathBuf>, source: io::Error) -> CommandError {
    match file {
        Some(path) => AuditError::Write { path: path.clone(), source }.into(),
        None => CommandError::Output(source),
    }
}

impl Stop {
    fn new() -> Result<Self, CommandError> {
        let runtime = Builder::new_current_thread().enable_all().build().map_err(CommandError::Runtime)?;
        let signals = StopSignals::listen(&runtime).map_err(CommandError::Runtime)?;
        Ok(Self { runtime, signals })
    }

    fn comes_within(&mut self, time: Duration) -> bool {
        self.runtime.block_on(self.signals.come_within(time))
    }
}
