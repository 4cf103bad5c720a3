//! Request bodies: read whole, within a limit of bytes and of time.

use std::cell::Cell;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use claviger_types::limits::BODY_BYTES_MAX;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use zeroize::Zeroizing;

/// Bytes that one worker holds for unfinished large bodies. Without a bound, strangers who send a megabyte each and
/// never the last byte could fill the memory.
const HELD_BYTES_MAX: usize = 128 * 1024 * 1024;

/// Up to here a body is not counted: the limit of connections bounds such bodies, and strangers who fill the shared
/// bound must not keep out the requests that nearly everybody sends.
const SMALL_BYTES: usize = 64 * 1024;

/// A body that was not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum BodyError {
    /// The peer went away, or broke the framing.
    #[error("the body broke off")]
    Broken,
    /// Too many unfinished bodies are held already.
    #[error("too many unfinished bodies")]
    Busy,
    /// Larger than the limit.
    #[error("the body is larger than {BODY_BYTES_MAX} bytes")]
    TooLarge,
    /// Not finished in time.
    #[error("the body did not arrive in time")]
    TooSlow,
}

/// Reads the whole body. `held` counts what the worker holds of all unfinished ones.
pub(crate) async fn read(body: &mut Incoming, timeout: Duration, held: &Cell<usize>) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    let mut collecting = pin!(collect(body, held));
    // Nearly every body is there as soon as its head is: then there is nothing to time.
    if let Poll::Ready(read) = poll_fn(|context| Poll::Ready(collecting.as_mut().poll(context))).await {
        return read;
    }
    match tokio::time::timeout(timeout, collecting).await {
        Ok(read) => read,
        Err(_) => Err(BodyError::TooSlow),
    }
}

async fn collect(body: &mut Incoming, held: &Cell<usize>) -> Result<Bytes, BodyError> {
    let first = next(body).await?.unwrap_or_default();
    // Nearly every body comes in one piece, behind its head: then it is not copied.
    if body.is_end_stream() && first.len() <= BODY_BYTES_MAX {
        return Ok(first);
    }
    let mut holding = Holding { held, bytes: 0 };
    // It grows with what arrives: an announced length is only a promise, and wiping touches all that was reserved.
    let mut whole = Zeroizing::new(Vec::new());
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        let capacity = capacity_for(whole.capacity(), whole.len() + bytes.len());
        holding.grow_to(capacity)?;
        append(&mut whole, &bytes, capacity);
        piece = next(body).await?;
    }
    Ok(Bytes::from_owner(whole))
}

/// What a buffer is to hold next: twice as much, until the limit.
fn capacity_for(capacity: usize, needed: usize) -> usize {
    if needed <= capacity { capacity } else { needed.max((2 * capacity).min(BODY_BYTES_MAX)) }
}

/// Grows into a new buffer and wipes the old one, since a body may hold a plaintext.
fn append(whole: &mut Zeroizing<Vec<u8>>, piece: &[u8], capacity: usize) {
    if capacity > whole.capacity() {
        let mut larger = Vec::with_capacity(capacity);
        larger.extend_from_slice(whole);
        *whole = Zeroizing::new(larger);
    }
    whole.extend_from_slice(piece);
}

/// The next piece, or `None` at the end. Trailers count as an empty piece, since nothing asks for them.
async fn next(body: &mut Incoming) -> Result<Option<Bytes>, BodyError> {
    match body.frame().await.transpose() {
        Ok(frame) => Ok(frame.map(|frame| frame.into_data().unwrap_or_default())),
        Err(_) => Err(BodyError::Broken),
    }
}

/// What one unfinished body adds to the count, until it is finished or given up.
struct Holding<'a> {
    held: &'a Cell<usize>,
    bytes: usize,
}

impl Holding<'_> {
    /// Taken before it is allocated. A small body never counts, so it is never refused.
    fn grow_to(&mut self, capacity: usize) -> Result<(), BodyError> {
        if capacity <= SMALL_BYTES {
            return Ok(());
        }
        let others = self.held.get().saturating_sub(self.bytes);
        if others + capacity > HELD_BYTES_MAX {
            return Err(BodyError::Busy);
        }
        self.bytes = capacity;
        self.held.set(others + capacity);
        Ok(())
    }
}

impl Drop for Holding<'_> {
    fn drop(&mut self) {
        self.held.set(self.held.get().saturating_sub(self.bytes));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_held_is_counted_and_given_back() {
        let others = HELD_BYTES_MAX - 2 * SMALL_BYTES;
        let held = Cell::new(others);
        let mut holding = Holding { held: &held, bytes: 0 };
        for (capacity, want, counted) in [
            (SMALL_BYTES, Ok(()), 0),
            (SMALL_BYTES + 1, Ok(()), SMALL_BYTES + 1),
            (2 * SMALL_BYTES, Ok(()), 2 * SMALL_BYTES),
            (2 * SMALL_BYTES + 1, Err(BodyError::Busy), 2 * SMALL_BYTES),
        ] {
            assert_eq!(holding.grow_to(capacity), want, "{capacity}");
            assert_eq!(held.get(), others + counted, "{capacity}");
        }
        let mut newcomer = Holding { held: &held, bytes: 0 };
        assert_eq!(newcomer.grow_to(SMALL_BYTES), Ok(()), "small bodies pass when large ones fill the bound");
        drop(newcomer);
        drop(holding);
        assert_eq!(held.get(), others);
    }

    #[test]
    fn buffers_grow() {
        let mut whole = Zeroizing::new(Vec::new());
        for piece in [&b"a"[..], b"bc", b"", b"def"] {
            let capacity = capacity_for(whole.capacity(), whole.len() + piece.len());
            append(&mut whole, piece, capacity);
        }
        assert_eq!(whole.as_slice(), b"abcdef");
        for (capacity, needed, want) in [
            (0, 1, 1),
            (1, 3, 3),
            (100, 100, 100),
            (100, 101, 200),
            (BODY_BYTES_MAX - 1, BODY_BYTES_MAX, BODY_BYTES_MAX),
        ] {
            assert_eq!(capacity_for(capacity, needed), want, "{capacity} {needed}");
        }
    }
}
