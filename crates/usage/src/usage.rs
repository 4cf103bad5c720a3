//! Usage as a whole: entries of the log go in, in order; what they amount to is kept.

use std::collections::HashMap;

use claviger_types::{AccessKeyId, KeyArn, Timestamp};

use crate::entry::{AccessKeyUse, Alike, Entry, Origin, Outcome, Use};
use crate::import::Import;
use crate::limits::{Cost, Merged, Settings};
use crate::period::{DAYS_KEPT, Day};
use crate::table::{KeyTable, LastUse, Pool, Times};

/// An entry that does not follow the ones that are folded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("entry {wanted} of the log is the next one to be folded, not {found}")]
pub struct Gap {
    /// The next entry.
    pub wanted: u64,
    /// The one that was given.
    pub found: u64,
}

/// Who used which key, how, and when.
///
/// It depends on the entries and the imports that were folded, on their order only where bounds are met, and on no clock:
/// the last day of which a logged use is known, or an import was made, decides what is counted by days.
#[derive(Debug)]
pub struct Usage {
    pub(crate) next_entry: u64,
    pub(crate) tracking_since: Timestamp,
    pub(crate) last_day: Day,
    pub(crate) keys: HashMap<KeyArn, KeyTable>,
    pub(crate) access_keys: HashMap<AccessKeyId, AccessKeyUse>,
    pub(crate) merged: Merged,
    pub(crate) next_import: u64,
    pub(crate) imported_uses: u64,
    pub(crate) pool: Pool,
}

impl Usage {
    /// Nothing yet. `next_entry` is the first entry that will be folded: the log's first one that is kept.
    /// `tracking_since` is since when nothing is missed.
    pub fn new(settings: Settings, next_entry: u64, tracking_since: Timestamp) -> Self {
        Self {
            next_entry,
            tracking_since,
            last_day: Day::of(tracking_since),
            keys: HashMap::new(),
            access_keys: HashMap::new(),
            merged: Merged::default(),
            next_import: 0,
            imported_uses: 0,
            pool: Pool::new(settings),
        }
    }

    /// Folds an entry of the log. One that is folded already changes nothing; one that leaves others out is refused.
    pub fn fold(&mut self, entry: &Entry<'_>) -> Result<(), Gap> {
        if entry.index > self.next_entry {
            return Err(Gap { wanted: self.next_entry, found: entry.index });
        }
        if entry.index < self.next_entry {
            return Ok(());
        }
        self.fold_to(self.next_entry.saturating_add(1), []);
        for used in entry.uses {
            self.fold_use(used, Times::once(used), entry);
        }
        if let Some(used) = entry.access_key {
            self.fold_access_key(used);
        }
        Ok(())
    }

    /// Folds all entries from the next one to before `end`, put together as far as they are alike. Those that tell of no
    /// use need not be there.
    pub fn fold_to<'a>(&mut self, end: u64, entries: impl IntoIterator<Item = Alike<'a>>) {
        self.next_entry = self.next_entry.max(end);
        for Alike { latest, first_at, count } in entries {
            for used in latest.uses {
                self.fold_use(used, Times { first_at, count }, &latest);
            }
            if let Some(used) = latest.access_key {
                self.fold_access_key(used);
            }
        }
    }

    /// Leaves out the entries before this one, if they are not folded yet, and all uses of which no entry tells: nothing
    /// is missed since `tracking_since` only.
    pub fn skip_to(&mut self, next_entry: u64, tracking_since: Timestamp) {
        self.next_entry = self.next_entry.max(next_entry);
        self.tracking_since = tracking_since;
    }

    /// Folds the import of this number. One that is folded already changes nothing; numbers may be left out. Imported uses
    /// have rows and values of their own, and are nobody's last use.
    ///
    /// They are in no log of ours: whoever imports them keeps them under their number before saying that it is done. Nothing
    /// tells here whether one was imported before.
    pub fn import(&mut self, number: u64, import: &Import) {
        if number < self.next_import {
            return;
        }
        self.next_import = number.saturating_add(1);
        self.imported_uses = self.imported_uses.saturating_add(import.len() as u64);
        self.begin_day(Day::of(import.at()));
        import.for_each(|used| self.count(used, Times::once(used), Origin::Imported, None));
    }

    /// Forgets all keys but these. A key that is deleted keeps its usage until this is called: who used it is asked when
    /// the key can be missed. Its id is never given again. Call it after a start too, since entries of the log that were
    /// folded again may speak of keys that were forgotten.
    pub fn retain_keys(&mut self, keep: impl Fn(&KeyArn) -> bool) {
        let Self { keys, pool, .. } = self;
        keys.retain(|arn, table| {
            let kept = keep(arn);
            if !kept {
                pool.rows = pool.rows.saturating_sub(table.row_count);
                pool.memory_bytes = pool.memory_bytes.saturating_sub(table.memory_bytes());
            }
            kept
        });
    }

    /// Forgets all access keys but these; the same holds for them.
    pub fn retain_access_keys(&mut self, keep: impl Fn(&AccessKeyId) -> bool) {
        let before = self.access_keys.len();
        self.access_keys.retain(|id, _| keep(id));
        let gone = before - self.access_keys.len();
        self.pool.memory_bytes = self.pool.memory_bytes.saturating_sub(gone * Cost::ACCESS_KEY);
    }

    /// The first day whose uses are counted by days.
    fn horizon(&self) -> Day {
        self.last_day.minus(DAYS_KEPT)
    }

    /// Days that are too old now become months.
    fn begin_day(&mut self, day: Day) {
        if day <= self.last_day {
            return;
        }
        self.last_day = day;
        let horizon = self.horizon();
        for table in self.keys.values_mut() {
            table.fold_days(horizon, &mut self.pool);
        }
    }

    fn fold_use(&mut self, used: &Use<'_>, times: Times, entry: &Entry<'_>) {
        self.begin_day(Day::of(used.at));
        let Use { operation, at, event_copy, .. } = *used;
        let Entry { index: entry, request_id, .. } = *entry;
        self.count(used, times, Origin::Logged, Some(LastUse { operation, at, entry, request_id, event_copy }));
    }

    fn count(&mut self, used: &Use<'_>, times: Times, origin: Origin, last_use: Option<LastUse>) {
        let horizon = self.horizon();
        let pool = &mut self.pool;
        let table = self.keys.entry(used.key).or_insert_with(|| {
            pool.memory_bytes += Cost::KEY;
            KeyTable::default()
        });
        if let Some(bound) = table.count(used, times, origin, horizon, pool) {
            self.merged.add(bound, times.count);
        }
        if used.outcome() == Outcome::Success {
            table.keep_values(used, times.count, origin, pool);
            // Entries come nearly in order, and clocks of nodes differ.
            let newer = |known: &LastUse| last_use.is_some_and(|this| (this.at, this.entry) >= (known.at, known.entry));
            if table.last_use.as_ref().is_none_or(newer) {
                table.last_use = last_use;
            }
        }
    }

    fn fold_access_key(&mut self, used: AccessKeyUse) {
        let pool = &mut self.pool;
        let known = self.access_keys.entry(used.id).or_insert_with(|| {
            pool.memory_bytes += Cost::ACCESS_KEY;
            used
        });
        if used.at >= known.at {
            *known = used;
        }
    }
}
