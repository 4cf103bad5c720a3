//! One space's audit log: an append-only file of checksummed entries (docs/formats.md). Its bytes up to the stored
//! position are on disk and whole; what lies beyond is a torn append of events that still wait in the outbox.

use std::collections::VecDeque;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use claviger_keyring::Space;

use crate::paths;

/// Length and checksum before each entry.
const HEAD_BYTES: usize = 8;

/// A log file.
pub struct AuditLog {
    path: PathBuf,
    file: File,
    bytes: u64,
}

/// A log file that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Entries that were acknowledged are damaged or gone.
    #[error("the audit log `{path}` is damaged: {problem}")]
    Damaged {
        /// The file.
        path: String,
        /// What is wrong.
        problem: String,
    },
    /// It cannot be read or written.
    #[error("the audit log `{path}` cannot be used: {error}")]
    Io {
        /// The file.
        path: String,
        /// Why.
        error: io::Error,
    },
}

impl AuditLog {
    /// Opens the log, which must reach up to `position`; what a crash left behind that is cut off.
    pub fn open(path: &Path, position: u64) -> Result<Self, LogError> {
        let used = |error| LogError::Io { path: path.display().to_string(), error };
        let mut options = OpenOptions::new();
        let file = options.read(true).write(true).create(true).truncate(false).mode(0o600).open(path).map_err(used)?;
        if position == 0 {
            sync_folder(path).map_err(used)?;
        }
        if file.metadata().map_err(used)?.len() < position {
            let problem = format!("it is shorter than the {position} bytes that were written");
            return Err(LogError::Damaged { path: path.display().to_string(), problem });
        }
        let mut log = Self { path: path.to_owned(), file, bytes: position };
        log.cut().map_err(used)?;
        Ok(log)
    }

    /// Appends entries and makes them durable. The answer is where each of them ends.
    pub fn append<'e>(&mut self, entries: impl IntoIterator<Item = &'e [u8]>) -> Result<VecDeque<u64>, LogError> {
        let mut framed = Vec::new();
        let mut ends = VecDeque::new();
        for entry in entries {
            frame(entry, &mut framed).map_err(|error| self.failed(error))?;
            ends.push_back(self.bytes + framed.len() as u64);
        }
        self.write(&framed).map_err(|error| self.failed(error))?;
        Ok(ends)
    }

    fn write(&mut self, framed: &[u8]) -> io::Result<()> {
        // An append that failed before may have left its bytes.
        self.cut()?;
        self.file.write_all(framed)?;
        self.file.sync_data()?;
        self.bytes += framed.len() as u64;
        Ok(())
    }

    fn cut(&mut self) -> io::Result<()> {
        self.file.set_len(self.bytes)?;
        self.file.seek(SeekFrom::Start(self.bytes)).map(drop)
    }

    fn failed(&self, error: io::Error) -> LogError {
        LogError::Io { path: self.path.display().to_string(), error }
    }
}

/// `length 4 | checksum 4 | entry`, the checksum being the entry's CRC-32: it finds accidents, not enemies.
fn frame(entry: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let length = u32::try_from(entry.len()).map_err(io::Error::other)?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&crc32fast::hash(entry).to_be_bytes());
    out.extend_from_slice(entry);
    Ok(())
}

/// Where a space's log is.
pub fn path_in(folder: &Path, space: Space) -> PathBuf {
    folder.join(format!("{}.log", paths::space_name(space)))
}

/// Whether the first `position` bytes of a log are whole entries. It reads all of them, so it is the doctor's to ask.
pub fn check(path: &Path, position: u64) -> Result<(), LogError> {
    let shown = || path.display().to_string();
    match File::open(path).and_then(|file| check_entries(file, position)) {
        Ok(Ok(())) => Ok(()),
        Ok(Err(problem)) => Err(LogError::Damaged { path: shown(), problem }),
        Err(error) => Err(LogError::Io { path: shown(), error }),
    }
}

fn check_entries(file: File, position: u64) -> io::Result<Result<(), String>> {
    let mut reader = io::BufReader::new(file.take(position));
    let mut at = 0;
    let mut entry = Vec::new();
    while at < position {
        let mut head = [0; HEAD_BYTES];
        if reader.read_exact(&mut head).is_err() {
            return Ok(Err(format!("the entry at byte {at} is cut off")));
        }
        let [a, b, c, d, checksum @ ..] = head;
        let length = u64::from(u32::from_be_bytes([a, b, c, d]));
        entry.clear();
        let read = reader.by_ref().take(length).read_to_end(&mut entry)? as u64;
        if read < length || crc32fast::hash(&entry).to_be_bytes() != checksum {
            return Ok(Err(format!("the entry at byte {at} does not match its checksum")));
        }
        at += HEAD_BYTES as u64 + length;
    }
    Ok(Ok(()))
}

fn sync_folder(path: &Path) -> io::Result<()> {
    path.parent().map_or(Ok(()), |folder| File::open(folder)?.sync_all())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRIES: [&[u8]; 3] = [b"one", b"", b"three"];

    fn written(folder: &Path) -> (PathBuf, u64) {
        let path = folder.join("global.log");
        let ends = AuditLog::open(&path, 0).unwrap().append(ENTRIES).unwrap();
        assert_eq!(ends, [11, 19, 32]);
        (path, 32)
    }

    #[test]
    fn what_lies_behind_the_position_is_cut_off() {
        let folder = tempfile::tempdir().unwrap();
        let (path, position) = written(folder.path());
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, [&whole, b"torn".as_slice()].concat()).unwrap();
        drop(AuditLog::open(&path, position).unwrap());
        assert_eq!(std::fs::read(&path).unwrap(), whole);
        let mut log = AuditLog::open(&path, 19).unwrap();
        assert_eq!(log.append([b"3".as_slice()]).unwrap(), [28]);
        check(&path, 28).unwrap();
    }

    #[test]
    fn damage_before_the_position_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let (path, position) = written(folder.path());
        check(&path, position).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for index in 0..whole.len() {
            let mut damaged = whole.clone();
            damaged[index] ^= 1;
            std::fs::write(&path, &damaged).unwrap();
            assert!(matches!(check(&path, position), Err(LogError::Damaged { .. })), "byte {index}");
        }
        for length in 0..whole.len() {
            std::fs::write(&path, &whole[..length]).unwrap();
            assert!(matches!(check(&path, position), Err(LogError::Damaged { .. })), "length {length}");
            assert!(matches!(AuditLog::open(&path, position), Err(LogError::Damaged { .. })), "length {length}");
        }
    }
}
