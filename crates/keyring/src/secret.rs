//! Bytes that must not be seen: keys and plaintexts. No type here has `Debug`, `Display`, `Clone`, `PartialEq` or
//! `Serialize`, and each is wiped when it is dropped.

use zeroize::Zeroizing;

use crate::error::ModuleFailed;
use crate::random::fill_random;

/// Key bytes. Only this crate can read them.
///
/// They stand on the heap, so that moving the value leaves no copy behind on the stack.
pub struct Secret<const N: usize>(Box<Zeroizing<[u8; N]>>);

impl<const N: usize> Secret<N> {
    /// Key bytes that `fill` writes in their place.
    pub fn fill_with<E>(fill: impl FnOnce(&mut [u8; N]) -> Result<(), E>) -> Result<Self, E> {
        let mut bytes = Box::new(Zeroizing::new([0; N]));
        fill(&mut bytes)?;
        Ok(Self(bytes))
    }

    /// Random key bytes.
    pub fn random() -> Result<Self, ModuleFailed> {
        Self::fill_with(|bytes| fill_random(bytes))
    }

    pub(crate) fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

/// What a message protects: a caller's plaintext or a data key. Readable, since replies carry it.
pub struct Plaintext(Zeroizing<Vec<u8>>);

impl Plaintext {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// A plaintext of the first `length` bytes. What the vector holds beyond them is wiped with it.
    pub(crate) fn from_first(mut bytes: Zeroizing<Vec<u8>>, length: usize) -> Self {
        bytes.truncate(length);
        Self(bytes)
    }
}

impl From<Vec<u8>> for Plaintext {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}
