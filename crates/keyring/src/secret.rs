//! Bytes that must not be seen: keys and plaintexts. No type here has `Debug`, `Display`, `Clone`, `PartialEq` or
//! `Serialize`, and each is wiped when it is dropped.

use std::hint::black_box;

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
        // Zeroes that the compiler knows of would come from `calloc`, which passes glibc's per-thread cache by.
        let mut bytes = Box::new(Zeroizing::new(black_box([0; N])));
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

impl AsRef<[u8]> for Plaintext {
    fn as_ref(&self) -> &[u8] {
        self.as_bytes()
    }
}

impl From<Vec<u8>> for Plaintext {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::{Debug, Display};

    use super::*;
    use crate::{
        AuditKey, BackingKey, ClusterKey, DomainKey, FileRoot, MfaSeed, SecretAccessKey, SessionKey, SigningKey,
        TokenKey,
    };

    /// Whether a type has a trait: the inherent constant exists only if it has, and hides the trait's.
    macro_rules! has {
        ($bound:ident, $type:ty) => {{
            struct Probe<T>(std::marker::PhantomData<T>);
            trait Otherwise {
                const HAS: bool = false;
            }
            impl<T> Otherwise for Probe<T> {}
            #[expect(dead_code, reason = "used for a type that has the trait only")]
            impl<T: $bound> Probe<T> {
                const HAS: bool = true;
            }
            Probe::<$type>::HAS
        }};
    }

    macro_rules! assert_unseen {
        ($($type:ty),+) => {$(
            assert!(!has!(Debug, $type), "{} can be printed", stringify!($type));
            assert!(!has!(Display, $type), "{} can be printed", stringify!($type));
            assert!(!has!(Clone, $type), "{} can be copied", stringify!($type));
            assert!(!has!(PartialEq, $type), "{} can be compared in a time that tells", stringify!($type));
        )+};
    }

    #[test]
    fn secrets_cannot_be_printed_copied_or_compared() {
        assert_unseen!(Secret<32>, Plaintext, BackingKey, ClusterKey, DomainKey, FileRoot);
        assert_unseen!(SecretAccessKey, SigningKey, TokenKey, SessionKey, AuditKey, MfaSeed);
    }
}
