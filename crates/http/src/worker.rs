//! One worker: a thread with its own listener, its own runtime and its own front door. Workers share nothing that a
//! request touches.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::http::request::Parts;
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use crate::answer::Answer;
use crate::connection::{self, Bounds, LocalExecutor, Tick, Watched, WatchedIo};
use crate::front_door::{FrontDoor, Peer};
use crate::server::Timeouts;
use crate::tls;

/// Bytes of a request's head: room for a session token of some kilobytes among the headers.
const HEAD_BYTES_MAX: usize = 64 * 1024;

/// Bytes of a request's head in HTTP/2, where many may be open on one connection.
const STREAM_HEAD_BYTES_MAX: u32 = 32 * 1024;

/// Streams of one HTTP/2 connection: with their heads they hold no more than one megabyte.
const STREAMS_MAX: u32 = 32;

/// Bytes that an HTTP/2 client may send ahead, for all its streams together.
const WINDOW_BYTES: u32 = 256 * 1024;

/// How long accepting pauses after an error that only time cures, such as too many open files.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long idle connections stay open when the server stops: a request that is on its way is still answered.
const LINGER: Duration = Duration::from_millis(250);

/// What all workers of a server share: it is touched when connections come and go, never by a request.
pub(crate) struct Shared {
    pub(crate) connections: AtomicUsize,
    pub(crate) connections_max: usize,
}

/// One worker.
pub(crate) struct Worker {
    front_door: FrontDoor,
    tls: Option<TlsAcceptor>,
    timeouts: Timeouts,
    shared: Arc<Shared>,
    clock: Rc<Cell<Tick>>,
    stopping: Cell<bool>,
    connections: RefCell<HashMap<u64, Rc<Watched>>>,
    http: auto::Builder<LocalExecutor>,
}

impl Worker {
    /// A worker without connections yet.
    pub(crate) fn new(
        front_door: FrontDoor,
        tls: Option<TlsAcceptor>,
        timeouts: Timeouts,
        shared: Arc<Shared>,
    ) -> Rc<Self> {
        let mut http = auto::Builder::new(LocalExecutor);
        http.http1().header_read_timeout(None).max_buf_size(HEAD_BYTES_MAX).pipeline_flush(true);
        http.http2()
            .max_concurrent_streams(STREAMS_MAX)
            .initial_stream_window_size(WINDOW_BYTES)
            .initial_connection_window_size(WINDOW_BYTES)
            .max_header_list_size(STREAM_HEAD_BYTES_MAX);
        let clock = Rc::new(Cell::new(Tick(0)));
        let (stopping, connections) = (Cell::new(false), RefCell::default());
        Rc::new(Self { front_door, tls, timeouts, shared, clock, stopping, connections, http })
    }

    /// Serves until `stop` changes or its sender is gone; then drains.
    pub(crate) async fn run(self: &Rc<Self>, listener: TcpListener, mut stop: watch::Receiver<bool>) {
        let ticking = tokio::task::spawn_local(Rc::clone(self).tick());
        let mut number = 0;
        loop {
            let accepted = tokio::select! {
                biased;
                _ = stop.changed() => break,
                accepted = listener.accept() => accepted,
            };
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, &mut number),
                Err(error) if is_of_one_connection(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "connections cannot be accepted for a moment");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        self.stopping.set(true);
        self.drain_queue(listener, &mut number);
        self.drain().await;
        ticking.abort();
    }

    /// Closing a listener resets the connections in its queue: they are accepted first.
    fn drain_queue(self: &Rc<Self>, listener: TcpListener, number: &mut u64) {
        let Ok(listener) = listener.into_std() else { return };
        loop {
            let accepted = listener.accept().and_then(|(stream, peer)| {
                stream.set_nonblocking(true)?;
                Ok((TcpStream::from_std(stream)?, peer))
            });
            match accepted {
                Ok((stream, peer)) => self.admit(stream, peer, number),
                Err(error) if is_of_one_connection(&error) => {}
                Err(_) => return,
            }
        }
    }

    /// Lets each connection finish what it has begun, within the bound of time.
    async fn drain(&self) {
        let finished = |worker: &Self| worker.connections.borrow().is_empty();
        let started = tokio::time::Instant::now();
        let mut told = false;
        while !finished(self) {
            tokio::time::sleep(Duration::from_millis(5)).await;
            if !told && started.elapsed() >= LINGER {
                told = true;
                self.each_connection(|watched| watched.end_gracefully(self.clock.get()));
            }
            if started.elapsed() >= self.timeouts.drain {
                let left = self.connections.borrow().len();
                tracing::warn!(left, "connections are closed before their requests were answered");
                self.each_connection(Watched::end_now);
                return;
            }
        }
    }

