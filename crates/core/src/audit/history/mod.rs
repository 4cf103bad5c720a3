//! Events of the log looked up again, newest first: what LookupEvents asks for.
//!
//! - `query.rs`: what is looked for, and what is told of an event that was found.
//! - `terms.rs`: what an event is found by, as numbers.
//! - `rows.rs`: the same as rows of filters, once for entries that are alike.
//! - `filter.rs`: which bundles of a group of entries may hold a term, in memory and as a file.
//! - `index.rs`: the filters of all groups, in files beside the log.
//! - `builder.rs`: the thread that makes them, and makes those anew that are missing.
//! - `rate.rs`: how often an account may ask.
//!
//! The index tells where not to look, and nothing else: whatever is found was read from the log, held against its
//! signed root, and shown as `cloudtrail/` shows it. Without an index the same is found, in more steps.

mod builder;
mod filter;
mod index;
mod query;
mod rate;
mod rows;
mod terms;
#[cfg(test)]
mod tests;

use std::path::PathBuf;
use std::sync::Arc;

use claviger_tlog::{BUNDLE_ENTRIES, Reader};
use claviger_types::{AccountId, Region, Timestamp};

pub use self::builder::IndexBuilder;
use self::filter::BUNDLES;
pub use self::filter::{Bundles, FILE_BYTES, Filter, GroupId, StoredFilter, Times};
use self::index::Index;
pub use self::query::{FoundEvent, Query};
use self::rate::Rate;
pub use self::rows::Rows;
pub use self::terms::Attribute;
use super::cloudtrail::{Entry, render_for};
use super::log::{LogError, Place};
use crate::fair_turns::{Admitted, FairTurns};
use crate::records::EventRecord;

/// Entries whose filters are one file.
const GROUP: u64 = BUNDLES as u64 * BUNDLE_ENTRIES;

/// Searches that read at the same time.
const READING_MAX: usize = 2;

/// Searches of an account that read or wait: one in each Region, and some.
const SEARCHES_MAX: usize = 40;

/// Bundles that one request reads at most.
const BUNDLES_MAX: usize = 48;

/// Bytes of entries that one request reads, unless a single bundle has more.
const BYTES_MAX: usize = 8 * 1024 * 1024;

/// Groups whose filters one request asks.
const GROUPS_MAX: usize = 1024;

/// The log as far as it can be searched.
pub struct EventHistory {
    place: Place,
    index: Arc<Index>,
    rate: Rate,
    turns: Arc<FairTurns>,
}

/// A search that its account may make now.
pub struct Admission {
    history: Arc<EventHistory>,
    admitted: Admitted,
}

/// A page of what was found.
#[derive(Debug, Default)]
pub struct Found {
    /// The events, the newest first.
    pub events: Vec<FoundEvent>,
    /// The place below which the search goes on, unless all was searched.
    pub below: Option<u64>,
}

/// The log cannot be searched. The text is the operator's.
#[derive(Debug, thiserror::Error)]
pub enum SearchError {
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] LogError),
    /// An entry is none that this release can read.
    #[error("entry {index} of the audit log: {reason}")]
    Entry {
        /// Its place.
        index: u64,
        /// Why not.
        reason: crate::records::BadRecord,
    },
    /// A record cannot be written out.
    #[error("an event cannot be shown: {0}")]
    Shown(#[from] serde_json::Error),
    /// The thread is gone.
    #[error("the search ended: {0}")]
    Thread(String),
}

impl EventHistory {
    /// The log at this place, with its index in that folder, whose parent must be there. An account may ask so many
    /// times a second.
    pub fn new(place: Place, index: PathBuf, per_second: u32) -> Self {
        let turns = Arc::new(FairTurns::new(READING_MAX, SEARCHES_MAX));
        Self { place, index: Arc::new(Index::new(index)), rate: Rate::new(per_second), turns }
    }

    /// Admits one more search of the account, unless it asks too often or too many of its searches wait.
    pub fn admit(self: &Arc<Self>, account: AccountId, region: Region, now: Timestamp) -> Option<Admission> {
        if !self.rate.take(account, region, now) {
            return None;
        }
        let admitted = self.turns.admit(account)?;
        Some(Admission { history: Arc::clone(self), admitted })
    }

