//! A file on its way: read on a thread that may take its time, then handed to the one that counts usage.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use claviger_types::{AccountId, KeyArn, KeyId, StateAt, Timestamp, limits};
use claviger_usage::{Import, Use};
use tokio::sync::oneshot;

use super::cloudtrail_file::{self, BadFile, Told};
use crate::error::Error;
use crate::fair_turns::{Admitted, FairTurns, Turn};
use crate::view::View;
use crate::wire::Blob;

/// Files that are read, or wait to be counted, at the same time; the others wait, unread.
const FILES_MAX: usize = 2;

/// Those of an account that are, or wait.
const FILES_OF_ACCOUNT_MAX: usize = 4;

/// How far ahead of our clock a record may be.
const AHEAD_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// A file that somebody who may asks to import.
pub(crate) struct Upload {
    /// The file, packed.
    pub(crate) file: Blob,
    /// Whose uses count.
    pub(crate) account: AccountId,
    /// The ids of keys here, by those that they had there.
    pub(crate) key_ids: HashMap<KeyId, KeyId>,
    /// The domain clock's time.
    pub(crate) at: Timestamp,
}

/// What came of an import, in events.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Imported {
    /// Those that are counted from now on.
    pub(crate) accepted: u64,
    /// Those that were counted already.
    pub(crate) duplicates: u64,
    /// All others.
    pub(crate) left_out: u64,
    /// The keys that were used by those that are counted.
    pub(crate) keys: usize,
    /// Keys of the account that were used and are not here, or some of them.
    pub(crate) missing_keys: BTreeSet<KeyArn>,
}

/// What a file tells of uses of keys that are here.
pub(super) struct ReadFile {
    pub(super) import: Import,
    /// Events with such uses.
    events: u64,
    left_out: u64,
    missing_keys: BTreeSet<KeyArn>,
}

/// A file that was read. It keeps the next ones waiting until it is counted.
pub(crate) struct Waiting {
    pub(super) file: ReadFile,
    turn: Turn,
}

/// One for the thread that counts.
pub(super) struct Asked {
    pub(super) waiting: Waiting,
    pub(super) answer: oneshot::Sender<Result<Imported, Error>>,
}

/// The way to the thread that counts.
pub(crate) struct Importing {
    turns: Arc<FairTurns>,
    counter: ArcSwapOption<Sender<Asked>>,
}

impl Default for Importing {
    fn default() -> Self {
        Self { turns: Arc::new(FairTurns::new(FILES_MAX, FILES_OF_ACCOUNT_MAX)), counter: ArcSwapOption::empty() }
    }
}

impl Importing {
    /// From now on files go there.
    pub(super) fn begin(&self, counter: Sender<Asked>) {
        self.counter.store(Some(Arc::new(counter)));
    }

    /// Admits one more file of an account, unless too many of its wait.
    pub(crate) fn admit(&self, account: AccountId) -> Result<Admitted, Error> {
        self.turns.admit(account).ok_or(Error::RateExceeded)
    }

    /// Reads a file. Which keys are here the View says.
    pub(crate) async fn read(&self, admitted: Admitted, upload: Upload, view: Arc<View>) -> Result<Waiting, Error> {
        let gone = |reason: &dyn ToString| Error::Internal(reason.to_string());
        let turn = admitted.turn().await.map_err(|error| gone(&error))?;
        let read = tokio::task::spawn_blocking(move || {
            let file = ReadFile::of(&upload, &view)?;
            Ok(Waiting { file, turn })
        });
        let read = read.await.map_err(|error| gone(&error))?;
        read.map_err(|bad: BadFile| Error::Validation(bad.to_string()))
    }

    /// Has a file counted. Where nobody counts, all is left out.
    pub(crate) async fn import(&self, waiting: Waiting) -> Result<Imported, Error> {
        let Some(counter) = self.counter.load_full() else {
            let ReadFile { events, left_out, missing_keys, .. } = waiting.file;
            return Ok(Imported { left_out: left_out + events, missing_keys, ..Imported::default() });
        };
        let gone = || Error::Internal("the thread that counts usage has ended".into());
        let (answer, answered) = oneshot::channel();
        counter.send(Asked { waiting, answer }).map_err(|_| gone())?;
        answered.await.map_err(|_| gone())?
    }
}

impl Asked {
    /// Answers, and lets the next file be read.
    pub(super) fn answer(self, outcome: Result<(), Error>) {
        let Self { waiting: Waiting { file, turn }, answer } = self;
        drop(turn);
        // Whoever asked may have gone away.
        let _ = answer.send(outcome.map(|()| file.imported()));
    }
}

