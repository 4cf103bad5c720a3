//! CloudTrail's files: `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`, gzip, each one JSON object with `Records`.
//! Source: CloudTrail user guide, "CloudTrail log file name format".

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use claviger_core::cloudtrail::CloudTrailRecord;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::AuditError;

/// Files that are written at once. Events come in the order of time, so that there are few unless Regions and accounts
/// are many; one that is closed and goes on is a new file.
const OPEN_MAX: usize = 128;

/// What is in no account.
const NOBODY: &str = "unknown";
/// What is in no Region.
const GLOBAL: &str = "global";

/// Files in a folder.
pub(super) struct Files {
    folder: PathBuf,
    open: BTreeMap<Place, Open>,
}

/// What stands in one file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    /// `2026/01/31`; the oldest is closed first.
    day: String,
    account: String,
    region: String,
}

struct Open {
    path: PathBuf,
    out: GzEncoder<BufWriter<File>>,
}

impl Files {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, open: BTreeMap::new() }
    }

    /// Writes a record; `index` is the place of its entry.
    pub(super) fn put(&mut self, index: u64, record: &CloudTrailRecord<'_>) -> Result<(), AuditError> {
        let time = record.time().to_iso8601();
        let place = Place {
            day: time.get(..10).unwrap_or_default().replace('-', "/"),
            account: record.recipient().map_or_else(|| NOBODY.into(), |account| account.to_string()),
            region: record.region().unwrap_or(GLOBAL).to_owned(),
        };
        let first = !self.open.contains_key(&place);
        if first {
            while self.open.len() >= OPEN_MAX {
                let Some((_, oldest)) = self.open.pop_first() else { break };
                oldest.finish()?;
            }
            let open = self.create(&place, &time, index)?;
            self.open.insert(place.clone(), open);
        }
        let Some(Open { path, out }) = self.open.get_mut(&place) else { return Ok(()) };
        let before: &[u8] = if first { b"{\"Records\":[" } else { b"," };
        let written = out.write_all(before);
        let written = written.and_then(|()| serde_json::to_writer(out, record).map_err(io::Error::from));
        written.map_err(|source| AuditError::Write { path: path.clone(), source })
    }

    /// Ends all files.
    pub(super) fn finish(self) -> Result<(), AuditError> {
        self.open.into_values().try_for_each(Open::finish)
    }

    fn create(&self, place: &Place, time: &str, index: u64) -> Result<Open, AuditError> {
        let Place { day, account, region } = place;
        let minute: String = time.get(..16).unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("{account}_CloudTrail_{region}_{minute}Z_{index:016x}.json.gz");
        let folder = self.folder.join("AWSLogs").join(account).join("CloudTrail").join(region).join(day);
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        match fs::create_dir_all(&folder).and_then(|()| options.open(&path)) {
            Ok(file) => Ok(Open { path, out: GzEncoder::new(BufWriter::new(file), Compression::default()) }),
            Err(source) => Err(AuditError::Write { path, source }),
        }
    }
}

impl Open {
    fn finish(mut self) -> Result<(), AuditError> {
        let Self { path, out } = &mut self;
        let ended = out.write_all(b"]}").and_then(|()| out.try_finish()).and_then(|()| out.get_mut().flush());
        ended.map_err(|source| AuditError::Write { path: path.clone(), source })
    }
}
