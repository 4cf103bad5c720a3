//! What the service does by itself: deletes keys whose time has come, rotates the session key, wraps again what a retired
//! key wraps, ends rotations of the audit key, prunes the audit log. Beside them the audit log is written, indexed, and
//! usage counted out of it. Nothing that a request sees waits for a job: but for the session key, jobs only persist what
//! is already true.

mod audit_keys;
mod deletion;
mod mfa_seeds;
mod retention;
mod rewrap;
mod session_keys;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use claviger_storage::CommitError;
use claviger_tlog::{Directory, Files};
use claviger_types::{AccountId, Timestamp, limits};
use tokio::sync::watch;

use self::retention::Retention;
use crate::audit::{self, AuditWriter, EventHistory, Followers, IndexBuilder};
use crate::error::Error;
use crate::pipeline::event;
use crate::pipeline::outcome::Changes;
use crate::records::EventHead;
use crate::service::{Service, Started};
use crate::target::Resources;
use crate::usage::UsageCounter;

/// How often a job looks whether time alone has made something due.
const TICK: Duration = Duration::from_secs(1);

/// How soon a job looks at what was changed: a rotation or a moved clock makes work. Changes that follow one another are
/// looked at together.
const AFTER_CHANGE: Duration = Duration::from_millis(50);

/// The running jobs.
pub struct Jobs {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
    writer: AuditWriter,
    index: IndexBuilder,
    usage: UsageCounter,
}

/// Where the files are that are written beside the store. The parent of each folder must be there.
pub struct Folders {
    /// The audit log.
    pub audit: PathBuf,
    /// The index by which its events are looked up.
    pub audit_index: PathBuf,
    /// The snapshot of usage.
    pub usage: PathBuf,
}

/// The jobs cannot start.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The audit log cannot be written.
    #[error(transparent)]
    Audit(#[from] audit::StartError),
    /// No thread could be started.
    #[error("cannot start the jobs' thread: {0}")]
    Thread(#[from] std::io::Error),
    /// The snapshot of usage cannot be written, or its thread not be started.
    #[error("cannot count usage: {0}")]
    Usage(#[source] std::io::Error),
}

impl Jobs {
    /// Starts them, on threads of their own.
    pub fn start(started: Started, folders: Folders) -> Result<(Arc<Service>, Self), JobsError> {
        let Started { service, outbox, events } = started;
        let view = service.view();
        let files: Arc<dyn Files> = Arc::new(Directory::new(folders.audit));
        let place = audit::Place::new(&view, Arc::clone(&files));
        let place = place.map_err(audit::StartError::from)?;
        let history = Arc::new(EventHistory::new(place.clone(), folders.audit_index, limits::LOOKUPS_PER_SECOND_MAX));
        let mut followers = Followers::default();
        let of_index = IndexBuilder::follower(&history, &mut followers);
        let group = service.settings().audit.group;
        let usage_follower = followers.add(place.clone(), 0);
        // Of a log that was not begun, or cannot be read, there is none: the writer says why.
        let newest = place.reader().ok().and_then(|log| log.entry(log.size().checked_sub(1)?).ok());
        let newest = newest.and_then(|event| EventHead::of(&event)).map(|head| Timestamp::from_millis(head.at));
        let writer = AuditWriter::start(place, events, outbox, view.audit_position(), group, followers)?;
        let index = IndexBuilder::start(&history, of_index)?;
        service.lookups().begin(history);
        let usage_files = Arc::new(Directory::new(folders.usage));
        let usage = UsageCounter::start(Arc::clone(&service), usage_follower, usage_files).map_err(JobsError::Usage)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (stop, stopped) = watch::channel(false);
        let running = Arc::clone(&service);
        let run = move || runtime.block_on(run(running, Retention::new(files, newest), stopped));
        let thread = thread::Builder::new().name("jobs".into()).spawn(run)?;
        Ok((service, Self { stop, thread, writer, index, usage }))
    }

    /// Ends them. What is still on its way to the audit log is written there.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // A panic in a job was logged where it happened.
        let _ = self.thread.join();
        self.writer.stop();
        self.index.stop();
        self.usage.stop();
    }
}

async fn run(service: Arc<Service>, mut retention: Retention, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        let view = service.view();
        persist(&service).await;
        report("retention", retention.run(&service).await);
        service.record_strangers(false);
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(TICK) => {}
            newer = service.newer_view(&view) => {
                tokio::time::sleep(if newer.is_ok() { AFTER_CHANGE } else { TICK }).await;
            }
        }
    }
    service.record_strangers(true);
}

/// Persists what time, or a rotation, has made true.
pub(crate) async fn persist(service: &Service) {
    report("deletion", deletion::run(service).await);
    report("session keys", session_keys::rotate(service, service.wall_now()).await);
    report("audit keys", audit_keys::finish_rotation(service, &service.view()).await);
    report("re-wrapping", rewrap::run(service).await);
}

/// Commits what a job decided, with its event. A conflict means that a request was faster: the job looks again later.
async fn commit(
    service: &Service,
    changes: Changes,
    operation: &str,
    account: AccountId,
    resources: Resources,
) -> Result<(), Error> {
    let space = changes.space_name();
    let event = event::of_job(service.now(&service.view()), operation, account, &space, &resources)?;
    let (mut transaction, _) = changes.into_transaction()?;
    transaction.writes.push(event.into_outbox(&space));
    match service.commit(transaction).await {
        Ok(()) | Err(CommitError::Conflict { .. }) => Ok(()),
        Err(error) => Err(Error::Internal(error.to_string())),
    }
}

fn report(job: &str, outcome: Result<(), Error>) {
    if let Err(error) = outcome {
        tracing::error!(job, ?error, "a job failed and will be tried again");
    }
}
