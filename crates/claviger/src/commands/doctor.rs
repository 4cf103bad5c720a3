//! `claviger doctor`: says in words what is wrong with the data directory of a server that is not running.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::Args;
use claviger_core::doctor::{self, AuditLog, Report};
use claviger_core::paths::{self, PathKind};
use claviger_keyring::FileRoot;
use claviger_storage::{Store, StoreError};

use super::CommandError;
use crate::config::{Config, PlaceFlags};
use crate::console;
use crate::data_dir::DataDir;
use crate::harden::Limits;
use crate::log;

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
        log::start(config.log_format.value);
        let dir = DataDir::at(config.data_dir()?)?;
        dir.check_store()?;
        let root = FileRoot::open(&root_file(&config, &dir)?)?;
        let store = dir.open_store()?;
        let examined = examine(store.as_ref(), &root, &dir);
        store.close();
        let (report, inventory) = examined.map_err(|reason| CommandError::Store { path: dir.store(), reason })?;
        let text = format!("{}{}: {inventory}\n{}", findings(&report), dir.store().display(), audit_log(&report));
        console::say(&text).map_err(CommandError::Output)?;
        Ok(if report.findings.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A development directory brings its root of trust along.
pub(super) fn root_file(config: &Config, dir: &DataDir) -> Result<PathBuf, CommandError> {
    let beside = dir.dev_root();
    if config.root_file.is_none() && beside.exists() {
        return Ok(beside);
    }
    Ok(config.root_file()?.to_owned())
}

fn examine(store: &dyn Store, root: &FileRoot, dir: &DataDir) -> Result<(Report, String), StoreError> {
    let report = doctor::check(store, root, &dir.audit(), &dir.usage())?;
    let mut counts = [
        (PathKind::Account, 0, "accounts"),
        (PathKind::User, 0, "users"),
        (PathKind::Key, 0, "keys"),
        (PathKind::Alias, 0, "aliases"),
        (PathKind::Grant, 0, "grants"),
        (PathKind::OrganizationalUnit, 0, "organizational units"),
        (PathKind::ControlPolicy, 0, "control policies"),
        (PathKind::Outbox, 0, "events on their way to the audit log"),
    ];
    store.load(&mut |record| {
        let kind = paths::parse(record.path).map(|(kind, _, _)| kind);
        counts.iter_mut().filter(|(counted, ..)| Some(*counted) == kind).for_each(|(_, count, _)| *count += 1);
    })?;
    let counted: Vec<_> = counts.iter().map(|(_, count, name)| format!("{count} {name}")).collect();
    let inventory = format!("{}; {} records in all", counted.join(", "), report.records);
    Ok((report, inventory))
}

/// The audit key is shown so that it can be kept where nobody who writes to the directory can change it.
fn audit_log(report: &Report) -> String {
    let shown = |AuditLog { entries, kept_from, verifier_key }: &AuditLog| {
        format!("audit log: {entries} entries, kept from entry {kept_from} on, verify with {verifier_key}\n")
    };
    report.audit_log.as_ref().map(shown).unwrap_or_default()
}

fn findings(report: &Report) -> String {
    if report.findings.is_empty() {
        return "nothing is wrong\n".to_owned();
    }
    let lines = report.findings.iter().map(|finding| format!("{finding}\n"));
    lines.collect::<String>() + &format!("wrong in {} places\n", report.findings.len())
}
