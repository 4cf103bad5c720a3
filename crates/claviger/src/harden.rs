//! What the process gives up before it reads any secret. Source: facts of Linux, prctl(2) and setrlimit(2).

use rustix::fs::Mode;
use rustix::process::{self, Resource, Rlimit};

/// The process cannot be hardened, so it must not read secrets.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}: {reason}")]
pub(crate) struct HardenError {
    step: &'static str,
    reason: rustix::io::Errno,
}

/// What the process may use.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Files and sockets that may be open at the same time.
    pub(crate) open_files: u64,
}

/// Hardens the process. Threads inherit it, so it comes before the first of them.
pub(crate) fn harden() -> Result<Limits, HardenError> {
    let failed = |step| move |reason| HardenError { step, reason };
    // Every file that this process makes holds wrapped keys, credentials or events.
    process::umask(Mode::RWXG | Mode::RWXO);
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    process::setrlimit(Resource::Core, none).map_err(failed("turn core dumps off"))?;
    #[cfg(target_os = "linux")]
    {
        // Beside core dumps this keeps other processes of the same user from reading this one's memory.
        process::set_dumpable_behavior(process::DumpableBehavior::NotDumpable)
            .map_err(failed("make the process not dumpable"))?;
        rustix::thread::set_no_new_privs(true).map_err(failed("give up new privileges"))?;
    }
    let files = process::getrlimit(Resource::Nofile);
    let raised = Rlimit { current: files.maximum, maximum: files.maximum };
    process::setrlimit(Resource::Nofile, raised).map_err(failed("raise the limit of open files"))?;
    Ok(Limits { open_files: files.maximum.unwrap_or(u64::MAX) })
}
