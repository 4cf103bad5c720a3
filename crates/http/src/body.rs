//! Request bodies: read whole, within a limit of bytes and of time.

use std::cell::Cell;
use std::time::Duration;

use bytes::Bytes;
use claviger_types::limits::BODY_BYTES_MAX;
use http_body_util::BodyExt;
use hyper::body::{Body, Incoming};
use zeroize::Zeroizing;

/// Bytes of unfinished bodies that one worker holds. Without a bound, strangers who send a megabyte each and never
/// the last byte could fill the memory.
const HELD_BYTES_MAX: usize = 128 * 1024 * 1024;

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
pub(crate) async fn read(mut body: Incoming, timeout: Duration, held: &Cell<usize>) -> Result<Bytes, BodyError> {
    if body.size_hint().lower() > BODY_BYTES_MAX as u64 {
        return Err(BodyError::TooLarge);
    }
    if body.is_end_stream() {
        return Ok(Bytes::new());
    }
    match tokio::time::timeout(timeout, collect(&mut body, held)).await {
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
    let announced = usize::try_from(body.size_hint().lower()).unwrap_or(BODY_BYTES_MAX);
    let mut whole = Zeroizing::new(Vec::with_capacity(first.len().saturating_add(announced).min(BODY_BYTES_MAX)));
    let mut piece = Some(first);
    while let Some(bytes) = piece {
        if whole.len() + bytes.len() > BODY_BYTES_MAX {
            return Err(BodyError::TooLarge);
        }
        holding.add(bytes.len())?;
        append(&mut whole, &bytes);
        piece = next(body).await?;
    }
    Ok(Bytes::from_owner(whole))
}

/// Grows into a new buffer and wipes the old one, since a body may hold a plaintext.
fn append(whole: &mut Zeroizing<Vec<u8>>, piece: &[u8]) {
    let needed = whole.len() + piece.len();
    if needed > whole.capacity() {
        let mut larger = Vec::with_capacity(needed.max(2 * whole.capacity()));
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
    fn add(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.bytes += bytes;
        self.held.set(self.held.get() + bytes);
        if self.held.get() > HELD_BYTES_MAX { Err(BodyError::Busy) } else { Ok(()) }
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
        let held = Cell::new(HELD_BYTES_MAX - 10);
        let mut holding = Holding { held: &held, bytes: 0 };
        assert_eq!(holding.add(10), Ok(()));
        assert_eq!(holding.add(1), Err(BodyError::Busy));
        drop(holding);
        assert_eq!(held.get(), HELD_BYTES_MAX - 10);
    }

    #[test]
    fn buffers_grow() {
        let mut whole = Zeroizing::new(Vec::new());
        for piece in [&b"a"[..], b"bc", b"", b"def"] {
            append(&mut whole, piece);
        }
        assert_eq!(whole.as_slice(), b"abcdef");
    }
}
