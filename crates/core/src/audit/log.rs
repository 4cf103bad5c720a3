//! The transparency log in the data directory (docs/audit-log.md): opened under the deployment's key, appended to in
//! groups, verified.

use std::io;
use std::sync::Arc;

use claviger_tlog::{Files, NoteError, Origin, Reader, Signer, VerifierKey, WriteError, Writer};

use crate::view::{Deployment, DeploymentAuditKey, View};

/// The file in the log's directory that holds the public key. It is there to be copied elsewhere: whoever can change the
/// log can change this file too.
pub const VERIFIER_KEY_FILE: &str = "verifier-key";

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
    /// The store holds no deployment, or no audit key.
    #[error("the store holds no audit key")]
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

/// Where the log is, and by which keys.
#[derive(Clone)]
pub struct Place {
    files: Arc<dyn Files>,
    origin: Origin,
    /// Oldest first, never none. The newest that the log has signs; one that it does not have yet is to sign next.
    keys: Vec<Arc<DeploymentAuditKey>>,
}

/// The name of a deployment's log and of its keys.
pub fn origin(deployment: &Deployment) -> Result<Origin, NoteError> {
    format!("claviger/{}", const_hex::encode(deployment.id)).parse()
}

impl Place {
    /// The log of this deployment, in these files.
    pub fn new(view: &View, files: Arc<dyn Files>) -> Result<Self, LogError> {
        let deployment = view.deployment().ok_or(LogError::NoKey)?;
        let keys: Vec<_> = view.audit_keys().cloned().collect();
        if keys.is_empty() {
            return Err(LogError::NoKey);
        }
        Ok(Self { files, origin: origin(deployment)?, keys })
    }

    fn verifier_key(&self, key: &DeploymentAuditKey) -> VerifierKey {
        VerifierKey::new(self.origin.clone(), key.key.public_key())
    }

    /// Its name.
    pub(super) fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether it was not begun yet.
    pub(super) fn is_absent(&self) -> bool {
        self.files.list("").is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
    }

    /// Opens the log by the audit key that signs it, and tells which that is.
    fn open(&self) -> Result<(Writer, Arc<DeploymentAuditKey>), LogError> {
        let mut refused = LogError::NoKey;
        for key in self.keys.iter().rev() {
            match Writer::open(Arc::clone(&self.files), self.origin.clone(), Box::new(AuditSigner(Arc::clone(key)))) {
                Err(error @ WriteError::WrongKey { .. }) => refused = error.into(),
                opened => return Ok((opened?, Arc::clone(key))),
            }
        }
        Err(refused)
    }

    /// The log as it stands now, for reading.
    pub fn reader(&self) -> Result<Reader, LogError> {
        Ok(self.by_newest_key(|key| Reader::open(Arc::clone(&self.files), key))?.0)
    }

    /// Does something by the newest key that the log has, and tells which that is.
    fn by_newest_key<T>(
        &self,
        act: impl Fn(&VerifierKey) -> Result<T, claviger_tlog::LogError>,
    ) -> Result<(T, VerifierKey), LogError> {
        let mut refused = LogError::NoKey;
        for key in self.keys.iter().rev().map(|key| self.verifier_key(key)) {
            match act(&key) {
                Err(error @ claviger_tlog::LogError::Untrusted(_)) => refused = error.into(),
                done => return Ok((done?, key)),
            }
        }
        Err(refused)
    }
}

/// An audit key as the log asks for it.
struct AuditSigner(Arc<DeploymentAuditKey>);

impl Signer for AuditSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message)
    }
}

/// The log, written by this process.
pub(crate) struct Log {
    place: Place,
    /// None after an error: nobody knows whether what was being written is there.
    writer: Option<Writer>,
    /// The key that signs.
    key: Arc<DeploymentAuditKey>,
    /// Entries that are durable for certain.
    size: u64,
    kept_from: u64,
    bytes_written: u64,
}

impl Log {
    /// Opens the log, or begins it.
    pub(crate) fn open(place: Place) -> Result<Self, LogError> {
        let (writer, key) = place.open()?;
        let (size, kept_from) = (writer.next_index(), writer.kept_from());
        let log = Self { place, writer: Some(writer), key, size, kept_from, bytes_written: 0 };
        log.publish_key()?;
        Ok(log)
    }

    /// The public key of the one that signs.
    pub(super) fn verifier_key(&self) -> VerifierKey {
        self.place.verifier_key(&self.key)
    }

    /// The version of the key that signs.
    pub(super) fn key_version(&self) -> u32 {
        self.key.key.version()
    }

    /// The first entry that was not pruned.
    pub(crate) fn kept_from(&self) -> u64 {
        self.kept_from
    }

