//! The thread that keeps the index: it follows the log, and makes those filters anew that are missing, the newest
//! first.

use std::io;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use claviger_tlog::Reader;

use super::filter::{Filter, GroupId};
use super::index::{Index, add_to};
use super::rows::RowsOf;
use super::{EventHistory, GROUP};
use crate::audit::follow::{Followed, FollowedEntry, Follower, Followers};
use crate::audit::log::{LogError, Place};

/// How long to wait for entries while there is nothing else to do.
const REST: Duration = Duration::from_secs(1);

/// The same between two groups that are made anew: requests come first.
const BREATH: Duration = Duration::from_millis(50);

/// Between two attempts after one failed.
const RETRY: Duration = Duration::from_secs(60);

/// The running thread. It ends with the log's writer.
pub struct IndexBuilder {
    thread: JoinHandle<()>,
}

/// What the thread works on.
pub(super) struct Builder {
    place: Place,
    index: Arc<Index>,
    follower: Follower,
    rows: RowsOf,
    /// Entries before this one were pruned, and the files of groups of such entries are gone.
    pub(super) kept_from: u64,
    /// When a filter that could not be made is tried again.
    retry_at: Option<Instant>,
    /// When the log is read again after it could not be read.
    follow_at: Option<Instant>,
}

/// A filter cannot be made.
#[derive(Debug, thiserror::Error)]
enum BuildError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Log(#[from] LogError),
}

impl IndexBuilder {
    /// Starts to keep the index of this log, which must be open by now; `followers` are those of its writer.
    pub fn start(history: &EventHistory, follower: Follower) -> io::Result<Self> {
        let mut builder = Builder::new(history, follower);
        let thread = thread::Builder::new().name("audit-index".into()).spawn(move || builder.run())?;
        Ok(Self { thread })
    }

    /// One who follows for it.
    pub fn follower(history: &EventHistory, followers: &mut Followers) -> Follower {
        followers.add(history.place.clone(), 0)
    }

    /// Waits for its end, after the writer's.
    pub fn stop(self) {
        // A panic was logged where it happened.
        let _ = self.thread.join();
    }
}

impl Builder {
    pub(super) fn new(history: &EventHistory, follower: Follower) -> Self {
        let (place, index) = (history.place.clone(), Arc::clone(&history.index));
        Self { place, index, follower, rows: RowsOf::default(), kept_from: 0, retry_at: None, follow_at: None }
    }

    fn run(&mut self) {
        if let Err(error) = self.load() {
            // Lookups read the log itself.
            tracing::error!(%error, "the audit log has no index");
            return;
        }
        while self.turn() == Followed::Open {}
    }

    /// Takes in what was committed, and makes one filter that is missing.
    pub(super) fn turn(&mut self) -> Followed {
        if self.follow_at.is_some_and(|at| at > Instant::now()) {
            return self.follower.wait(REST);
        }
        self.prune(self.follower.kept_from());
        let due = self.retry_at.is_none_or(|at| at <= Instant::now());
        // What was pruned in part needs no filters.
        let missing = self.index.missing(self.kept_from.div_ceil(GROUP)).filter(|_| due);
        let wait = if missing.is_some() { BREATH } else { REST };
        let mut whole = Vec::new();
        let Self { follower, index, rows, .. } = self;
        let followed = follower.follow(wait, &mut |entries| whole.extend(index.add(rows, entries)));
        for (number, filter) in whole {
            let put = group_id(&self.place, number).and_then(|id| Ok(self.index.put(id, &filter)?));
            self.report(put);
        }
        if let Some(number) = missing {
            let made = self.make(number);
            self.report(made);
        }
        followed.unwrap_or_else(|error| {
            // What was pruned meanwhile is not in the way the next time.
            self.follow_at = pruned_to(&error).is_none().then(|| Instant::now() + RETRY);
            self.report(Err(error.into()));
            Followed::Open
        })
    }

    /// Finds out which filters are there, and goes on after the last of them.
    pub(super) fn load(&mut self) -> Result<(), LogError> {
        let reader = self.place.reader()?;
        let groups = (0..reader.size() / GROUP).map(|number| id_in(&reader, number)).collect::<Result<Vec<_>, _>>()?;
        let next = groups.len() as u64 * GROUP;
        self.index.load(groups);
        self.prune(reader.kept_from());
        self.follower.begin_at(next);
        Ok(())
    }

    /// The entries before this one were pruned.
    fn prune(&mut self, kept_from: u64) {
        self.index.prune(self.kept_from / GROUP..kept_from / GROUP);
        self.kept_from = self.kept_from.max(kept_from);
    }

    /// Makes the filters of a whole group from the log.
    fn make(&mut self, number: u64) -> Result<(), BuildError> {
        let reader = self.place.reader()?;
        let mut filter = Filter::default();
        for entry in reader.entries(number * GROUP..(number + 1) * GROUP) {
            let (place, entry) = entry.map_err(LogError::from)?;
            let entry = FollowedEntry::of(place, &entry);
            self.rows.of(&[entry]).for_each(|rows| add_to(&mut filter, place, rows));
        }
        Ok(self.index.put(id_in(&reader, number)?, &filter)?)
    }

    fn report(&mut self, outcome: Result<(), BuildError>) {
        let Err(error) = outcome else { return };
        if let BuildError::Log(log) = &error
            && let Some(kept_from) = pruned_to(log)
        {
            self.prune(kept_from);
        } else {
            tracing::error!(%error, "a part of the audit log has no index for now");
            self.retry_at = Some(Instant::now() + RETRY);
        }
    }
}

/// The first entry that is kept, if the error is that those before it were pruned.
fn pruned_to(error: &LogError) -> Option<u64> {
    match error {
        LogError::Read(claviger_tlog::LogError::Pruned { kept_from, .. }) => Some(*kept_from),
        _ => None,
    }
}

fn group_id(place: &Place, number: u64) -> Result<GroupId, BuildError> {
    Ok(id_in(&place.reader()?, number)?)
}

fn id_in(reader: &Reader, number: u64) -> Result<GroupId, LogError> {
    let root = reader.subtree_hash(number * GROUP, GROUP.trailing_zeros())?;
    Ok(GroupId { number, root: *root.as_bytes() })
}
