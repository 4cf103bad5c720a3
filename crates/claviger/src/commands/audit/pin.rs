//! `claviger audit pin`: keeps the checkpoint of a log that verifies, and never in place of one that the log does not
//! continue.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::error::AuditError;
use super::lines::Lines;
use super::log::{LogFlags, Pruned};
use super::pinned::Pinned;
use super::verify::kept;
use crate::commands::CommandError;
use crate::{console, private_file};

/// The command line.
#[derive(Args)]
pub(crate) struct Pin {
    #[command(flatten)]
    log: LogFlags,
    /// Where to keep the checkpoint, outside of what the log's writer can change. One that is there is replaced only if
    /// the log continues it
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    pruned: Pruned,
}

impl Pin {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let log = self.log.find()?;
        if is_inside(&self.file, log.dir()) {
            return Err(AuditError::PinBesideLog(self.file).into());
        }
        let absent = fs::exists(&self.file).is_ok_and(|there| !there);
        let before = if absent { None } else { Some(Pinned::read(&self.file)?) };
        let report = log.verify(before.as_ref(), &self.pruned)?;
        let pin = Pinned::of(&report);
        let written = private_file::write(&self.file, pin.to_string().as_bytes());
        written.map_err(|source| AuditError::Write { path: self.file.clone(), source })?;
        let mut lines = Lines::after(&format!("{}, and pinned", log.verdict(&report)));
        let checkpoint = report.checkpoint.checkpoint();
        lines.add("ORIGIN", checkpoint.origin.as_str());
        lines.add("SIZE", checkpoint.size);
        lines.add("ROOT", checkpoint.root);
        lines.add("KEPT", kept(&report));
        lines.add("PIN", self.file.display());
        lines.add_some("BEFORE", before.as_ref().map(Pinned::only_grew));
        console::say(lines.as_str()).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn is_inside(file: &Path, dir: &Path) -> bool {
    let file = std::path::absolute(file).unwrap_or_else(|_| file.to_owned());
    match (file.parent().map(Path::canonicalize), dir.canonicalize()) {
        (Some(Ok(parent)), Ok(dir)) => parent.starts_with(dir),
        // What cannot be found cannot be written to either.
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inside_of_a_directory_by_whatever_way() {
        let scratch = tempfile::tempdir().unwrap();
        let log = scratch.path().join("audit");
        fs::create_dir_all(log.join("tile")).unwrap();
        fs::create_dir(scratch.path().join("audit-pins")).unwrap();
        std::os::unix::fs::symlink(&log, scratch.path().join("link")).unwrap();
        for (file, want) in [
            ("audit/pin", true),
            ("audit/tile/pin", true),
            ("audit-pins/../audit/pin", true),
            ("link/pin", true),
            ("pin", false),
            ("audit-pins/pin", false),
            ("audit/../pin", false),
            ("absent/pin", false),
        ] {
            assert_eq!(is_inside(&scratch.path().join(file), &log), want, "{file}");
            assert_eq!(is_inside(&scratch.path().join(file), &scratch.path().join("link")), want, "{file}");
        }
    }
}
