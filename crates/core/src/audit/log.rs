//! The transparency log in the data directory (docs/audit-log.md): opened under the deployment's key, appended to in
//! groups, verified.

use std::io;
use std::sync::Arc;

use claviger_keyring::LogKey;
use claviger_tlog::{Files, NoteError, Origin, Reader, Signer, VerifierKey, WriteError, Writer};

use crate::view::{DeploymentLogKey, View};

/// The file in the log's directory that holds the public key. It is there to be copied elsewhere: whoever can change the
/// log can change this file too.
const VERIFIER_KEY_FILE: &str = "verifier-key";

/// The log cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// Entries are there that this writer did not write.
    #[error("the audit log has {found} entries, and {wanted} were written")]
    Foreign {
        /// How many there should be.
        wanted: u64,
        /// How many there are.
        found: u64,
    },
    /// The store holds no deployment, or no key of the log.
    #[error("the store holds no key of the audit log")]
    NoKey,
    /// The log's name.
    #[error(transparent)]
    Name(#[from] NoteError),
    /// It is damaged, or cannot be read.
    #[error(transparent)]
    Read(#[from] claviger_tlog::LogError),
    /// The disk fails or is full, or the log is damaged.
    #[error(transparent)]
    Write(#[from] WriteError),
}

/// Where the log is, and by which key.
#[derive(Clone)]
pub struct Place {
    files: Arc<dyn Files>,
    origin: Origin,
    key: Arc<DeploymentLogKey>,
}

impl Place {
    /// The log of this deployment, in these files.
    pub fn new(view: &View, files: Arc<dyn Files>) -> Result<Self, LogError> {
        let key = view.log_keys().next_back().ok_or(LogError::NoKey)?;
        Ok(Self { files, origin: origin(view)?, key: Arc::clone(key) })
    }

    /// The log as it is now.
    pub fn reader(&self) -> Result<Reader, claviger_tlog::LogError> {
        Reader::open(Arc::clone(&self.files), &self.verifier_key())
    }

    /// The public key.
    pub fn verifier_key(&self) -> VerifierKey {
        VerifierKey::new(self.origin.clone(), self.key.key.public_key())
    }

    pub(crate) fn open(&self) -> Result<Writer, WriteError> {
        Writer::open(Arc::clone(&self.files), self.origin.clone(), Box::new(KeyOfLog(Arc::clone(&self.key))))
    }
}

/// The name of this deployment's log.
pub fn origin(view: &View) -> Result<Origin, LogError> {
    let deployment = view.deployment().ok_or(LogError::NoKey)?;
    Ok(format!("claviger/{}", hex::encode(deployment.id)).parse()?)
}

/// The keyring's key as the log asks for it.
struct KeyOfLog(Arc<DeploymentLogKey>);

impl KeyOfLog {
    fn key(&self) -> &LogKey {
        &self.0.key
    }
}

impl Signer for KeyOfLog {
    fn public_key(&self) -> [u8; 32] {
        self.key().public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.key().sign(message)
    }
}

/// The log, written by this process.
pub(crate) struct Log {
    place: Place,
    /// None after an error: nobody knows whether what was being written is there.
    writer: Option<Writer>,
    /// Entries that are durable for certain.
    size: u64,
}

impl Log {
    /// Opens the log, or begins it.
    pub(crate) fn open(place: Place) -> Result<Self, LogError> {
        let writer = place.open()?;
        let verifier_key = format!("{}\n", place.verifier_key());
        let kept = place.files.read(VERIFIER_KEY_FILE, verifier_key.len());
        let kept = kept.is_ok_and(|kept| kept == verifier_key.as_bytes());
        if !kept {
            let failed = |source| WriteError::Io { file: VERIFIER_KEY_FILE.to_owned(), source };
            place.files.write(VERIFIER_KEY_FILE, verifier_key.as_bytes()).map_err(failed)?;
        }
        Ok(Self { place, size: writer.next_index(), writer: Some(writer) })
    }

    /// How many entries are durable.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Shows each entry from this place on.
    pub(super) fn read_from(&self, first: u64, visit: &mut dyn FnMut(&[u8])) -> Result<(), LogError> {
        let reader = self.place.reader()?;
        for entry in reader.entries(first.max(reader.kept_from())..self.size) {
            visit(&entry?.1);
        }
        Ok(())
    }

    /// Appends these entries and makes them durable. After an error it must be called with the same ones again: it finds
    /// out whether they are there, and appends them if they are not.
    pub(crate) fn commit<'e>(&mut self, entries: impl ExactSizeIterator<Item = &'e [u8]>) -> Result<(), LogError> {
        let wanted = self.size + entries.len() as u64;
        let mut writer = match self.writer.take() {
            Some(writer) => writer,
            None => self.place.open()?,
        };
        match writer.next_index() {
            found if found == wanted => {}
            found if found == self.size => {
                for entry in entries {
                    writer.append(entry)?;
                }
                writer.commit()?;
            }
            found => return Err(LogError::Foreign { wanted, found }),
        }
        self.writer = Some(writer);
        self.size = wanted;
        Ok(())
    }
}

/// What was found in a log that verifies.
pub struct Verified {
    /// Entries of the log.
    pub entries: u64,
    /// The public key by which it was verified.
    pub key: VerifierKey,
}

/// Verifies every byte of the log, and shows each entry that is kept, with its place. A log that was not begun is empty.
pub fn verify(place: &Place, visit: &mut dyn FnMut(u64, &[u8])) -> Result<Verified, LogError> {
    let key = place.verifier_key();
    if place.files.list("").is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        return Ok(Verified { entries: 0, key });
    }
    let report = claviger_tlog::verify(Arc::clone(&place.files), &key, None, &mut |_, _| {})?;
    let reader = place.reader()?;
    for entry in reader.entries(report.kept_from..u64::MAX) {
        let (index, entry) = entry?;
        visit(index, &entry);
    }
    Ok(Verified { entries: report.checkpoint.checkpoint().size, key })
}
