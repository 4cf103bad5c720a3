//! The newest View, and the thread that makes it: it follows the store's watch, applies each commit, swaps the pointer
//! and wakes those who wait for their write.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

use arc_swap::{ArcSwap, Cache};
use claviger_keyring::RootOfTrust;
use claviger_storage::{Commit, Revision, Store, StoreError, Watch, WatchError};
use tokio::sync::watch;

use crate::audit::Outbox;
use crate::paths::{self, PathKind};
use crate::view::{DamagedState, Opener, PolicyInterner, View};

/// How long a command waits for the View to follow before it gives up on it.
const FOLLOW_TIMEOUT: Duration = Duration::from_secs(10);

/// The newest View.
pub struct Views {
    newest: Arc<ArcSwap<View>>,
    /// How far the applier is.
    revision: watch::Receiver<Revision>,
    /// Why the applier ended. Each request looks at it, so it is no lock.
    stopped: Arc<OnceLock<String>>,
}

/// The service cannot start on this store.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A record is damaged.
    #[error("the stored state is damaged: {0}")]
    Damaged(#[from] DamagedState),
    /// The store cannot be read.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store cannot be followed.
    #[error(transparent)]
    Watch(#[from] WatchError),
    /// No thread could be started.
    #[error("cannot start the View's thread: {0}")]
    Thread(#[from] std::io::Error),
}

/// A worker's own hold on the newest View: one atomic compare per request, no shared counter is touched.
pub struct ViewReader(Cache<Arc<ArcSwap<View>>, Arc<View>>);

impl ViewReader {
    /// The newest View.
    pub fn current(&mut self) -> &Arc<View> {
        self.0.load()
    }
}

impl Views {
    /// Loads the state and starts following the store.
    pub fn start(store: &Arc<dyn Store>, root: &Arc<dyn RootOfTrust>) -> Result<(Self, Outbox), StartError> {
        let mut policies = PolicyInterner::default();
        let Loaded { view, events } = load(store.as_ref(), root.as_ref(), &mut policies)?;
        let watch = store.watch(view.revision())?;
        let outbox = Outbox::new(Arc::clone(store), store.watch(view.revision())?, events);
        let (sender, revision) = watch::channel(view.revision());
        let stopped = Arc::new(OnceLock::new());
        let newest = Arc::new(ArcSwap::from_pointee(view));
        let applier = Applier {
            newest: Arc::clone(&newest),
            sender,
            stopped: Arc::clone(&stopped),
            store: Arc::clone(store),
            root: Arc::clone(root),
            policies,
        };
        thread::Builder::new().name("view".into()).spawn(move || applier.run_or_stop(watch))?;
        Ok((Self { newest, revision, stopped }, outbox))
    }

    /// A hold for one worker.
    pub fn reader(&self) -> ViewReader {
        ViewReader(Cache::new(Arc::clone(&self.newest)))
    }

    /// The View as of now.
    pub fn newest(&self) -> Arc<View> {
        self.newest.load_full()
    }

    /// Waits until the View is at `revision` or past it. The error says why it will not come.
    pub async fn reached(&self, revision: Revision) -> Result<(), String> {
        self.wait(|at| at >= revision).await
    }

    /// Waits for a View that is newer than `revision`.
    pub async fn newer_than(&self, revision: Revision) -> Result<Arc<View>, String> {
        self.wait(|at| at > revision).await?;
        Ok(self.newest())
    }

    /// Why the View does not follow the store any more, if so.
    pub fn health(&self) -> Result<(), String> {
        self.stopped.get().map_or(Ok(()), |reason| Err(reason.clone()))
    }

    async fn wait(&self, enough: impl Fn(Revision) -> bool) -> Result<(), String> {
        let mut revision = self.revision.clone();
        let waited = tokio::time::timeout(FOLLOW_TIMEOUT, revision.wait_for(|at| enough(*at))).await;
        match waited {
            Ok(Ok(_)) => Ok(()),
            // The applier dropped its end: it has said why.
            Ok(Err(_)) => self.health().and(Err("the View's thread is gone".into())),
            Err(_) => Err("the View does not follow the store".into()),
        }
    }
}

/// The whole state of a store.
pub struct Loaded {
    /// What requests see.
    pub view: View,
    /// What waits in the outbox: never part of the View.
    pub events: Vec<(String, Vec<u8>)>,
}

/// Reads the whole state.
pub fn load(store: &dyn Store, root: &dyn RootOfTrust, policies: &mut PolicyInterner) -> Result<Loaded, StartError> {
    let mut view = View::default();
    let mut events = Vec::new();
    let mut opener = Opener { root, policies };
    let mut damage = None;
    let revision = store.load(&mut |record| {
        if damage.is_some() {
            return;
        }
        if matches!(paths::parse(record.path), Some((PathKind::Outbox, _, _))) {
            events.push((record.path.to_owned(), record.value.to_vec()));
        }
        damage = view.put(record.path, record.value, record.revision, &mut opener).err();
    })?;
    if let Some(damage) = damage {
        return Err(damage.into());
    }
    view.finish(revision, None)?;
    Ok(Loaded { view, events })
}

struct Applier {
    newest: Arc<ArcSwap<View>>,
    sender: watch::Sender<Revision>,
    stopped: Arc<OnceLock<String>>,
    store: Arc<dyn Store>,
    root: Arc<dyn RootOfTrust>,
    policies: PolicyInterner,
}

impl Applier {
    /// A panic must not leave requests on a View that stands still.
    fn run_or_stop(self, watch: Watch) {
        let stopped = Arc::clone(&self.stopped);
        if catch_unwind(AssertUnwindSafe(|| self.run(watch))).is_err() {
            tracing::error!("the View's thread panicked; requests are refused");
            let _ = stopped.set("the View's thread panicked".into());
        }
    }

    fn run(mut self, mut watch: Watch) {
        let reason = loop {
            let followed = match watch.next_blocking() {
                Ok(commit) => self.apply(&commit).map_err(StartError::from),
                Err(WatchError::Compacted) => self.load_again().map(|again| watch = again),
                Err(error @ WatchError::Closed) => Err(error.into()),
            };
            match followed {
                Ok(()) => {}
                // An orderly end: whoever closes the store has stopped serving.
                Err(error @ (StartError::Watch(WatchError::Closed) | StartError::Store(StoreError::Closed))) => {
                    let _ = self.stopped.set(error.to_string());
                    return;
                }
                Err(error) => break error.to_string(),
            }
        };
        tracing::error!(reason, "the View stopped following the store; requests are refused");
        // INVARIANT: nobody else sets it.
        let _ = self.stopped.set(reason);
    }

    /// The store went on faster than this thread followed, and forgot what comes next: the whole state is read again.
    fn load_again(&mut self) -> Result<Watch, StartError> {
        tracing::warn!("the View lost track of the store and is loaded again");
        let Loaded { view, .. } = load(self.store.as_ref(), self.root.as_ref(), &mut self.policies)?;
        let revision = view.revision();
        let watch = self.store.watch(revision)?;
        drop(self.newest.swap(Arc::new(view)));
        self.sender.send_replace(revision);
        Ok(watch)
    }

    fn apply(&mut self, commit: &Arc<Commit>) -> Result<(), DamagedState> {
        let mut opener = Opener { root: self.root.as_ref(), policies: &mut self.policies };
        let next = self.newest.load().apply(commit, &mut opener)?;
        // Dropping the old View here keeps its cost off the requests.
        drop(self.newest.swap(Arc::new(next)));
        self.sender.send_replace(commit.revision);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use claviger_keyring::{Deployment, FileRoot, Space};
    use claviger_storage::{ChangeLogLimits, MemoryStore, Transaction, Write};

    use super::*;
    use crate::bootstrap::{self, NewDeployment};
    use crate::records::{self, DevClockRecord};

    /// The applier starts to follow only after the store forgot what came next.
    #[tokio::test(flavor = "current_thread")]
    async fn a_view_that_lost_track_is_loaded_again() {
        let folder = tempfile::tempdir().unwrap();
        let root: Arc<dyn RootOfTrust> = Arc::new(FileRoot::create(&folder.path().join("root.key")).unwrap());
        let store: Arc<dyn Store> = Arc::new(MemoryStore::with_limits(ChangeLogLimits { commits: 2, bytes: 1 << 20 }));
        let account = "111122223333".parse().unwrap();
        let new = NewDeployment { account, name: "a".into(), kind: Deployment::Development, admin: None };
        bootstrap::create(&store, root.as_ref(), new).await.unwrap();
        let mut policies = PolicyInterner::default();
        let view = load(store.as_ref(), root.as_ref(), &mut policies).unwrap().view;
        let watch = store.watch(view.revision()).unwrap();
        let mut last = view.revision();
        for offset_millis in 1..=5 {
            let value = records::encode(&DevClockRecord { offset_millis });
            let writes = vec![Write::Put { path: paths::dev_clock(), value }];
            last = store.commit(Transaction { preconditions: Vec::new(), writes }).await.unwrap();
        }
        let (sender, revision) = watch::channel(view.revision());
        let (newest, stopped) = (Arc::new(ArcSwap::from_pointee(view)), Arc::new(OnceLock::new()));
        let applier = Applier {
            newest: Arc::clone(&newest),
            sender,
            stopped: Arc::clone(&stopped),
            store: Arc::clone(&store),
            root,
            policies,
        };
        let thread = thread::spawn(move || applier.run(watch));
        let views = Views { newest, revision, stopped };
        views.reached(last).await.unwrap();
        assert_eq!(views.newest().dev_clock_offset_millis(), 5);
        assert!(views.newest().cluster_key().is_some_and(|cluster| cluster.key.version() == 1));
        assert!(views.newest().domain_key(Space::Global, account).is_some());
        store.close();
        thread.join().unwrap();
        assert_eq!(views.health(), Err("the store is closed".into()));
    }
}
