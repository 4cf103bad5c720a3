//! `claviger audit verify`: holds every byte of a log against its signed checkpoint, and that against a pinned one.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use claviger_tlog::{LogError, Report};

use super::error::AuditError;
use super::event_lines::event_time;
use super::lines::Lines;
use super::log::{AuditLog, LogFlags, Pruned};
use super::pinned::Pinned;
use crate::commands::CommandError;
use crate::console;

/// The command line.
#[derive(Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    log: LogFlags,
    /// A checkpoint that `claviger audit pin` kept: the log must continue it
    #[arg(long, value_name = "FILE")]
    pinned: Option<PathBuf>,
    #[command(flatten)]
    pruned: Pruned,
}

impl Verify {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        let pinned = self.pinned.as_deref().map(Pinned::read).transpose()?;
        let report = log.verify(pinned.as_ref(), &self.pruned)?;
        let mut lines = Lines::after(&log.verdict(&report));
        add_report(&mut lines, &log, &report)?;
        lines.add_some("PINNED", pinned.as_ref().map(Pinned::only_grew));
        console::say(lines.as_str()).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn add_report(lines: &mut Lines, log: &AuditLog, report: &Report) -> Result<(), AuditError> {
    let checkpoint = report.checkpoint.checkpoint();
    let last = checkpoint.size.checked_sub(1);
    lines.add("ORIGIN", checkpoint.origin.as_str());
    lines.add("SIZE", checkpoint.size);
    lines.add("ROOT", checkpoint.root);
    lines.add("ENTRIES", entries(report));
    lines.add("KEPT", kept(report));
    for (head, index) in [("FIRST", Some(report.kept_from)), ("LAST", last)] {
        if let Some(index) = index.filter(|index| *index < checkpoint.size) {
            lines.add_some(head, time_of(log, index)?);
        }
    }
    for (key, from) in report.keys.introductions() {
        let trust = log.trust_in(key).map(|trust| format!("; {}", trust.words())).unwrap_or_default();
        lines.add("KEY", format_args!("{key} (signs from entry {from} on{trust})"));
    }
    Ok(())
}

fn entries(report: &Report) -> String {
    let size = report.checkpoint.checkpoint().size;
    match (report.entries, report.entries < size) {
        (entries, false) => format!("{entries} verified"),
        (entries, true) => format!("{entries} verified; of the first {} some or all were pruned", report.kept_from),
    }
}

/// From which entry on none is gone.
pub(super) fn kept(report: &Report) -> String {
    format!("from entry {} on", report.kept_from)
}

/// When the event of an entry happened, as far as this release can read it. None if it was pruned meanwhile.
fn time_of(log: &AuditLog, index: u64) -> Result<Option<String>, AuditError> {
    let entry = match log.reader()?.entry(index) {
        Err(LogError::Pruned { .. }) => return Ok(None),
        read => read.map_err(log.failed())?,
    };
    Ok(Some(match event_time(&entry) {
        Ok(time) => format!("{time} (entry {index})"),
        Err(error) => format!("entry {index}, which this release cannot read: {error}"),
    }))
}
