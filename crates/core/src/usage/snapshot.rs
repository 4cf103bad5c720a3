//! Usage on the disk: what a start goes on from, so that it need not read the whole log. A new snapshot takes the place
//! of the old one at once or not at all.

use std::io;

use claviger_tlog::Files;
use claviger_usage::{Settings, StoredError, Usage};

/// The snapshot, one that is being written, and one that could not be used.
const SNAPSHOT: &str = "snapshot";
const WRITTEN: &str = "snapshot.new";
const SET_ASIDE: &str = "snapshot.unusable";

/// The snapshot, if there is one.
pub(super) fn read(files: &dyn Files, settings: Settings) -> Result<Option<Usage>, StoredError> {
    match files.read(SNAPSHOT, usize::MAX) {
        Ok(bytes) => Usage::read_snapshot(settings, bytes.as_slice()).map(Some),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(StoredError::Read(error)),
    }
}

/// Writes a snapshot.
pub(super) fn write(files: &dyn Files, usage: &Usage) -> io::Result<()> {
    let mut bytes = Vec::new();
    usage.write_snapshot(&mut bytes)?;
    files.create_directory("")?;
    files.write(WRITTEN, &bytes)?;
    files.sync(&[WRITTEN])?;
    files.rename(WRITTEN, SNAPSHOT)?;
    files.sync(&[""])
}

/// Keeps a snapshot that cannot be used for whoever wants to look at it.
pub(super) fn set_aside(files: &dyn Files) -> io::Result<()> {
    files.rename(SNAPSHOT, SET_ASIDE)?;
    files.sync(&[""])
}
