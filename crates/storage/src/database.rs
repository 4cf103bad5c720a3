//! The one file that uses redb: opening, reading and writing the file of an embedded store.
//!
//! It knows nothing of queues, watches or retries. redb may panic on a file that was damaged from outside, so each
//! step goes through [`guarded`], which turns a panic into an error that says why.
//!
//! Table `records`: path → stored record; table `meta`: `head` → head, both as `layout` has them. Cache size, commit mode and the version of redb were chosen by measurement; the power-loss test
//! vouches for them and runs on every change of version.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use redb::backends::FileBackend;
use redb::{
    Builder, Database as Redb, DatabaseError, ReadOnlyTable, ReadableDatabase, ReadableTable, ReadableTableMetadata,
    StorageBackend, TableDefinition, TableError, WriteTransaction,
};
use uuid::Uuid;

use crate::layout::{self, FORMAT, Head};
use crate::store::{Record, Revision, StoreError};
use crate::transaction::{CommitError, Found, Transaction};
use crate::watch::{Change, Commit};

/// redb's own default of 1 GiB would be most of a node's memory; the View holds what is read often.
const CACHE_BYTES: usize = 64 * 1024 * 1024;

/// Paths are bytes here, since redb checks a string key for UTF-8 at each comparison.
const RECORDS: TableDefinition<'_, &[u8], &[u8]> = TableDefinition::new("records");
const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
const HEAD: &str = "head";

/// Where a store's bytes are, and how to open them, again and again: after a failed commit redb refuses to write
/// until it is opened anew.
pub struct Medium {
    open: Box<dyn Fn(Opening) -> Result<Redb, OpenError> + Send + Sync>,
}

