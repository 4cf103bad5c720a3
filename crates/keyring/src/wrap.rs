//! The one layout of a wrapped key, whichever layer wraps it:
//! `format 1 | wrapping key's version 4 | IV 12 | wrapped bytes | tag 16`.
//!
//! AES-256-GCM with a random IV. SP 800-38D allows 2^32 such wraps under one key; a domain key wraps some 10^6
//! records in its life, a cluster key as many domain keys.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use crate::error::{Damaged, ModuleFailed};
use crate::fields::Fields;
use crate::primitives::{IV_BYTES, TAG_BYTES};

const FORMAT: u8 = 1;
const PREFIX_BYTES: usize = 1 + 4 + IV_BYTES;

/// The version of the key that wrapped this record, as the record itself names it in the clear. Only opening the
/// record proves it.
pub fn wrapping_version(wrapped: &[u8]) -> Option<u32> {
    let (&[FORMAT], rest) = wrapped.split_first_chunk()? else { return None };
    rest.first_chunk().map(|bytes| u32::from_be_bytes(*bytes))
}

/// Where a wrapped key belongs, as additional authenticated data: format, wrapping key's version, the label of what
/// is wrapped, and then the fields of its place, each after its length.
pub(crate) struct Binding {
    fields: Fields<256>,
    wrapping_version: u32,
}

impl Binding {
    pub(crate) fn new(wrapping_version: u32, label: &str) -> Self {
        let mut fields = Fields::new();
        fields.put(&[FORMAT]).put(&wrapping_version.to_be_bytes()).put_field(label.as_bytes());
        Self { fields, wrapping_version }
    }

    /// By reference: each use of a KMS key binds seven fields, and a binding is too large to be moved for each.
    pub(crate) fn field(&mut self, field: &[u8]) -> &mut Self {
        self.fields.put_field(field);
        self
    }
}

/// Wraps `bytes` under a fresh or, in test vectors, a given IV.
pub(crate) fn wrap(
    key: &LessSafeKey,
    binding: &Binding,
    iv: [u8; IV_BYTES],
    bytes: &[u8],
) -> Result<Vec<u8>, ModuleFailed> {
    let aad = binding.fields.as_bytes().ok_or(ModuleFailed)?;
    let wrapped_bytes = PREFIX_BYTES + bytes.len() + TAG_BYTES;
    let mut wrapped = Vec::with_capacity(wrapped_bytes);
    wrapped.push(FORMAT);
    wrapped.extend_from_slice(&binding.wrapping_version.to_be_bytes());
    wrapped.extend_from_slice(&iv);
    wrapped.resize(wrapped_bytes, 0);
    let sealed = wrapped.get_mut(PREFIX_BYTES..).ok_or(ModuleFailed)?;
    let (body, tag) = sealed.split_at_mut_checked(bytes.len()).ok_or(ModuleFailed)?;
    key.seal_out_of_place_scatter(Nonce::assume_unique_for_key(iv), Aad::from(aad), bytes, body, &[], tag)
        .map_err(|_| ModuleFailed)?;
    Ok(wrapped)
}

/// Bytes that are wrapped, told by the length of the record alone.
pub(crate) fn unwrapped_len(wrapped: &[u8]) -> Result<usize, Damaged> {
    wrapped.len().checked_sub(PREFIX_BYTES + TAG_BYTES).ok_or(Damaged)
}

/// Unwraps into `bytes`, whose length must be what is wrapped.
pub(crate) fn unwrap(key: &LessSafeKey, binding: &Binding, wrapped: &[u8], bytes: &mut [u8]) -> Result<(), Damaged> {
    if wrapping_version(wrapped) != Some(binding.wrapping_version) || unwrapped_len(wrapped)? != bytes.len() {
        return Err(Damaged);
    }
    let (prefix, sealed) = wrapped.split_first_chunk::<PREFIX_BYTES>().ok_or(Damaged)?;
    let iv = prefix.last_chunk().ok_or(Damaged)?;
    let (body, tag) = sealed.split_at_checked(bytes.len()).ok_or(Damaged)?;
    let aad = binding.fields.as_bytes().ok_or(Damaged)?;
    key.open_separate_gather(Nonce::assume_unique_for_key(*iv), Aad::from(aad), body, tag, bytes).map_err(|_| Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{counting, one_bit_flips, wrong_lengths};
    use crate::primitives::aes_256_gcm;

    fn place_of(wrapping_version: u32, label: &str, fields: &[&[u8]]) -> Binding {
        let mut place = Binding::new(wrapping_version, label);
        for field in fields {
            place.field(field);
        }
        place
    }

    fn place() -> Binding {
        place_of(5, "thing", &[b"ab", b"c"])
    }

    #[test]
    fn opens_in_its_own_place_only() {
        let key = aes_256_gcm(&[1; 32]).unwrap();
        let wrapped = wrap(&key, &place(), counting(9), b"secret").unwrap();
        assert_eq!(wrapping_version(&wrapped), Some(5));
        assert_eq!(unwrapped_len(&wrapped), Ok(6));
        let open = |key: &LessSafeKey, place: &Binding, wrapped: &[u8]| {
            let mut bytes = [0; 6];
            unwrap(key, place, wrapped, &mut bytes).map(|()| bytes)
        };
        assert_eq!(open(&key, &place(), &wrapped), Ok(*b"secret"));
        assert_eq!(open(&aes_256_gcm(&[2; 32]).unwrap(), &place(), &wrapped), Err(Damaged));
        for (name, elsewhere) in [
            ("version", place_of(6, "thing", &[b"ab", b"c"])),
            ("label", place_of(5, "other", &[b"ab", b"c"])),
            ("field", place_of(5, "thing", &[b"ab", b"d"])),
            ("border between fields", place_of(5, "thing", &[b"a", b"bc"])),
            ("field missing", place_of(5, "thing", &[b"ab"])),
            ("field too many", place_of(5, "thing", &[b"ab", b"c", b""])),
        ] {
            assert_eq!(open(&key, &elsewhere, &wrapped), Err(Damaged), "{name}");
        }
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert_eq!(open(&key, &place(), &altered), Err(Damaged), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert_eq!(open(&key, &place(), &altered), Err(Damaged), "{} bytes", altered.len());
        }
        assert_eq!(unwrap(&key, &place(), &wrapped, &mut [0; 5]), Err(Damaged));
    }

    #[test]
    fn a_place_that_does_not_fit_wraps_nothing() {
        let key = aes_256_gcm(&[1; 32]).unwrap();
        let place = place_of(5, "thing", &[&[0; 250]]);
        assert_eq!(wrap(&key, &place, counting(9), b"secret"), Err(ModuleFailed));
    }

    #[test]
    fn a_version_is_read_from_the_known_format_only() {
        for (wrapped, want) in [(&b""[..], None), (b"\x01\0\0\0", None), (b"\x02\0\0\0\x05", None)] {
            assert_eq!(wrapping_version(wrapped), want, "{wrapped:?}");
        }
        assert_eq!(wrapping_version(b"\x01\0\0\x01\x05"), Some(261));
    }
}
