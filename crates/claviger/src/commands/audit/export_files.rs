//! CloudTrail's files: `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`, gzip, each one JSON object with `Records`.
//! Source: CloudTrail user guide, "CloudTrail log file name format".
//!
//! Whoever writes a log signs what it likes, and must not choose with it where an auditor's files go: every part of a path
//! is of a form that names no other place.

use std::collections::HashMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use claviger_core::cloudtrail::CloudTrailRecord;
use claviger_types::{Region, Timestamp};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::AuditError;

/// Files that are written at once. Events come in the order of time, so that there are few unless Regions and accounts
/// are many; one that is closed and goes on is a new file. The one that was written to longest ago is closed first, so
/// that places which occur once do not close those that go on.
const OPEN_MAX: usize = 128;

/// What is in no account, in no Region that can be one, or on no day of this era.
const UNKNOWN: &str = "unknown";
/// What is in no Region.
const GLOBAL: &str = "global";

/// Files in a folder.
pub(super) struct Files {
    folder: PathBuf,
    open: HashMap<Place, Open>,
    written: u64,
}

/// What stands in one file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Place {
    /// `2026/01/31`.
    day: String,
    account: String,
    region: String,
}

struct Open {
    path: PathBuf,
    out: GzEncoder<BufWriter<File>>,
    /// Which of all records was written to it last.
    last: u64,
}

impl Files {
    pub(super) fn in_folder(folder: PathBuf) -> Self {
        Self { folder, open: HashMap::new(), written: 0 }
    }

    /// Writes a record; `index` is the place of its entry.
    pub(super) fn put(&mut self, index: u64, record: &CloudTrailRecord<'_>) -> Result<(), AuditError> {
        let place = Place {
            day: day(record.time()),
            account: record.recipient().map_or_else(|| UNKNOWN.into(), |account| account.to_string()),
            region: record.region().map_or_else(|| GLOBAL.into(), region),
        };
        let first = !self.open.contains_key(&place);
        if first {
            self.make_room()?;
            let open = self.create(&place, record.time(), index)?;
            self.open.insert(place.clone(), open);
        }
        let Some(Open { path, out, last }) = self.open.get_mut(&place) else { return Ok(()) };
        self.written += 1;
        *last = self.written;
        let before: &[u8] = if first { b"{\"Records\":[" } else { b"," };
        let written = out.write_all(before);
        let written = written.and_then(|()| serde_json::to_writer(out, record).map_err(io::Error::from));
        written.map_err(|source| AuditError::Write { path: path.clone(), source })
    }

    /// Ends all files.
    pub(super) fn finish(self) -> Result<(), AuditError> {
        self.open.into_values().try_for_each(Open::finish)
    }

    fn make_room(&mut self) -> Result<(), AuditError> {
        while self.open.len() >= OPEN_MAX {
            let idle = self.open.iter().min_by_key(|(_, open)| open.last).map(|(place, _)| place.clone());
            let Some(open) = idle.and_then(|place| self.open.remove(&place)) else { break };
            open.finish()?;
        }
        Ok(())
    }

