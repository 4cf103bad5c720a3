//! Imports on the disk, a file for each, and which events are in them. No log of ours tells of them: they are what usage
//! is counted from, as entries of the log are.

use std::collections::{HashMap, HashSet, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use claviger_tlog::Files;
use claviger_types::{AccountId, limits};
use claviger_usage::{Import, ImportedId, StoredError};

/// The folder, and one that is being written.
const FOLDER: &str = "imported";
const WRITTEN: &str = "imported/new";

/// How the name of a file goes on that is damaged and was not counted.
const SET_ASIDE: &str = ".unusable";

/// How long it is remembered which events were imported, once no more are.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How long after an import the next one is expected.
const EXPECTED: Duration = Duration::from_secs(10);

/// Bytes that all files may have together.
const BYTES_MAX: u64 = 2 * 1024 * 1024 * 1024;

/// Between two attempts to read a file that cannot be read.
const RETRY: Duration = Duration::from_secs(10);

/// The folder's files.
pub(crate) struct ImportFiles(Arc<dyn Files>);

/// What is counted of them, and what comes next.
pub(super) struct Imports {
    files: ImportFiles,
    /// The number of the next one.
    next: u64,
    /// Those that are not counted yet.
    uncounted: VecDeque<u64>,
    /// When a file that could not be read is tried again.
    retry_at: Option<Instant>,
    known: Option<Known>,
}

/// Why an import is not kept.
#[derive(Debug, thiserror::Error)]
pub(super) enum NotKept {
    /// Its account has as much as it may.
    #[error("no more can be imported of the account")]
    Full,
    /// The disk's side.
    #[error(transparent)]
    Stored(#[from] StoredError),
}

/// By what imported uses are known. Eight bytes of each are kept; that two are the same by chance is less likely than one
/// in a hundred thousand, and whoever chooses ids cannot make it so.
struct Known {
    hasher: RandomState,
    uses: HashSet<u64>,
    of_all: Amount,
    of_accounts: HashMap<AccountId, Amount>,
    asked_at: Instant,
}

/// How much was imported.
#[derive(Clone, Copy, Default)]
struct Amount {
    uses: u64,
    bytes: u64,
}

impl Imports {
    /// The files that are there. Those before `counted_to` are counted.
    pub(super) fn open(files: Arc<dyn Files>, counted_to: u64) -> io::Result<Self> {
        let files = ImportFiles(files);
        let numbers = files.numbers()?;
        let next = numbers.last().map_or(0, |last| last + 1).max(counted_to);
        let uncounted = numbers.into_iter().filter(|number| *number >= counted_to).collect();
        Ok(Self { files, next, uncounted, retry_at: None, known: None })
    }

    /// Whether all that are there are counted.
    pub(super) fn are_counted(&self) -> bool {
        self.uncounted.is_empty()
    }

    /// The next one that is to be counted. One that is damaged is set aside: its events may be imported again. For one
    /// that cannot be read now, or is of a newer release, all wait.
    pub(super) fn next_uncounted(&mut self) -> Option<(u64, Import)> {
        if self.retry_at.is_some_and(|at| at > Instant::now()) {
            return None;
        }
        while let Some(number) = self.uncounted.pop_front() {
            match self.files.read(number) {
                Ok((import, _)) => return Some((number, import)),
                Err(error @ (StoredError::Read(_) | StoredError::Unknown)) => {
                    tracing::error!(number, %error, "an import cannot be read, and usage is not told until it can");
                    self.uncounted.push_front(number);
                    self.retry_at = Some(Instant::now() + RETRY);
                    return None;
                }
                Err(error) => {
                    tracing::error!(number, %error, "an import is damaged: it is set aside and not counted as usage");
                    if let Err(error) = self.files.set_aside(number) {
                        tracing::error!(%error, "the import cannot be set aside");
                    }
                }
            }
        }
        None
    }

    /// Leaves out of an account's import what was imported before, and keeps the rest, durably: under this number, unless
    /// nothing is left.
    pub(super) fn keep(&mut self, import: &mut Import) -> Result<Option<u64>, NotKept> {
        let mut known = match self.known.take() {
            Some(known) => known,
            None => self.read_known()?,
        };
        known.asked_at = Instant::now();
        let mut new = HashSet::new();
        import.retain(|id| {
            let id = known.hasher.hash_one(id);
            !known.uses.contains(&id) && new.insert(id)
        });
        let kept = if import.is_empty() { Ok(None) } else { self.write(&mut known, import, new).map(Some) };
        self.known = Some(known);
        kept
    }

    fn write(&mut self, known: &mut Known, import: &Import, new: HashSet<u64>) -> Result<u64, NotKept> {
        let mut bytes = Vec::new();
        import.write(&mut bytes).map_err(StoredError::from)?;
        let length = bytes.len() as u64;
        if !known.have_room(import, length) {
            return Err(NotKept::Full);
        }
        let number = self.next;
        self.files.write(number, &bytes).map_err(StoredError::from)?;
        known.uses.extend(new);
        known.add(import, length);
        self.next += 1;
        Ok(number)
    }

    /// Whether the next import may come at any moment.
    pub(super) fn are_coming(&self) -> bool {
        self.known.as_ref().is_some_and(|known| known.asked_at.elapsed() < EXPECTED)
    }

    /// Forgets which events were imported, if it was not asked for long; the files tell it again.
    pub(super) fn forget_if_idle(&mut self) {
        self.known.take_if(|known| known.asked_at.elapsed() >= REMEMBERED);
    }

    fn read_known(&self) -> Result<Known, StoredError> {
        let mut known = Known::new();
        for number in self.files.numbers()? {
            let (import, bytes) = self.files.read(number)?;
            known.add(&import, bytes);
            known.uses.extend(import.ids().map(|id: ImportedId| known.hasher.hash_one(id)));
        }
        Ok(known)
    }
}

impl Known {
    fn new() -> Self {
        Self {
            hasher: RandomState::new(),
            uses: HashSet::new(),
            of_all: Amount::default(),
            of_accounts: HashMap::new(),
            asked_at: Instant::now(),
        }
    }

    /// Whether an import of so many bytes is no more, with all of its account, than would still find room beside it.
    fn have_room(&self, import: &Import, bytes: u64) -> bool {
        let uses = import.len() as u64;
        let of_account =
            account_of(import).and_then(|account| self.of_accounts.get(&account)).copied().unwrap_or_default();
        let free = |most: u64, taken: u64, new: u64| most.saturating_sub(taken + new);
        of_account.uses + uses <= free(limits::IMPORTED_USES_MAX, self.of_all.uses, uses)
            && of_account.bytes + bytes <= free(BYTES_MAX, self.of_all.bytes, bytes)
    }

    fn add(&mut self, import: &Import, bytes: u64) {
        let of_account = account_of(import).map(|account| self.of_accounts.entry(account).or_default());
        for amount in of_account.into_iter().chain([&mut self.of_all]) {
            amount.uses += import.len() as u64;
            amount.bytes += bytes;
        }
    }
}

/// Whose import it is: all keys in one are of one account.
fn account_of(import: &Import) -> Option<AccountId> {
    import.ids().next().map(|id| id.account)
}

impl ImportFiles {
    /// Those below this folder, which need not be there.
    pub(crate) fn new(files: Arc<dyn Files>) -> Self {
        Self(files)
    }

    /// Where a file is.
    pub(crate) fn path(number: u64) -> String {
        format!("{FOLDER}/{number:010}")
    }

    /// Where it is once it was set aside.
    pub(crate) fn path_aside(number: u64) -> String {
        Self::path(number) + SET_ASIDE
    }

    /// The numbers of the files that are there, in order. Whatever has another name is none.
    pub(crate) fn numbers(&self) -> io::Result<Vec<u64>> {
        self.numbers_with("")
    }

    /// The numbers of those that were set aside.
    pub(crate) fn numbers_aside(&self) -> io::Result<Vec<u64>> {
        self.numbers_with(SET_ASIDE)
    }

    fn numbers_with(&self, ending: &str) -> io::Result<Vec<u64>> {
        let names = match self.0.list(FOLDER) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
            names => names?,
        };
        let number = |name: &String| {
            let name = name.strip_suffix(ending)?;
            name.parse().ok().filter(|number| Self::path(*number).strip_prefix(FOLDER) == Some(&format!("/{name}")))
        };
        let mut numbers: Vec<u64> = names.iter().filter_map(number).collect();
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// What is in a file, and how many bytes it has.
    pub(crate) fn read(&self, number: u64) -> Result<(Import, u64), StoredError> {
        let bytes = self.0.read(&Self::path(number), usize::MAX)?;
        Ok((Import::read(bytes.as_slice())?, bytes.len() as u64))
    }

    fn set_aside(&self, number: u64) -> io::Result<()> {
        self.0.rename(&Self::path(number), &Self::path_aside(number))?;
        self.0.sync(&[FOLDER])
    }

    /// Writes a file, durably. After an error there is none.
    fn write(&self, number: u64, bytes: &[u8]) -> io::Result<()> {
        let (files, path) = (&self.0, Self::path(number));
        files.create_directory("")?;
        files.create_directory(FOLDER)?;
        files.write(WRITTEN, bytes)?;
        files.sync(&[WRITTEN])?;
        files.rename(WRITTEN, &path)?;
        files.sync(&[FOLDER, ""]).inspect_err(|_| {
            // It is not counted, so nobody is to find its events. What cannot be removed is written over by the next.
            let _ = files.remove(&path);
        })
    }
}

#[cfg(test)]
mod tests {
    use claviger_types::{KeyArn, Timestamp};
    use claviger_usage::{Addressed, Operation, Use};

    use super::*;

    const OWN: &str = "111122223333";
    const OTHER: &str = "444455556666";

    /// An import of so many uses of an account's key.
    fn import_of(account: &str, uses: u64) -> Import {
        let at = Timestamp::from_millis(0);
        let id = "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap();
        let key = KeyArn { region: "us-east-1".parse().unwrap(), account: account.parse().unwrap(), id };
        let used = Use {
            at,
            key,
            operation: Operation::Encrypt,
            addressed: Addressed::KeyId,
            backing_key: None,
            principal_id: "AIDA",
            principal: "arn",
            source: None,
            environment: None,
            application: None,
            encryption_context: &[],
            error_code: None,
            event_copy: 0,
        };
        let mut import = Import::new(at);
        (0..uses).for_each(|event| import.push(u128::from(event).to_be_bytes(), &used).unwrap());
        import
    }

    /// An account gets half of what there is, the next one half of the rest, whatever others have.
    #[test]
    fn what_an_account_has_finds_room_beside_it() {
        let uses_max = limits::IMPORTED_USES_MAX;
        for (own, other, new, want) in [
            ((0, 0), (0, 0), (1, BYTES_MAX / 2), true),
            ((0, 0), (0, 0), (1, BYTES_MAX / 2 + 1), false),
            ((0, BYTES_MAX / 2 - 1), (0, 0), (1, 1), true),
            ((0, BYTES_MAX / 2), (0, 0), (1, 1), false),
            ((0, 0), (0, BYTES_MAX / 2), (1, BYTES_MAX / 4), true),
            ((0, 0), (0, BYTES_MAX / 2), (1, BYTES_MAX / 4 + 1), false),
            ((0, 0), (0, BYTES_MAX - 1), (1, 1), false),
            ((0, 0), (0, BYTES_MAX), (1, 1), false),
            ((uses_max / 2 - 3, 0), (0, 0), (3, 1), true),
            ((uses_max / 2 - 2, 0), (0, 0), (3, 1), false),
            ((0, 0), (uses_max - 6, 0), (3, 1), true),
            ((0, 0), (uses_max - 5, 0), (3, 1), false),
            ((0, 0), (uses_max, 0), (1, 1), false),
        ] {
            let mut known = Known::new();
            for (account, (uses, bytes)) in [(OWN, own), (OTHER, other)] {
                known.of_accounts.insert(account.parse().unwrap(), Amount { uses, bytes });
                known.of_all = Amount { uses: known.of_all.uses + uses, bytes: known.of_all.bytes + bytes };
            }
            let import = import_of(OWN, new.0);
            assert_eq!(known.have_room(&import, new.1), want, "{own:?} {other:?} {new:?}");
        }
    }
}
