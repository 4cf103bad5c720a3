//! A server that a bench starts, waits for and ends.

use std::fs::File;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::connection::{Connection, Endpoint};
use crate::{BenchError, process};

/// A million keys may take 10 seconds to load; past a minute something is wrong.
const START_MAX: Duration = Duration::from_secs(60);
const DRAIN_MAX: Duration = Duration::from_secs(10);
const POLL: Duration = Duration::from_millis(5);

/// A running server process; dropping it ends the process.
pub struct Server {
    child: Child,
    endpoint: Endpoint,
    log: PathBuf,
}

impl Server {
    /// Starts `program arguments… --listen <free port>`, on one core if asked; what it prints goes to `log`.
    pub fn start(
        program: &Path,
        arguments: &[&str],
        environment: &[(&str, &str)],
        log: &Path,
        core: Option<usize>,
    ) -> Result<Self, BenchError> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let output = File::create(log).map_err(|error| BenchError::file(log, error))?;
        let errors = output.try_clone().map_err(|error| BenchError::file(log, error))?;
        let mut command = Command::new(program);
        command.args(arguments).args(["--listen", &address]).envs(environment.iter().copied());
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = match core {
            Some(core) => process::on_core(core, || command.spawn())?,
            None => command.spawn(),
        };
        let child = child.map_err(|error| BenchError::file(program, error))?;
        Ok(Self { child, endpoint: Endpoint { host: address }, log: log.to_owned() })
    }

    /// Waits until `GET /healthz` is answered with a status that means readiness.
    pub async fn ready(mut self, means_ready: fn(u16) -> bool) -> Result<Self, BenchError> {
        let started = Instant::now();
        let message = format!("GET /healthz HTTP/1.1\r\nHost: {}\r\n\r\n", self.endpoint.host);
        while started.elapsed() < START_MAX {
            if let Ok(reply) = Connection::new(&self.endpoint).exchange(message.as_bytes()).await
                && means_ready(reply.status)
            {
                return Ok(self);
            }
            if let Some(status) = self.child.try_wait()? {
                return Err(BenchError::Ended { status, log: self.last_words() });
            }
            tokio::time::sleep(POLL).await;
        }
        Err(BenchError::Process(format!("the server was not ready after {} s", START_MAX.as_secs())))
    }

    /// The last line that it printed: if it refused to start, the reason.
    fn last_words(&self) -> String {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().rfind(|line| !line.trim().is_empty()).unwrap_or("it printed nothing").to_owned()
    }

    /// Where it listens.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// Its process id.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let asked = Pid::from_raw(self.child.id().cast_signed()).map(|pid| kill_process(pid, Signal::TERM));
        let started = Instant::now();
        while asked.is_some_and(|asked| asked.is_ok()) && started.elapsed() < DRAIN_MAX {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            sleep(POLL);
        }
        // What does not end when asked is ended; a failure here means that it has ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