impl ReadFile {
    fn of(upload: &Upload, view: &View) -> Result<Self, BadFile> {
        let import = Import::new(upload.at);
        let mut this = Self { import, events: 0, left_out: 0, missing_keys: BTreeSet::new() };
        cloudtrail_file::read(upload.file.as_slice(), |told| {
            let taken = told.is_some_and(|told| this.take(told, upload, view));
            *if taken { &mut this.events } else { &mut this.left_out } += 1;
        })?;
        Ok(this)
    }

    /// Whether any use counts. Each account that an event concerns has a record of it: the others' do not count again.
    fn take(&mut self, told: &Told<'_>, upload: &Upload, view: &View) -> bool {
        if told.recipient.is_some_and(|recipient| recipient != upload.account) {
            return false;
        }
        let mut taken = false;
        let counts = |used: &&Use<'_>| used.key.account == upload.account && used.at <= upload.at + AHEAD_MAX;
        for used in told.uses.iter().filter(counts) {
            let id = upload.key_ids.get(&used.key.id).copied().unwrap_or(used.key.id);
            let key = KeyArn { id, ..used.key };
            if is_here(&key, upload.at, view) {
                taken |= self.import.push(told.event_id, &Use { key, ..*used }).is_some();
            } else if self.missing_keys.len() < limits::IMPORT_MISSING_KEYS_MAX {
                self.missing_keys.insert(used.key);
            }
        }
        taken
    }

    /// What came of it, once the import has only what was not counted before.
    fn imported(self) -> Imported {
        let mut last = None;
        // The uses of one event stand together.
        let accepted = self.import.ids().filter(|id| last.replace(id.event) != Some(id.event)).count() as u64;
        Imported {
            accepted,
            duplicates: self.events.saturating_sub(accepted),
            left_out: self.left_out,
            keys: self.import.used_keys().len(),
            missing_keys: self.missing_keys,
        }
    }
}

/// Whether there is such a key, of an account that is not closed.
fn is_here(arn: &KeyArn, now: Timestamp, view: &View) -> bool {
    view.key(arn.region, arn.id).is_some_and(|key| key.arn == *arn && key.state_at(now) != StateAt::Gone)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::cloudtrail_file_tests::{decrypt_of, file_of};
    use super::*;
    use crate::testing::test_kms::{AWAY, HOME, TestKms};

    /// Nobody tells of the uses of another account's key, whatever the file says, nor of what is still to come.
    #[test]
    fn uses_of_ones_own_keys_until_now() {
        let kms = TestKms::new();
        let own = kms.admin().key_arn(&kms.key());
        let at: Timestamp = "2025-05-21T20:45:00Z".parse().unwrap();
        let events = |account: &str, recipient, days_later: u64| {
            let mut record = decrypt_of(&own);
            record["recipientAccountId"] = recipient;
            let file = Blob::from(file_of(&[record]));
            let account = account.parse().unwrap();
            let at = at.offset_by(-i64::try_from(days_later * 86_400_000).unwrap());
            let upload = Upload { file, account, key_ids: HashMap::new(), at };
            let read = ReadFile::of(&upload, &kms.view()).unwrap();
            (read.events, read.left_out, read.import.len())
        };
        for (account, recipient, days_later, want) in [
            (HOME, json!(HOME), 0, (1, 0, 1)),
            (HOME, json!(null), 0, (1, 0, 1)),
            (HOME, json!(AWAY), 0, (0, 1, 0)),
            (AWAY, json!(AWAY), 0, (0, 1, 0)),
            (AWAY, json!(HOME), 0, (0, 1, 0)),
            (AWAY, json!(null), 0, (0, 1, 0)),
            (HOME, json!(HOME), 2, (1, 0, 1)),
            (HOME, json!(HOME), 3, (0, 1, 0)),
        ] {
            assert_eq!(events(account, recipient.clone(), days_later), want, "{account} {recipient} {days_later}");
        }
    }

    #[test]
    fn an_account_has_few_files_on_their_way() {
        let importing = Importing::default();
        let admit = |account: &str| importing.admit(account.parse().unwrap());
        let admitted: Vec<_> = (0..FILES_OF_ACCOUNT_MAX).map(|_| admit(HOME).ok().unwrap()).collect();
        assert!(matches!(admit(HOME), Err(Error::RateExceeded)));
        assert!(admit(AWAY).is_ok());
        drop(admitted);
        assert!(admit(HOME).is_ok());
    }
}