/// Why a store cannot be opened or created.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// There is something at the path already.
    #[error("there is a file of that name already")]
    AlreadyExists,
    /// Another process, or another store of this one, has it open.
    #[error("it is open already: another process uses it")]
    AlreadyOpen,
    /// It was a store, but its content is not what was written.
    #[error("it is damaged: {0}")]
    Damaged(String),
    /// The medium failed.
    #[error("{0}")]
    Io(#[source] io::Error),
    /// It was written by a later version.
    #[error("it has format {found}, and this version knows formats up to {FORMAT}: use a newer version")]
    NewerFormat {
        /// The format that it says it has.
        found: u64,
    },
    /// The file is something else.
    #[error("it is not a store of this program")]
    NotAStore,
    /// There is no such file.
    #[error("there is no such file")]
    NotFound,
    /// It is a whole store, but not in the state in which this process left it.
    #[error("it is not as this process left it: {0}")]
    Swapped(String),
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Opening {
    /// An empty medium becomes a store.
    Create,
    /// A store must be there.
    Existing,
    /// As `Existing`, and every page of the file is verified.
    Verified,
    /// As `Existing`, but what the operating system holds in memory may differ from what the disk holds.
    AfterFailure,
}

impl Medium {
    /// A medium that `open` opens.
    pub fn new<B: StorageBackend>(open: impl Fn() -> io::Result<B> + Send + Sync + 'static) -> Self {
        let open = move |opening| {
            let backend = open()?;
            open_redb(backend, opening)
        };
        Self { open: Box::new(open) }
    }

    /// An ordinary file.
    pub(crate) fn file(path: &Path) -> Self {
        let path = path.to_owned();
        let open = move |opening| {
            let file = OpenOptions::new().read(true).write(true).open(&path)?;
            if opening == Opening::AfterFailure {
                forget_cached(&file)?;
            }
            open_redb(FileBackend::new(file).map_err(open_error)?, opening)
        };
        Self { open: Box::new(open) }
    }
}

/// After a failed sync the kernel marks pages as clean which the disk never got. They are dropped from memory, so that
/// what is read next is what the disk holds.
fn forget_cached(file: &File) -> io::Result<()> {
    file.sync_all()?;
    #[cfg(target_os = "linux")]
    rustix::fs::fadvise(file, 0, None, rustix::fs::Advice::DontNeed)?;
    Ok(())
}

fn open_redb(backend: impl StorageBackend, opening: Opening) -> Result<Redb, OpenError> {
    // redb makes a database of any empty medium.
    if opening != Opening::Create && backend.len()? == 0 {
        return Err(OpenError::NotAStore);
    }
    let mut builder = Builder::new();
    builder.set_cache_size(CACHE_BYTES).set_check_integrity_on_open(opening == Opening::Verified);
    builder.create_with_backend(backend).map_err(open_error)
}

/// An open store file.
pub(crate) struct Database {
    redb: Redb,
    pub(crate) id: Uuid,
    /// Where it stood when it was opened.
    pub(crate) revision: Revision,
}

impl Database {
    /// Makes a store of an empty medium.
    pub(crate) fn create(medium: &Medium) -> Result<Self, OpenError> {
        guarded(OpenError::Damaged, || {
            let redb = (medium.open)(Opening::Create)?;
            let head = Head { id: Uuid::new_v4(), revision: Revision::ZERO };
            write_head(&redb, &head).map_err(head_error)?;
            Ok(Self { redb, id: head.id, revision: head.revision })
        })
    }

    /// Makes a store file. It appears under its name only when it is whole and durable, since a crash while redb
    /// makes a file leaves it unusable; and it never replaces a file that is there.
    pub(crate) fn create_file(path: &Path) -> Result<(), OpenError> {
        if path.try_exists()? {
            return Err(OpenError::AlreadyExists);
        }
        let draft = draft_path(path, &Uuid::new_v4().simple().to_string());
        let made = create_draft(&draft).and_then(|()| Ok(fs::hard_link(&draft, path)?));
        // Somebody else who makes the store and is faster removes this draft too.
        let removed = remove_if_there(&draft);
        match made {
            Err(_) if path.try_exists()? => return Err(OpenError::AlreadyExists),
            made => made?,
        }
        removed?;
        File::open(parent(path))?.sync_all()?;
        remove_drafts(path)
    }

    /// Opens a store.
    pub(crate) fn open(medium: &Medium, opening: Opening) -> Result<Self, OpenError> {
        guarded(OpenError::Damaged, || {
            let redb = (medium.open)(opening)?;
            let Head { id, revision } = read_head(&redb)?;
            Ok(Self { redb, id, revision })
        })
    }

    /// A snapshot, which may be read while others write.
    pub(crate) fn snapshot(&self) -> Result<Snapshot, StoreError> {
        guarded(StoreError::Damaged, || {
            let transaction = self.redb.begin_read().map_err(read_error)?;
            let meta = transaction.open_table(META).map_err(read_error)?;
            let head = meta.get(HEAD).map_err(read_error)?;
            let head = head.and_then(|stored| Head::decode(stored.value()));
            let revision = head.ok_or_else(|| StoreError::Damaged("its head is unreadable".to_owned()))?.revision;
            let records = transaction.open_table(RECORDS).map_err(read_error)?;
            Ok(Snapshot { records, revision })
        })
    }

    /// Applies the transactions one after another, each upon those before it, and makes nothing durable yet.
    /// The file stands at `durable`, and new revisions come after `given`.
    pub(crate) fn stage(
        &self,
        transactions: Vec<Transaction>,
        durable: Revision,
        given: Revision,
    ) -> Result<Staged, String> {
        guarded(
            |panic| panic,
            || {
                let write = self.redb.begin_write().map_err(text)?;
                let mut staged = Batch {
                    answers: Vec::with_capacity(transactions.len()),
                    commits: Vec::new(),
                    reached: durable,
                    given,
                };
                let mut records = write.open_table(RECORDS).map_err(text)?;
                for transaction in transactions {
                    let answer = staged.apply(&mut records, transaction).map_err(text)?;
                    staged.answers.push(answer);
                }
                drop(records);
                if !staged.commits.is_empty() {
                    let mut meta = write.open_table(META).map_err(text)?;
                    let head = Head { id: self.id, revision: staged.reached };
                    meta.insert(HEAD, head.encode().as_slice()).map_err(text)?;
                }
                Ok(Staged { write, batch: staged })
            },
        )
    }

    /// Closes it. Errors don't matter: what was committed is durable, and the rest is not promised.
    pub(crate) fn close(self) {
        let closed = guarded(|panic| panic, || self.redb.close().map_err(text));
        drop(closed);
    }
}

/// The records at one revision.
pub(crate) struct Snapshot {
    records: ReadOnlyTable<&'static [u8], &'static [u8]>,
    pub(crate) revision: Revision,
}

impl Snapshot {
    /// Visits all, without an allocation for each.
    pub(crate) fn visit(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<(), StoreError> {
        let counted = guarded(StoreError::Damaged, || self.records.len().map_err(read_error))?;
        let mut records = guarded(StoreError::Damaged, || self.records.iter().map_err(read_error))?;
        let mut visited: u64 = 0;
        let mut last = Vec::new();
        loop {
            let entry = guarded(StoreError::Damaged, || records.next().transpose().map_err(read_error))?;
            let Some((path, stored)) = entry else { break };
            let record = guarded(StoreError::Damaged, || {
                let record = layout::decode(path.value(), stored.value());
                record.ok_or_else(|| StoreError::Damaged(layout::unreadable(path.value())))
            })?;
            if visited > 0 && record.path.as_bytes() <= last.as_slice() {
                return Err(StoreError::Damaged(format!("the record at `{}` is out of order", record.path)));
            }
            last.clear();
            last.extend_from_slice(record.path.as_bytes());
            visited += 1;
            visit(record);
        }
        // A damaged page may hide the pages below it.
        match visited == counted {
            true => Ok(()),
            false => Err(StoreError::Damaged(format!("{visited} records are left of {counted}"))),
        }
    }
}

/// A batch that is applied but not durable. Dropping it takes all back.
pub(crate) struct Staged {
    write: WriteTransaction,
    batch: Batch,
}

/// What came of the transactions of a batch.
pub(crate) struct Batch {
    /// One for each transaction.
    pub(crate) answers: Vec<Result<Revision, CommitError>>,
    /// Those that changed something.
    pub(crate) commits: Vec<Commit>,
    /// Of the last commit, in this batch or before it.
    pub(crate) reached: Revision,
    /// The last revision that was given, even if its commit was lost.
    pub(crate) given: Revision,
}

impl Staged {
    /// What came of it, and whether it is durable now. After an error it may be durable or not.
    pub(crate) fn make_durable(self) -> (Batch, Result<(), String>) {
        let Self { write, batch } = self;
        let durable = guarded(
            |panic| panic,
            || match batch.commits.is_empty() {
                true => write.abort().map_err(text),
                false => write.commit().map_err(text),
            },
        );
        (batch, durable)
    }
}

type Records<'txn> = redb::Table<'txn, &'static [u8], &'static [u8]>;

impl Batch {
    fn apply(
        &mut self,
        records: &mut Records<'_>,
        transaction: Transaction,
    ) -> Result<Result<Revision, CommitError>, redb::StorageError> {
        let changes = match transaction.changes(|path| find(records, path))? {
            Err(refusal) => return Ok(Err(refusal)),
            Ok(changes) if changes.is_empty() => return Ok(Ok(self.reached)),
            Ok(changes) => changes,
        };
        let revision = self.given.next();
        for change in &changes {
            write_change(records, revision, change)?;
        }
        self.commits.push(Commit { revision, changes });
        self.reached = revision;
        self.given = revision;
        Ok(Ok(revision))
    }
}

fn find(records: &Records<'_>, path: &str) -> Result<Option<Found>, redb::StorageError> {
    let Some(stored) = records.get(path.as_bytes())? else { return Ok(None) };
    match layout::decode(path.as_bytes(), stored.value()) {
        Some(record) => Ok(Some(Found::new(record.revision, record.value))),
        None => Err(redb::StorageError::Corrupted(layout::unreadable(path.as_bytes()))),
    }
}

fn write_change(records: &mut Records<'_>, revision: Revision, change: &Change) -> Result<(), redb::StorageError> {
    let path = change.path.as_bytes();
    let Some(value) = &change.value else {
        records.remove(path)?;
        return Ok(());
    };
    let mut stored = records.insert_reserve(path, layout::stored_bytes(value))?;
    layout::encode(path, revision, value, stored.as_mut());
    Ok(())
}

fn write_head(redb: &Redb, head: &Head) -> Result<(), redb::Error> {
    let write = redb.begin_write()?;
    write.open_table(META)?.insert(HEAD, head.encode().as_slice())?;
    write.open_table(RECORDS)?;
    Ok(write.commit()?)
}

fn read_head(redb: &Redb) -> Result<Head, OpenError> {
    let transaction = redb.begin_read().map_err(head_error)?;
    let meta = match transaction.open_table(META) {
        Err(TableError::Storage(error)) => return Err(head_error(error)),
        Err(_) => return Err(OpenError::NotAStore),
        Ok(meta) => meta,
    };
    let stored = meta.get(HEAD).map_err(head_error)?.ok_or(OpenError::NotAStore)?;
    // The format comes first for ever; the rest of the head is its format's.
    match layout::format(stored.value()) {
        Some(found) if found > FORMAT => return Err(OpenError::NewerFormat { found }),
        _ => {}
    }
    transaction.open_table(RECORDS).map_err(head_error)?;
    Head::decode(stored.value()).ok_or_else(|| OpenError::Damaged("its head is unreadable".to_owned()))
}

fn create_draft(draft: &Path) -> Result<(), OpenError> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    drop(options.open(draft)?);
    Database::create(&Medium::file(draft))?.close();
    Ok(File::open(draft)?.sync_all()?)
}

/// Removes what crashes left. Whoever makes a store of this name at this moment fails anyway, since it is there.
fn remove_drafts(path: &Path) -> Result<(), OpenError> {
    let prefix = draft_path(path, "");
    for entry in fs::read_dir(parent(path))? {
        let other = entry?.path();
        if other.as_os_str().as_encoded_bytes().starts_with(prefix.as_os_str().as_encoded_bytes()) {
            remove_if_there(&other)?;
        }
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

fn draft_path(path: &Path, id: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".draft-");
    name.push(id);
    PathBuf::from(name)
}

fn parent(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

/// Runs one step of redb. What a panic leaves behind is only what the step was given, and callers throw that away or
/// close it.
fn guarded<T, E>(damaged: impl FnOnce(String) -> E, step: impl FnOnce() -> Result<T, E>) -> Result<T, E> {
    catch_unwind(AssertUnwindSafe(step)).unwrap_or_else(|panic| {
        let reason = panic.downcast_ref::<String>().map(String::as_str);
        let reason = reason.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
        Err(damaged(format!("reading it failed with `{}`", one_line(reason))))
    })
}

/// Texts of redb and of the operating system, fit for one line of a log.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ").chars().take(200).collect()
}

fn text(error: impl Into<redb::Error>) -> String {
    one_line(&error.into().to_string())
}

fn open_error(error: DatabaseError) -> OpenError {
    match error {
        DatabaseError::DatabaseAlreadyOpen | DatabaseError::LockProtocolMismatch => OpenError::AlreadyOpen,
        DatabaseError::UpgradeRequired(_) => OpenError::NotAStore,
        DatabaseError::Storage(error) => head_error(error),
        error => OpenError::Damaged(text(error)),
    }
}

impl From<io::Error> for OpenError {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::AlreadyExists => Self::AlreadyExists,
            // redb's word for a file that does not begin as its own do.
            io::ErrorKind::InvalidData => Self::NotAStore,
            io::ErrorKind::NotFound => Self::NotFound,
            io::ErrorKind::UnexpectedEof => Self::Damaged("it is shorter than it was".to_owned()),
            _ => Self::Io(error),
        }
    }
}

fn head_error(error: impl Into<redb::Error>) -> OpenError {
    match error.into() {
        redb::Error::Io(error) => OpenError::from(error),
        error => OpenError::Damaged(text(error)),
    }
}

fn read_error(error: impl Into<redb::Error>) -> StoreError {
    match error.into() {
        error @ (redb::Error::Io(_) | redb::Error::PreviousIo | redb::Error::DatabaseClosed) => {
            StoreError::Failed(text(error))
        }
        error => StoreError::Damaged(text(error)),
    }
}