    fn create(&self, place: &Place, time: Timestamp, index: u64) -> Result<Open, AuditError> {
        let Place { day, account, region } = place;
        let time = time.to_iso8601();
        let minute: String = time.get(..16).unwrap_or_default().chars().filter(char::is_ascii_alphanumeric).collect();
        let name = format!("{account}_CloudTrail_{region}_{minute}Z_{index:016x}.json.gz");
        let folder = self.folder.join("AWSLogs").join(account).join("CloudTrail").join(region).join(day);
        let path = folder.join(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(0o600);
        match fs::create_dir_all(&folder).and_then(|()| options.open(&path)) {
            Ok(file) => Ok(Open { path, out: GzEncoder::new(BufWriter::new(file), Compression::default()), last: 0 }),
            Err(source) => Err(AuditError::Write { path, source }),
        }
    }
}

impl Open {
    fn finish(mut self) -> Result<(), AuditError> {
        let Self { path, out, .. } = &mut self;
        let ended = out.write_all(b"]}").and_then(|()| out.try_finish()).and_then(|()| out.get_mut().flush());
        ended.map_err(|source| AuditError::Write { path: path.clone(), source })
    }
}

/// `2026/01/31`. A year before our era begins with a sign, which would become a path of its own.
fn day(time: Timestamp) -> String {
    if time.as_millis() < 0 {
        return UNKNOWN.to_owned();
    }
    time.to_iso8601().get(..10).unwrap_or(UNKNOWN).replace('-', "/")
}

/// The Region's name, if it can be one.
fn region(name: &str) -> String {
    name.parse().map_or_else(|_| UNKNOWN.to_owned(), |region: Region| region.to_string())
}

#[cfg(test)]
mod tests {
    use claviger_core::cloudtrail::{self, Entry};
    use claviger_core::records::{EventKind, EventRecord};

    use super::*;

    fn event(at: i64, region: &str) -> EventRecord<'_> {
        EventRecord {
            account: Some(111_122_223_333),
            region: Some(region),
            ..EventRecord::new(EventKind::Job, at, [0; 16])
        }
    }

    /// Writes an event for each place, and returns the paths of all files below the scratch directory.
    fn written(events: &[EventRecord<'_>]) -> Vec<String> {
        let scratch = tempfile::tempdir().unwrap();
        let mut files = Files::in_folder(scratch.path().join("a/b/out"));
        let origin = "claviger.example/0".parse().unwrap();
        for (index, event) in (0..).zip(events) {
            let entry = Entry { origin: &origin, index };
            cloudtrail::render(event, entry).unwrap().iter().for_each(|record| files.put(index, record).unwrap());
        }
        files.finish().unwrap();
        let mut found = Vec::new();
        let mut folders = vec![scratch.path().to_owned()];
        while let Some(folder) = folders.pop() {
            for inside in fs::read_dir(folder).unwrap() {
                let path = inside.unwrap().path();
                match path.is_dir() {
                    true => folders.push(path),
                    false => found.push(path.strip_prefix(scratch.path()).unwrap().to_str().unwrap().to_owned()),
                }
            }
        }
        found.sort_unstable();
        found
    }

    /// Nothing that a log says leads out of the folder.
    #[test]
    fn hostile_entries_stay_in_the_folder() {
        const DAY: &str = "2027/01/15";
        let long_ago = -377_705_000_000_000;
        for (at, name, want) in [
            (1_800_000_000_000, "us-east-1", format!("us-east-1/{DAY}")),
            (1_800_000_000_000, "../../../../../../x", format!("{UNKNOWN}/{DAY}")),
            (1_800_000_000_000, "/tmp", format!("{UNKNOWN}/{DAY}")),
            (1_800_000_000_000, "", format!("{UNKNOWN}/{DAY}")),
            (long_ago, "us-east-1", format!("us-east-1/{UNKNOWN}")),
            (i64::MIN, "us-east-1", format!("us-east-1/{UNKNOWN}")),
        ] {
            let found = written(&[event(at, name)]);
            let folder = format!("a/b/out/AWSLogs/111122223333/CloudTrail/{want}/111122223333_CloudTrail_");
            assert!(found.len() == 1 && found[0].starts_with(&folder), "{at} {name:?}: {found:?}");
        }
    }

    /// A place that goes on keeps its file, whatever else there is.
    #[test]
    fn what_is_written_to_stays_open() {
        let others: Vec<_> = (0..2 * OPEN_MAX).map(|number| format!("us-east-{number}")).collect();
        let steady = event(1_800_000_000_000, "ap-south-1");
        let events: Vec<_> = others.iter().flat_map(|name| [steady.clone(), event(1_900_000_000_000, name)]).collect();
        let steady = written(&events).iter().filter(|path| path.contains("ap-south-1")).count();
        assert_eq!(steady, 1);
    }
}
