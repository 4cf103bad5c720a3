//! `claviger audit check`: checks the proof of one event by the audit key alone, and shows what it proves.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use claviger_core::EventId;
use claviger_tlog::{Checkpoint, KeyChain, Proof, ProofError};

use super::error::{AuditError, read_file};
use super::event_lines::event_lines;
use super::lines::Lines;
use super::log::read_key;
use crate::commands::CommandError;
use crate::console;

/// The command line.
#[derive(Args)]
pub(crate) struct Check {
    /// The proof
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The verifier key that signed the log then, or a file that holds it
    #[arg(long, value_name = "KEY|FILE")]
    key: String,
    /// The entry that is to be proved [default: the one that the proof brings along]
    #[arg(long, value_name = "FILE")]
    entry: Option<PathBuf>,
}

impl Check {
    /// Runs it.
    pub(crate) fn run(self) -> Result<ExitCode, CommandError> {
        let keys = KeyChain::of(read_key(&self.key)?);
        let proof = read_proof(&self.file)?;
        let entry = match &self.entry {
            Some(path) => read_file(path)?,
            None => proof.extra.clone().ok_or_else(|| AuditError::NoEntry(self.file.clone()))?,
        };
        let checkpoint = proof.check(&entry, &keys).map_err(|reason| AuditError::Proof { path: self.file, reason })?;
        console::say(what_is_proved(&proof, &checkpoint, &entry).as_str()).map_err(CommandError::Output)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn read_proof(path: &Path) -> Result<Proof, AuditError> {
    let text = String::from_utf8(read_file(path)?).map_err(|_| ProofError::Form);
    let proof = text.and_then(|text| text.parse());
    proof.map_err(|reason| AuditError::Proof { path: path.to_owned(), reason })
}

fn what_is_proved(proof: &Proof, checkpoint: &Checkpoint, entry: &[u8]) -> Lines {
    let mut lines = Lines::after("this event is in the audit log");
    lines.add("ORIGIN", checkpoint.origin.as_str());
    lines.add("SIZE", checkpoint.size);
    lines.add("ROOT", checkpoint.root);
    lines.add("INDEX", proof.index);
    lines.add_some("EVENT ID", EventId::new(&checkpoint.origin, proof.index, 0));
    lines.append(&event_lines(entry));
    lines
}
