//! Binary members: base64 on the wire, bytes inside. Any of them may be a plaintext, so each is wiped on drop.
//!
//! Source of the texts: the sibling services of the same server framework; `docs/compatibility.md` says what is
//! unconfirmed for the key management service.

use std::fmt;
use std::hint::black_box;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

/// The bytes of a binary member of a request.
pub struct Blob(Zeroizing<Vec<u8>>);

impl Blob {
    /// Decodes canonical base64 with padding. The buffer is made once, so that no copy of the bytes stays behind.
    pub(super) fn decode(text: &str) -> Result<Self, BadBase64> {
        let mut bytes = zeroes(text.len().div_ceil(4) * 3);
        let written = STANDARD.decode_slice(text, &mut bytes).map_err(|_| BadBase64::of(text))?;
        bytes.truncate(written);
        Ok(Self(bytes))
    }

    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }

    /// Number of bytes.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is no byte.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }
}

/// What is wrong with the base64 text. It never holds the text, which may be a secret.
pub(super) enum BadBase64 {
    Length(usize),
    Character(char),
    LastCharacter,
}

impl BadBase64 {
    fn of(text: &str) -> Self {
        if !text.len().is_multiple_of(4) {
            return Self::Length(text.chars().count());
        }
        let mut characters = text.chars().peekable();
        while let Some(character) = characters.next() {
            let in_alphabet = character.is_ascii_alphanumeric() || matches!(character, '+' | '/');
            let is_padding = character == '=' && matches!(characters.peek(), None | Some('='));
            if !in_alphabet && !is_padding {
                return Self::Character(character);
            }
        }
        Self::LastCharacter
    }
}

impl fmt::Display for BadBase64 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("can not be converted to a Blob: ")?;
        match self {
            Self::Length(found) => {
                write!(f, "Base64 encoded length is expected a multiple of 4 bytes but found: {found}")
            }
            Self::Character(character) => write!(f, "Invalid Base64 character: '{character}'"),
            // The misspelling is the service's.
            Self::LastCharacter => f.write_str("Invalid last non-pad Base64 character dectected"),
        }
    }
}

/// Bytes of a reply: base64 in JSON (`reply.rs`).
pub struct Base64<B>(pub B);

impl<B: AsRef<[u8]>> Serialize for Base64<B> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bytes(self.0.as_ref())
    }
}

/// Zeroes, wiped on drop. If the compiler knew of them, they would come from `calloc`, which passes glibc's per-thread
/// cache by.
fn zeroes(length: usize) -> Zeroizing<Vec<u8>> {
    let mut bytes = Vec::with_capacity(length);
    bytes.resize(length, black_box(0));
    Zeroizing::new(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str) -> String {
        Blob::decode(text).err().map(|error| error.to_string()).unwrap_or_default()
    }

    #[test]
    fn decodes_only_canonical_base64() {
        for (text, want) in [("", &b""[..]), ("AA==", b"\0"), ("AAE=", b"\0\x01"), ("+/+/", b"\xfb\xff\xbf")] {
            assert_eq!(Blob::decode(text).ok().unwrap().as_slice(), want, "{text}");
        }
        for (text, want) in [
            ("23456", "Base64 encoded length is expected a multiple of 4 bytes but found: 5"),
            ("AA", "Base64 encoded length is expected a multiple of 4 bytes but found: 2"),
            ("=+/=", "Invalid Base64 character: '='"),
            ("AA=A", "Invalid Base64 character: '='"),
            ("AA-_", "Invalid Base64 character: '-'"),
            ("AAA\n", "Invalid Base64 character: '\n'"),
            ("éAA", "Invalid Base64 character: 'é'"),
            ("+/+=", "Invalid last non-pad Base64 character dectected"),
            ("====", "Invalid last non-pad Base64 character dectected"),
            ("A===", "Invalid last non-pad Base64 character dectected"),
        ] {
            assert_eq!(refusal(text), format!("can not be converted to a Blob: {want}"), "{text}");
        }
    }
}
