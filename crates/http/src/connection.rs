//! One connection: what its worker knows of it, and how it is ended.
//!
//! No timer is set and no clock is read for a request. Each connection notes in which tick of its worker it last did
//! something; the worker looks at all of them in each tick and ends those that are too long without a request.

use std::cell::{Cell, RefCell};
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use hyper::Version;
use hyper::rt::{Executor, Read, ReadBufCursor, Write};

/// Seconds since the worker's start: as fine as connections need it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u32);

/// How many ticks a connection may be in which state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    /// From the first byte of a request's head to its last. The first request's time runs from the accepting, so that
    /// TLS handshakes are within it.
    pub(crate) head: u32,
    /// Between requests.
    pub(crate) idle: u32,
    /// From a connection's polite end to its end.
    pub(crate) closing: u32,
}

/// How a connection is being ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Not at all.
    Open,
    /// After the requests that it has begun.
    Graceful(Tick),
    /// At once.
    Now,
}

/// What a worker knows of a connection.
pub(crate) struct Watched {
    ending: Cell<Ending>,
    requests: Cell<u32>,
    last_request: Cell<Option<Tick>>,
    opened: Tick,
    head_begun: Cell<Option<Tick>>,
    multiplexed: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Watched {
    /// A connection that was just accepted.
    pub(crate) fn new(now: Tick) -> Self {
        Self {
            ending: Cell::new(Ending::Open),
            requests: Cell::new(0),
            last_request: Cell::new(None),
            opened: now,
            head_begun: Cell::new(None),
            multiplexed: Cell::new(false),
            waker: RefCell::new(None),
        }
    }

    /// A request is being answered until what is returned is dropped.
    pub(crate) fn begin_request<'a>(&'a self, version: Version, clock: &'a Cell<Tick>) -> InRequest<'a> {
        self.requests.set(self.requests.get() + 1);
        self.head_begun.set(None);
        self.multiplexed.set(version == Version::HTTP_2);
        InRequest { watched: self, clock }
    }

    /// Ends the connection after the requests that it has begun.
    pub(crate) fn end_gracefully(&self, now: Tick) {
        if self.ending.get() == Ending::Open {
            self.end(Ending::Graceful(now));
        }
    }

    /// Ends the connection at once.
    pub(crate) fn end_now(&self) {
        self.end(Ending::Now);
    }

    /// Ends the connection if it is for too long without a request.
    pub(crate) fn check(&self, now: Tick, bounds: Bounds) {
        if self.requests.get() > 0 {
            return;
        }
        let longer_than = |since: Tick, bound: u32| now.0.saturating_sub(since.0) > bound;
        match self.ending.get() {
            Ending::Open => {
                let head = match self.last_request.get() {
                    None => Some(self.opened),
                    // Frames of HTTP/2 come at any time: a byte that arrives is not the begin of a head.
                    Some(_) if self.multiplexed.get() => None,
                    Some(_) => self.head_begun.get(),
                };
                let slow = head.is_some_and(|begun| longer_than(begun, bounds.head));
                let idle = self.last_request.get().is_some_and(|last| longer_than(last, bounds.idle));
                if slow || idle {
                    self.end_gracefully(now);
                }
            }
            Ending::Graceful(since) if longer_than(since, bounds.closing) => self.end_now(),
            Ending::Graceful(_) | Ending::Now => {}
        }
    }

    fn end(&self, ending: Ending) {
        self.ending.set(ending);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn note_read(&self, now: Tick) {
        if self.requests.get() == 0 && self.head_begun.get().is_none() {
            self.head_begun.set(Some(now));
        }
    }
}

/// A request that is being answered.
pub(crate) struct InRequest<'a> {
    watched: &'a Watched,
    clock: &'a Cell<Tick>,
}

impl Drop for InRequest<'_> {
    fn drop(&mut self) {
        self.watched.requests.set(self.watched.requests.get().saturating_sub(1));
        self.watched.last_request.set(Some(self.clock.get()));
    }
}

/// What can be asked to end after the requests that it has begun.
pub(crate) trait Endable: Future {
    /// Asks it.
    fn end_gracefully(self: Pin<&mut Self>);
}

