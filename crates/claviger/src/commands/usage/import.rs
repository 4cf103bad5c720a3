//! `claviger usage import`: sends files of CloudTrail to a running server, in as few requests as hold them, and says
//! what came of each request.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::mem;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Args;
use claviger_core::Error;
use claviger_types::{AccountId, KeyId, limits};
use serde::{Deserialize, Serialize};

use super::files;
use super::joined::Joined;
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
    /// Whether an answer named as many of them as one may.
    #[serde(skip)]
    maybe_more: bool,
}

/// What is on its way, and what came of the rest.
struct Sending<'i> {
    import: &'i Import,
    joined: Joined,
    /// The files whose records, or some of them, are joined.
    files: Vec<&'i Path>,
    total: Answer,
}

impl Import {
    /// Runs it. A file that cannot be read, or is none of CloudTrail's, does not keep the others out.
    pub(super) fn run(self) -> Result<ExitCode, CommandError> {
        if self.keys.len() > limits::IMPORT_KEY_IDS_MAX {
            let reason = format!("`--key` is there more than {} times", limits::IMPORT_KEY_IDS_MAX);
            return Err(ClientError::Request { operation: OPERATION, reason }.into());
        }
        let (mut files, mut refused) = (Vec::new(), 0);
        let mut refuse = |path: &Path, reason: &dyn fmt::Display| {
            refused += 1;
            console::complain(&format!("`{}` is refused: {reason}", shown(path)));
        };
        for path in &self.paths {
            files::find(path, &mut files).unwrap_or_else(|error| refuse(path, &error));
        }
        let mut sending =
            Sending { import: &self, joined: Joined::default(), files: Vec::new(), total: Answer::default() };
        for path in &files {
            match files::read(path) {
                Ok(text) => sending.add(path, &text)?,
                Err(error) => refuse(path, &error),
            }
        }
        sending.send()?;
        let total = sending.total;
        say(&format!("{} files: {total}; {refused} refused", files.len()))?;
        for key in &total.missing_keys {
            say(&format!("not here: {}", console::printable(key)))?;
        }
        if total.maybe_more {
            say("not here: perhaps more keys, since an answer names some of them; make these and import again")?;
        }
        Ok(if refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
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

impl<'i> Sending<'i> {
    /// Joins the records of a file to those before it, and sends what a request can hold.
    fn add(&mut self, file: &'i Path, text: &[u8]) -> Result<(), CommandError> {
        let mut sent = Ok(());
        files::each_record(text, |record| {
            if sent.is_ok() {
                sent = self.add_record(file, record);
            }
        });
        sent
    }

    fn add_record(&mut self, file: &'i Path, record: &str) -> Result<(), CommandError> {
        if !self.joined.has_room_for(record).map_err(not_packed)? {
            self.send()?;
        }
        self.joined.push(record).map_err(not_packed)?;
        if self.files.last() != Some(&file) {
            self.files.push(file);
        }
        Ok(())
    }

    /// Sends what is joined, if anything is, and says what came of it. A refusal concerns all that would follow as well:
    /// whatever is wrong with a single file was found before.
    fn send(&mut self) -> Result<(), CommandError> {
        let (joined, files) = (mem::take(&mut self.joined), mem::take(&mut self.files));
        if files.is_empty() {
            return Ok(());
        }
        let answer = self.import.ask(&joined.finish().map_err(not_packed)?).inspect_err(|_| {
            console::complain(&format!("the import stops at {}", names(&files)));
        })?;
        say(&format!("{}: {answer}", names(&files)))?;
        self.total.add(answer);
        Ok(())
    }
}

impl Answer {
    fn add(&mut self, other: Self) {
        self.events_accepted += other.events_accepted;
        self.duplicates += other.duplicates;
        self.events_left_out += other.events_left_out;
        self.maybe_more |= other.missing_keys.len() >= limits::IMPORT_MISSING_KEYS_MAX;
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

/// The files of a request, which are in the order in which they were found.
fn names(files: &[&Path]) -> String {
    match files {
        [] => String::new(),
        [file] => shown(file),
        [first, .., last] => format!("{} to {} ({} files)", shown(first), shown(last), files.len()),
    }
}

fn not_packed(error: io::Error) -> ClientError {
    ClientError::Request { operation: OPERATION, reason: error.to_string() }
}

fn say(line: &str) -> Result<(), CommandError> {
    console::say(&format!("{line}\n")).map_err(CommandError::Output)
}