    fn search_now(&self, query: &Query, below: u64) -> Result<Found, SearchError> {
        let reader = match self.place.reader() {
            Ok(reader) => reader,
            Err(error) if self.place.is_absent() => {
                tracing::debug!(%error, "nothing was logged yet");
                return Ok(Found::default());
            }
            Err(error) => return Err(error.into()),
        };
        let mut search = Search { history: self, reader: &reader, query, found: Vec::new() };
        match query.event_id() {
            Some(Ok(id)) if id.is_of(self.place.origin()) && id.index() < below => {
                let there = reader.kept_from()..reader.size();
                if there.contains(&id.index()) {
                    let entry = reader.entry(id.index()).map_err(LogError::from)?;
                    search.look_at(id.index(), &entry)?;
                }
                Ok(Found { events: search.found, below: None })
            }
            Some(_) => Ok(Found::default()),
            None => {
                let below = search.run(below)?;
                Ok(Found { events: search.found, below })
            }
        }
    }
}

impl Admission {
    /// The newest events below a place, or of all. The disk is read on a thread that may wait for it.
    pub async fn search(self, query: Query, below: Option<u64>) -> Result<Found, SearchError> {
        let Self { history, admitted } = self;
        let gone = |reason: String| SearchError::Thread(reason);
        let turn = admitted.turn().await.map_err(|error| gone(error.to_string()))?;
        let searched = tokio::task::spawn_blocking(move || {
            // It is over when the search is, whether or not anybody waits for that.
            let _turn = turn;
            history.search_now(&query, below.unwrap_or(u64::MAX))
        });
        searched.await.map_err(|error| gone(error.to_string()))?
    }
}

/// A search on its way through the log, from the end on.
struct Search<'s> {
    history: &'s EventHistory,
    reader: &'s Reader,
    query: &'s Query,
    found: Vec<FoundEvent>,
}

impl Search<'_> {
    /// Where it stopped, if it is not through.
    fn run(&mut self, below: u64) -> Result<Option<u64>, SearchError> {
        let mut next = below.min(self.reader.size());
        let (mut bundles, mut bytes, mut groups) = (0, 0, 0);
        while let Some(last) = next.checked_sub(1).filter(|last| *last >= self.reader.kept_from()) {
            groups += 1;
            if groups > GROUPS_MAX {
                return Ok(Some(next));
            }
            let group = last / GROUP;
            let candidates = self.history.index.candidates(group, self.query);
            for bundle in (0..=(last % GROUP) / BUNDLE_ENTRIES).rev().filter(|bundle| candidates.contains(*bundle)) {
                let first = group * GROUP + bundle * BUNDLE_ENTRIES;
                let end = (first + BUNDLE_ENTRIES).min(next);
                if self.found.len() == self.query.results_max() || bundles == BUNDLES_MAX || bytes >= BYTES_MAX {
                    return Ok(Some(end));
                }
                bundles += 1;
                let entries = self.reader.entries(first.max(self.reader.kept_from())..end);
                let entries = entries.collect::<Result<Vec<_>, _>>().map_err(LogError::from)?;
                bytes += entries.iter().map(|(_, entry)| entry.len()).sum::<usize>();
                for (index, entry) in entries.iter().rev() {
                    if self.found.len() == self.query.results_max() {
                        return Ok(Some(index + 1));
                    }
                    self.look_at(*index, entry)?;
                }
            }
            next = group * GROUP;
        }
        Ok(None)
    }

    fn look_at(&mut self, index: u64, entry: &[u8]) -> Result<(), SearchError> {
        let unreadable = |reason| SearchError::Entry { index, reason };
        let event = EventRecord::parse(entry).map_err(unreadable)?;
        if !self.query.may_be(&event) {
            return Ok(());
        }
        let entry = Entry { origin: self.history.place.origin(), index };
        let record = render_for(&event, entry, self.query.account()).map_err(unreadable)?;
        if let Some(record) = record.filter(|record| self.query.is(record)) {
            self.found.push(FoundEvent::new(&record)?);
        }
        Ok(())
    }
}