impl<I, S, E, B> Endable for hyper_util::server::conn::auto::Connection<'_, I, S, E>
where
    Self: Future,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    I: Read + Write + Unpin,
    B: hyper::body::Body + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
    E: hyper_util::server::conn::auto::HttpServerConnExec<S::Future, B>,
{
    fn end_gracefully(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Runs a connection until it ends by itself or is ended. It is dropped, and so closed, when it is ended at once.
pub(crate) async fn run<C: Endable>(mut connection: Pin<&mut C>, watched: &Watched) {
    let mut told = false;
    std::future::poll_fn(|context| {
        match watched.ending.get() {
            Ending::Now => return Poll::Ready(()),
            Ending::Graceful(_) if !told => {
                told = true;
                connection.as_mut().end_gracefully();
            }
            Ending::Graceful(_) | Ending::Open => {}
        }
        remember(&watched.waker, context);
        connection.as_mut().poll(context).map(|_| ())
    })
    .await;
}

/// Runs what comes before a connection's requests, unless the connection is ended first.
pub(crate) async fn unless_ended<F: Future>(future: F, watched: &Watched) -> Option<F::Output> {
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|context| {
        if watched.ending.get() == Ending::Now {
            return Poll::Ready(None);
        }
        remember(&watched.waker, context);
        future.as_mut().poll(context).map(Some)
    })
    .await
}

fn remember(waker: &RefCell<Option<Waker>>, context: &Context<'_>) {
    let mut waker = waker.borrow_mut();
    match waker.as_ref() {
        Some(known) if known.will_wake(context.waker()) => {}
        _ => *waker = Some(context.waker().clone()),
    }
}

/// A socket that notes when a request begins to arrive.
pub(crate) struct WatchedIo<T> {
    pub(crate) inner: T,
    pub(crate) watched: Rc<Watched>,
    pub(crate) clock: Rc<Cell<Tick>>,
}

impl<T: Read + Unpin> Read for WatchedIo<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.inner).poll_read(context, buffer);
        if polled.is_ready() {
            self.watched.note_read(self.clock.get());
        }
        polled
    }
}

impl<T: Write + Unpin> Write for WatchedIo<T> {
    fn poll_write(mut self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.inner).poll_shutdown(context)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.inner).poll_write_vectored(context, slices)
    }
}

/// Runs HTTP/2's streams on the worker's own thread.
#[derive(Clone, Copy)]
pub(crate) struct LocalExecutor;

impl<F> Executor<F> for LocalExecutor
where
    F: Future + 'static,
{
    fn execute(&self, future: F) {
        tokio::task::spawn_local(future);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { head: 15, idle: 60, closing: 2 };

    fn ending(watched: &Watched, now: u32) -> Ending {
        watched.check(Tick(now), BOUNDS);
        watched.ending.get()
    }

    fn after_one_request(version: Version, at: u32) -> Watched {
        let watched = Watched::new(Tick(0));
        drop(watched.begin_request(version, &Cell::new(Tick(at))));
        watched
    }

    #[test]
    fn a_connection_without_a_first_request_is_ended() {
        let watched = Watched::new(Tick(100));
        assert_eq!(ending(&watched, 115), Ending::Open);
        assert_eq!(ending(&watched, 116), Ending::Graceful(Tick(116)));
        assert_eq!(ending(&watched, 118), Ending::Graceful(Tick(116)));
        assert_eq!(ending(&watched, 119), Ending::Now);
    }

    #[test]
    fn an_idle_connection_lives_longer_than_a_slow_head() {
        let idle = after_one_request(Version::HTTP_11, 10);
        assert_eq!(ending(&idle, 70), Ending::Open);
        assert_eq!(ending(&idle, 71), Ending::Graceful(Tick(71)));
        let slow = after_one_request(Version::HTTP_11, 10);
        slow.note_read(Tick(20));
        slow.note_read(Tick(34));
        assert_eq!(ending(&slow, 35), Ending::Open);
        assert_eq!(ending(&slow, 36), Ending::Graceful(Tick(36)));
    }

    #[test]
    fn frames_of_http_2_are_no_heads() {
        let watched = after_one_request(Version::HTTP_2, 10);
        watched.note_read(Tick(11));
        assert_eq!(ending(&watched, 70), Ending::Open);
        assert_eq!(ending(&watched, 71), Ending::Graceful(Tick(71)));
    }

    #[test]
    fn a_request_keeps_its_connection() {
        let (watched, clock) = (Watched::new(Tick(0)), Cell::new(Tick(500)));
        let request = watched.begin_request(Version::HTTP_11, &clock);
        assert_eq!(ending(&watched, 499), Ending::Open);
        watched.end_gracefully(Tick(499));
        assert_eq!(ending(&watched, 600), Ending::Graceful(Tick(499)));
        drop(request);
        assert_eq!(ending(&watched, 600), Ending::Now);
    }
}
