//! The server: as many workers as configured behind one address, started together and drained together.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use claviger_core::Service;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::runtime::{Builder, LocalOptions};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::front_door::FrontDoor;
use crate::tls::{Tls, TlsError, TlsFiles};
use crate::worker::{Shared, Worker};

/// Connections that wait to be accepted, for each worker.
const BACKLOG: i32 = 4096;

/// How to serve.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where to listen. Port 0 is any free one.
    pub listen: SocketAddr,
    /// Workers, each with a thread of its own. At least one is started.
    pub workers: usize,
    /// Connections that may be open at the same time; more are closed as they come.
    pub connections_max: usize,
    /// The certificate, if TLS is spoken.
    pub tls: Option<TlsFiles>,
    /// Bounds of time.
    pub timeouts: Timeouts,
}

/// How long clients may take.
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    /// For the head of a request, from its first byte; for the first request, from the accepting.
    pub head: Duration,
    /// For the body of a request.
    pub body: Duration,
    /// Between requests of one connection.
    pub idle: Duration,
    /// To take leave, once a connection without a request is to end.
    pub closing: Duration,
    /// To finish what was begun, once the server stops.
    pub drain: Duration,
}

impl Default for Timeouts {
    fn default() -> Self {
        Self {
            head: Duration::from_secs(15),
            body: Duration::from_secs(30),
            idle: Duration::from_secs(60),
            closing: Duration::from_secs(2),
            drain: Duration::from_secs(20),
        }
    }
}

/// The server cannot start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why not.
        reason: io::Error,
    },
    /// TLS cannot be served.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// A worker cannot be started.
    #[error("cannot start a worker: {0}")]
    Worker(#[from] io::Error),
}

/// A running server. It drains when it is stopped or dropped.
pub struct Server {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    workers: Vec<JoinHandle<()>>,
    // Follows the certificate for as long as the server runs.
    _tls: Option<Tls>,
}

impl Server {
    /// Starts serving.
    pub fn start(config: Config, service: &Arc<Service>) -> Result<Self, ServeError> {
        let tls = config.tls.map(Tls::start).transpose()?;
        let workers = config.workers.max(1);
        let unavailable = |reason| ServeError::Listen { address: config.listen, reason };
        let listeners = listen(config.listen, workers).map_err(unavailable)?;
        let address = listeners.first().map_or(Ok(config.listen), TcpListener::local_addr)?;
        let (stop, stopped) = watch::channel(false);
        let shared = Arc::new(Shared { connections: AtomicUsize::new(0), connections_max: config.connections_max });
        let mut server = Self { address, stop, workers: Vec::with_capacity(workers), _tls: tls };
        for (number, listener) in listeners.into_iter().enumerate() {
            let service = Arc::clone(service);
            let (shared, stopped) = (Arc::clone(&shared), stopped.clone());
            let acceptor = server._tls.as_ref().map(|tls| TlsAcceptor::from(tls.config()));
            let run = move || run_worker(listener, &service, acceptor, config.timeouts, shared, stopped);
            server.workers.push(thread::Builder::new().name(format!("worker-{number}")).spawn(run)?);
        }
        Ok(server)
    }

    /// Where it listens.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Stops accepting, answers every request that was accepted, and returns when that is done. It blocks.
    pub fn stop(mut self) {
        self.drain();
    }

    fn drain(&mut self) {
        self.stop.send_replace(true);
        for worker in self.workers.drain(..) {
            if worker.join().is_err() {
                tracing::error!("a worker ended in a panic");
            }
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.drain();
    }
}

fn run_worker(
    listener: TcpListener,
    service: &Arc<Service>,
    acceptor: Option<TlsAcceptor>,
    timeouts: Timeouts,
    shared: Arc<Shared>,
    stop: watch::Receiver<bool>,
) {
    let run = || -> Result<(), Box<dyn std::error::Error>> {
        let runtime = Builder::new_current_thread().enable_io().enable_time().build_local(LocalOptions::default())?;
        let front_door = FrontDoor::new(Arc::clone(service), timeouts.body)?;
        runtime.block_on(async {
            let listener = tokio::net::TcpListener::from_std(listener)?;
            Worker::new(front_door, acceptor, timeouts, shared).run(listener, stop).await;
            Ok(())
        })
    };
    if let Err(error) = run() {
        tracing::error!(error, "a worker cannot serve");
    }
}

/// One listener for each worker on the same address; the kernel spreads connections over them.
fn listen(address: SocketAddr, count: usize) -> io::Result<Vec<TcpListener>> {
    // Listeners that share a port would share it with another server of the same user as well, and each would get
    // half of the other's requests. One that does not share finds out.
    let probe = socket(address, false)?;
    probe.bind(&address.into())?;
    let bound = probe.local_addr()?.as_socket().unwrap_or(address);
    drop(probe);
    let share = |_| {
        let socket = socket(address, true)?;
        socket.bind(&bound.into())?;
        socket.listen(BACKLOG)?;
        socket.set_nonblocking(true)?;
        Ok(TcpListener::from(socket))
    };
    (0..count).map(share).collect()
}

fn socket(address: SocketAddr, shared: bool) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    // A restart must not wait for the connections of the last run to be forgotten.
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(shared)?;
    Ok(socket)
}
