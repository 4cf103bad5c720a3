//! `claviger usage import`: sends files of CloudTrail to a running server, one by one, and says what came of each.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use claviger_core::Error;
use claviger_types::{AccountId, KeyId};
use serde::{Deserialize, Serialize};

use super::files;
use crate::client::{self, ClientError};
use crate::commands::CommandError;
use crate::config;
use crate::console;

const OPERATION: &str = "ImportCloudTrail";

/// How often a server is asked that is still reading usage after its start, and how long to wait in between.
const ATTEMPTS: u32 = 60;
const BETWEEN: Duration = Duration::from_secs(2);

/// The command line.
#[derive(Args)]
pub(crate) struct Import {
    /// Files of CloudTrail, packed or not, or folders with such files
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// Whose keys were used [default: the caller's account]
    #[arg(long, value_name = "12 DIGITS")]
    account: Option<AccountId>,
    /// The id of a key at AWS, and the id that it has here; may be repeated
    #[arg(long = "key", value_name = "AWS ID=ID", value_parser = ids)]
    keys: Vec<(KeyId, KeyId)>,
}

/// The request of ImportCloudTrail.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Request {
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    key_ids: BTreeMap<String, String>,
    records: String,
}

/// Its answer, and the sum of some.
#[derive(Deserialize, Default)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    events_accepted: u64,
    duplicates: u64,
    events_left_out: u64,
    missing_keys: BTreeSet<String>,
}

impl Import {
    /// Runs it. A file that is refused does not keep the others out.
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        let (mut files, mut total, mut refused) = (Vec::new(), Answer::default(), 0);
        for path in &self.paths {
            if let Err(error) = files::find(path, &mut files) {
                refused += 1;
                complain(path, &error);
            }
        }
        for path in &files {
            match self.import(path)? {
                Ok(answer) => {
                    say(&format!("{}: {answer}", shown(path)))?;
                    total.add(answer);
                }
                Err(reason) => {
                    refused += 1;
                    complain(path, &reason);
                }
            }
        }
        say(&format!("{} files: {total}; {refused} refused", files.len()))?;
        for key in &total.missing_keys {
            say(&format!("not here: {}", console::printable(key)))?;
        }
        Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    /// What came of a file, or why it was refused. Whatever would happen to all files ends it.
    fn import(&self, path: &Path) -> Result<Result<Answer, String>, CommandError> {
        let parts = match files::parts(path) {
            Ok(parts) => parts,
            Err(error) => return Ok(Err(error.to_string())),
        };
        let mut total = Answer::default();
        for part in parts {
            match self.ask(&part) {
                Ok(answer) => total.add(answer),
                Err(CommandError::Client(ClientError::Refused { code, message, .. }))
                    if code == Error::Validation(String::new()).wire().json_code =>
                {
                    return Ok(Err(console::printable(&message)));
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Ok(total))
    }

    fn ask(&self, part: &[u8]) -> Result<Answer, CommandError> {
        let request = Request {
            account_id: self.account.map(|account| account.to_string()),
            key_ids: self.keys.iter().map(|(there, here)| (there.to_string(), here.to_string())).collect(),
            records: STANDARD.encode(part),
        };
        let (busy, mut attempts) = (Error::Throttled.wire().json_code, 1);
        loop {
            match client::ask(OPERATION, &request, &config::from_environment) {
                Err(ClientError::Refused { code, .. }) if code == busy && attempts < ATTEMPTS => {
                    attempts += 1;
                    thread::sleep(BETWEEN);
                }
                answer => return serde_json::from_str(&answer?).map_err(CommandError::Answer),
            }
        }
    }
}

impl Answer {
    fn add(&mut self, other: Self) {
        self.events_accepted += other.events_accepted;
        self.duplicates += other.duplicates;
        self.events_left_out += other.events_left_out;
        self.missing_keys.extend(other.missing_keys);
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { events_accepted, duplicates, events_left_out, .. } = self;
        write!(f, "{events_accepted} events accepted, {duplicates} duplicates, {events_left_out} left out")
    }
}

fn ids(text: &str) -> Result<(KeyId, KeyId), String> {
    let ids = text.split_once('=').and_then(|(there, here)| Some((there.parse().ok()?, here.parse().ok()?)));
    ids.ok_or_else(|| "it is two ids of keys with `=` between them".to_owned())
}

fn shown(path: &Path) -> String {
    console::printable(&path.display().to_string())
}

fn complain(path: &Path, reason: &dyn fmt::Display) {
    console::complain(&format!("`{}` is refused: {reason}", shown(path)));
}

fn say(line: &str) -> Result<(), CommandError> {
    console::say(&format!("{line}\n")).map_err(CommandError::Output)
}