    /// Looks at all connections once a second.
    async fn tick(self: Rc<Self>) {
        let seconds = |duration: Duration| u32::try_from(duration.as_secs()).unwrap_or(u32::MAX);
        let bounds = Bounds {
            head: seconds(self.timeouts.head),
            idle: seconds(self.timeouts.idle),
            closing: seconds(self.timeouts.closing),
        };
        let mut interval = tokio::time::interval(Duration::from_secs(1));
        loop {
            interval.tick().await;
            let now = Tick(self.clock.get().0.saturating_add(1));
            self.clock.set(now);
            self.each_connection(|watched| watched.check(now, bounds));
        }
    }

    fn each_connection(&self, act: impl Fn(&Watched)) {
        self.connections.borrow().values().for_each(|watched| act(watched));
    }

    /// Serves a connection, unless there are too many.
    fn admit(self: &Rc<Self>, stream: TcpStream, peer: SocketAddr, number: &mut u64) {
        let Some(slot) = Slot::take(&self.shared) else {
            tracing::debug!(%peer, "too many connections");
            return;
        };
        // Small answers must not wait for the acknowledgement of the last ones.
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%peer, %error, "a connection broke while it was accepted");
            return;
        }
        *number += 1;
        let number = *number;
        let watched = Rc::new(Watched::new(self.clock.get()));
        self.connections.borrow_mut().insert(number, Rc::clone(&watched));
        let worker = Rc::clone(self);
        tokio::task::spawn_local(async move {
            let _listed = Listed { worker: &worker, number, _slot: slot };
            worker.serve(stream, peer, &watched).await;
        });
    }

    async fn serve(self: &Rc<Self>, stream: TcpStream, address: SocketAddr, watched: &Rc<Watched>) {
        match &self.tls {
            None => self.serve_http(stream, Peer { address, tls: None }, watched).await,
            Some(acceptor) => match connection::unless_ended(acceptor.accept(stream), watched).await {
                Some(Ok(stream)) => {
                    let tls = Some(tls::negotiated(stream.get_ref().1));
                    self.serve_http(stream, Peer { address, tls }, watched).await;
                }
                Some(Err(error)) => tracing::debug!(peer = %address, %error, "a TLS handshake failed"),
                None => {}
            },
        }
    }

    async fn serve_http<S>(self: &Rc<Self>, stream: S, peer: Peer, watched: &Rc<Watched>)
    where
        S: AsyncRead + AsyncWrite + Unpin + 'static,
    {
        let io = WatchedIo { inner: TokioIo::new(stream), watched: Rc::clone(watched), clock: Rc::clone(&self.clock) };
        let (worker, held) = (Rc::clone(self), Rc::clone(watched));
        let service = service_fn(move |request: Request<Incoming>| {
            let (worker, watched) = (Rc::clone(&worker), Rc::clone(&held));
            // The outermost future holds the request, and those within borrow it: each one that took it would hold
            // it twice, and hyper moves the whole for each request.
            let (head, mut body) = request.into_parts();
            async move { Ok::<_, Infallible>(worker.answer(&peer, &head, &mut body, &watched).await) }
        });
        let connection = std::pin::pin!(self.http.serve_connection(io, service));
        connection::run(connection, watched).await;
    }

    async fn answer(&self, peer: &Peer, head: &Parts, body: &mut Incoming, watched: &Watched) -> Answer {
        let _in_request = watched.begin_request(head.version, &self.clock);
        let mut answer = self.front_door.answer(peer, head, body).await;
        // HTTP/2 has its own way to say goodbye.
        if self.stopping.get() && head.version != Version::HTTP_2 {
            answer.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
        answer
    }
}

/// One of the connections that a server may have.
struct Slot(Arc<Shared>);

impl Slot {
    fn take(shared: &Arc<Shared>) -> Option<Self> {
        let before = shared.connections.fetch_add(1, Ordering::Relaxed);
        // Made before the check, so that a slot which is not to be had is given back all the same.
        let slot = Self(Arc::clone(shared));
        (before < shared.connections_max).then_some(slot)
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.connections.fetch_sub(1, Ordering::Relaxed);
    }
}

/// A connection's place in its worker's list, until it ends in whatever way.
struct Listed<'a> {
    worker: &'a Worker,
    number: u64,
    _slot: Slot,
}

impl Drop for Listed<'_> {
    fn drop(&mut self) {
        self.worker.connections.borrow_mut().remove(&self.number);
    }
}

/// The connection died in the queue: the next one may be well.
fn is_of_one_connection(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted
            | io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionRefused
            | io::ErrorKind::Interrupted
    )
}
