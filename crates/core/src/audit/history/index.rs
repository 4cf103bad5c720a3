//! The filters of all groups of the log: those of whole groups in files, those of the last one in memory. It is made of
//! the log and can be made again, so nothing of it is synced.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use claviger_tlog::{BUNDLE_ENTRIES, open_regular};

use super::GROUP;
use super::filter::{BUNDLES, Bundles, FILE_BYTES, Filter, GroupId, StoredFilter, Times};
use super::query::Query;
use super::rows::{Rows, RowsOf};
use crate::audit::follow::FollowedEntry;

/// The index of a log.
pub(super) struct Index {
    folder: PathBuf,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// Of each whole group, what is known of its file; none if it has none that can be used.
    groups: Vec<Option<GroupFile>>,
    /// The filters of the group after those, as far as it goes.
    open: Filter,
    /// The place of the first entry that is in none of them.
    next: u64,
}

#[derive(Clone, Copy)]
struct GroupFile {
    id: GroupId,
    times: Times,
}

impl Index {
    /// The index in this folder, of which nothing is known yet.
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder, state: Mutex::default() }
    }

    /// The bundles of a group that may hold what is looked for. Without a filter it may be any of them.
    pub(super) fn candidates(&self, number: u64, query: &Query) -> Bundles {
        let group = {
            let state = self.state();
            match usize::try_from(number).ok().and_then(|place| state.groups.get(place)) {
                Some(Some(group)) => *group,
                Some(None) => return Bundles::ALL,
                None if state.next / GROUP == number => {
                    let mut candidates = state.open.candidates(query);
                    // The bundle that grows, and all that comes after it.
                    let grows = state.next % GROUP / BUNDLE_ENTRIES;
                    (grows..BUNDLES as u64).for_each(|place| candidates.insert(place));
                    return candidates;
                }
                None => return Bundles::ALL,
            }
        };
        if !group.times.meet(query.times()) {
            return Bundles::NONE;
        }
        let file = open_regular(&self.path(number));
        let read = |at, bytes: &mut [u8]| match &file {
            Ok(file) => file.read_exact_at(bytes, at),
            Err(error) => Err(error.kind().into()),
        };
        StoredFilter::new(group.id, read).candidates(query, group.times).unwrap_or_else(|| {
            tracing::warn!(path = %self.path(number).display(), "a filter of the audit log is damaged, and made again");
            self.set_group(number, None);
            Bundles::ALL
        })
    }

    /// Begins anew: these are the whole groups of the log, and where its files are in order they are used.
    pub(super) fn load(&self, groups: Vec<GroupId>) {
        let load = |id: GroupId| {
            let file = open_regular(&self.path(id.number)).ok()?;
            let whole = file.metadata().is_ok_and(|found| found.len() == FILE_BYTES as u64);
            let stored = StoredFilter::new(id, |at, bytes: &mut [u8]| file.read_exact_at(bytes, at));
            stored.times().filter(|_| whole).map(|times| GroupFile { id, times })
        };
        let next = groups.len() as u64 * GROUP;
        let groups = groups.into_iter().map(load).collect();
        *self.state() = State { groups, next, ..State::default() };
    }

    /// Adds the log's next entries, or later ones if those between were pruned. Returns the filters of each group that is
    /// whole now and has no file yet, with its number.
    pub(super) fn add(&self, rows: &mut RowsOf, entries: &[FollowedEntry<'_>]) -> Vec<(u64, Filter)> {
        let rows = rows.of(entries);
        let mut whole = Vec::new();
        let mut state = self.state();
        for (place, rows) in entries.iter().map(|entry| entry.index).zip(rows) {
            if place < state.next {
                continue;
            }
            let pruned = state.groups.len() as u64..place / GROUP;
            if !pruned.is_empty() {
                state.groups.extend(pruned.map(|_| None));
                state.open = Filter::default();
            }
            add_to(&mut state.open, place, rows);
            state.next = place + 1;
            if state.next.is_multiple_of(GROUP) {
                state.groups.push(None);
                whole.push((place / GROUP, std::mem::take(&mut state.open)));
            }
        }
        whole
    }

    /// The newest of the whole groups from this one on that has no filters.
    pub(super) fn missing(&self, from: u64) -> Option<u64> {
        let state = self.state();
        let missing = (0..).zip(&state.groups).filter(|(number, group)| *number >= from && group.is_none());
        missing.last().map(|(number, _)| number)
    }

    /// Writes the filters of a whole group; from then on they are used.
    pub(super) fn put(&self, id: GroupId, filter: &Filter) -> io::Result<()> {
        let path = self.path(id.number);
        let draft = path.with_extension("new");
        make_folder(&self.folder)?;
        // Whatever stands there, it is not written to.
        let _ = fs::remove_file(&draft);
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        options.open(&draft)?.write_all(&filter.to_bytes(id))?;
        fs::rename(&draft, &path)?;
        self.set_group(id.number, Some(GroupFile { id, times: filter.times() }));
        Ok(())
    }

    /// Removes the files of these groups.
    pub(super) fn prune(&self, groups: Range<u64>) {
        for number in groups {
            self.set_group(number, None);
            // At a start most were removed long ago.
            let _ = fs::remove_file(self.path(number));
        }
    }

    fn set_group(&self, number: u64, group: Option<GroupFile>) {
        let mut state = self.state();
        if let Some(place) = usize::try_from(number).ok().and_then(|place| state.groups.get_mut(place)) {
            *place = group;
        }
    }

    fn path(&self, number: u64) -> PathBuf {
        self.folder.join(format!("{number:08}"))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Adds the entry at a place of the log to the filters of its group: when its event was, and its rows; none if it cannot
/// be read.
pub(super) fn add_to(filter: &mut Filter, place: u64, event: Option<(i64, &Rows)>) {
    let bundle = place % GROUP / BUNDLE_ENTRIES;
    match event {
        Some((at, rows)) => filter.add(bundle, at, rows),
        None => filter.add_unreadable(bundle),
    }
}

fn make_folder(folder: &PathBuf) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(folder) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
}