    /// How many entries are durable.
    pub(crate) fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the entries that were written since it was opened.
    pub(super) fn bytes_written(&self) -> u64 {
        self.bytes_written
    }

    /// Shows each entry from this place on.
    pub(super) fn read_from(&self, first: u64, visit: &mut dyn FnMut(&[u8])) -> Result<(), LogError> {
        let reader = Reader::open(Arc::clone(&self.place.files), &self.verifier_key())?;
        for entry in reader.entries(first.max(reader.kept_from())..self.size) {
            visit(&entry?.1);
        }
        Ok(())
    }

    /// Appends these entries and makes them durable. After an error it must be called with the same ones again: it finds
    /// out whether they are there, and appends them if they are not.
    pub(crate) fn commit(&mut self, entries: &[&[u8]]) -> Result<(), LogError> {
        let wanted = self.size + entries.len() as u64;
        let mut writer = self.take_writer()?;
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
        self.bytes_written += entries.iter().map(|entry| entry.len() as u64).sum::<u64>();
        Ok(())
    }

    /// Has all further checkpoints signed by this key, which the store holds. After an error it must be called again: it
    /// does what was not done. From then on the log needs no older key.
    pub(super) fn rotate(&mut self, next: Arc<DeploymentAuditKey>) -> Result<(), LogError> {
        // The log may need it from the first byte on.
        if !self.place.keys.iter().any(|known| known.key.version() == next.key.version()) {
            self.place.keys.push(Arc::clone(&next));
        }
        let mut writer = self.take_settled_writer()?;
        if self.key_version() != next.key.version() {
            writer.rotate(Box::new(AuditSigner(Arc::clone(&next))))?;
            self.key = next;
        }
        self.writer = Some(writer);
        self.place.keys = vec![Arc::clone(&self.key)];
        self.publish_key()
    }

    /// Removes the entries before this one, as far as their bundles are full, and those that an error left.
    pub(crate) fn prune(&mut self, before: u64) -> Result<(), LogError> {
        let mut writer = self.take_settled_writer()?;
        let pruned = writer.prune(before);
        self.kept_from = writer.kept_from();
        // What cannot be removed is none of the log any more. A marker that was not written is another matter.
        self.writer = writer.is_ready().then_some(writer);
        pruned?;
        Ok(())
    }

    fn take_writer(&mut self) -> Result<Writer, LogError> {
        if let Some(writer) = self.writer.take() {
            return Ok(writer);
        }
        let (writer, key) = self.place.open()?;
        (self.key, self.kept_from) = (key, writer.kept_from());
        Ok(writer)
    }

    /// The writer, when nothing is being written.
    fn take_settled_writer(&mut self) -> Result<Writer, LogError> {
        let writer = self.take_writer()?;
        match writer.next_index() {
            found if found == self.size => Ok(writer),
            found => Err(LogError::Foreign { wanted: self.size, found }),
        }
    }

    fn publish_key(&self) -> Result<(), LogError> {
        let verifier_key = format!("{}\n", self.verifier_key());
        let files = &self.place.files;
        let kept = files.read(VERIFIER_KEY_FILE, verifier_key.len());
        if !kept.is_ok_and(|kept| kept == verifier_key.as_bytes()) {
            let failed = |source| WriteError::Io { file: VERIFIER_KEY_FILE.to_owned(), source };
            files.write(VERIFIER_KEY_FILE, verifier_key.as_bytes()).map_err(failed)?;
        }
        Ok(())
    }
}

/// What was found in a log that verifies.
pub struct Verified {
    /// Entries of the log.
    pub entries: u64,
    /// Those from this one on are kept.
    pub kept_from: u64,
    /// The public key by which it was verified.
    pub key: VerifierKey,
}

/// Verifies every byte of the log, and shows each entry that is kept, with its place. A log that was not begun is empty.
pub fn verify(place: &Place, visit: &mut dyn FnMut(u64, &[u8])) -> Result<Verified, LogError> {
    if place.is_absent() {
        let key = place.keys.last().map(|key| place.verifier_key(key)).ok_or(LogError::NoKey)?;
        return Ok(Verified { entries: 0, kept_from: 0, key });
    }
    let (report, key) =
        place.by_newest_key(|key| claviger_tlog::verify(Arc::clone(&place.files), key, None, &mut |_, _| {}))?;
    let reader = Reader::open(Arc::clone(&place.files), &key)?;
    for entry in reader.entries(report.kept_from..u64::MAX) {
        let (index, entry) = entry?;
        visit(index, &entry);
    }
    Ok(Verified { entries: report.checkpoint.checkpoint().size, kept_from: report.kept_from, key })
}
