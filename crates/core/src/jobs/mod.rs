//! What the service does by itself: deletes keys whose time has come, rotates the session key, wraps again what a retired
//! key wraps, moves events to the audit log. Nothing that a request sees waits for a job: but for the session key,
//! jobs only persist what is already true.

mod deletion;
mod log_keys;
mod mfa_seeds;
mod rewrap;
mod session_keys;

use std::path::PathBuf;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use claviger_storage::{CommitError, Write};
use claviger_types::AccountId;
use tokio::sync::watch;

use crate::audit::{LogError, Mover};
use crate::error::Error;
use crate::pipeline::event;
use crate::pipeline::outcome::Changes;
use crate::service::{Service, Started};

/// How often a job looks whether time alone has made something due.
const TICK: Duration = Duration::from_secs(1);

/// The running jobs.
pub struct Jobs {
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

/// The jobs cannot start.
#[derive(Debug, thiserror::Error)]
pub enum JobsError {
    /// The audit log's folder cannot be made.
    #[error("the audit log's folder `{path}` cannot be made: {error}")]
    Folder {
        /// The folder.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// An audit log is damaged.
    #[error(transparent)]
    Log(#[from] LogError),
    /// No thread could be started.
    #[error("cannot start the jobs' thread: {0}")]
    Thread(#[from] std::io::Error),
}

impl Jobs {
    /// Starts them, on a thread of their own. `folder` is where the audit logs are.
    pub fn start(started: Started, folder: PathBuf) -> Result<(Arc<Service>, Self), JobsError> {
        let Started { service, outbox } = started;
        let unmade = |error| JobsError::Folder { path: folder.display().to_string(), error };
        std::fs::create_dir_all(&folder).map_err(unmade)?;
        let mover = Mover::open(Arc::clone(service.store()), folder, service.view().audit_positions(), outbox)?;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build()?;
        let (stop, stopped) = watch::channel(false);
        let running = Arc::clone(&service);
        let run = move || runtime.block_on(run(running, mover, stopped));
        let thread = thread::Builder::new().name("jobs".into()).spawn(run)?;
        Ok((service, Self { stop, thread }))
    }

    /// Moves what is left in the outbox and ends.
    pub fn stop(self) {
        self.stop.send_replace(true);
        // A panic in a job was logged where it happened.
        let _ = self.thread.join();
    }
}

async fn run(service: Arc<Service>, mut mover: Mover, mut stopped: watch::Receiver<bool>) {
    while !*stopped.borrow() {
        persist(&service).await;
        tokio::select! {
            _ = stopped.changed() => {}
            () = tokio::time::sleep(TICK) => {}
            waited = mover.wait() => {
                let moved = match waited {
                    Ok(()) => mover.move_all().await,
                    Err(error) => Err(error),
                };
                if let Err(error) = moved {
                    tracing::error!(%error, "events wait in the outbox");
                    tokio::time::sleep(TICK).await;
                }
            }
        }
    }
    if let Err(error) = mover.move_all().await {
        tracing::error!(%error, "events wait in the outbox until the next start");
    }
}

/// Persists what time, or a rotation, has made true.
pub(crate) async fn persist(service: &Service) {
    report("deletion", deletion::run(service).await);
    report("session keys", session_keys::rotate(service, service.wall_now()).await);
    report("re-wrapping", rewrap::run(service).await);
}

/// Commits what a job decided, with its event. A conflict means that a request was faster: the job looks again later.
async fn commit(
    service: &Service,
    changes: Changes,
    action: &str,
    account: AccountId,
    resources: Vec<String>,
) -> Result<(), Error> {
    let space = changes.space_name();
    let event = event::of_job(service.now(&service.view()), action, account, &space, resources);
    let (mut transaction, _) = changes.into_transaction()?;
    transaction.writes.push(Write::Put { path: event::fresh_path(&space)?, value: event });
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
