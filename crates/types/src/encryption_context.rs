//! Encryption contexts: non-secret pairs that a ciphertext is bound to. Source: developer guide, "Encryption context".

use crate::{Malformed, limits};

/// Pairs with distinct names, in order of their names' UTF-8 bytes. An absent context and an empty one are the same.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EncryptionContext(Vec<(String, String)>);

impl EncryptionContext {
    /// Takes the pairs in any order. A name that stands twice is refused, and so is a context whose canonical form
    /// is longer than [`limits::ENCRYPTION_CONTEXT_BYTES_MAX`].
    pub fn from_pairs(mut pairs: Vec<(String, String)>) -> Result<Self, Malformed> {
        pairs.sort_unstable();
        let twice = pairs.windows(2).any(|window| matches!(window, [a, b] if a.0 == b.0));
        let context = Self(pairs);
        if twice || context.canonical_len() > limits::ENCRYPTION_CONTEXT_BYTES_MAX {
            return Err(Malformed("encryption context"));
        }
        Ok(context)
    }

    /// The pairs, sorted by name.
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// Whether each pair of `other` is one of these, name and value.
    pub fn holds_all_of(&self, other: &Self) -> bool {
        // INVARIANT: both are sorted by name, so one pass over these finds all of the others.
        let mut own = self.0.iter();
        other.0.iter().all(|wanted| own.any(|pair| pair == wanted))
    }

    /// Appends the canonical form: the number of pairs (2 bytes), then each name and value after its length
    /// (4 bytes); all numbers big-endian. Prefix-free, so that no two contexts have one form.
    pub fn write_canonical(&self, out: &mut Vec<u8>) {
        // INVARIANT: `from_pairs` bounds the whole by 8,192 bytes, so neither conversion saturates.
        out.extend_from_slice(&u16::try_from(self.0.len()).unwrap_or(u16::MAX).to_be_bytes());
        for text in self.0.iter().flat_map(|(name, value)| [name, value]) {
            out.extend_from_slice(&u32::try_from(text.len()).unwrap_or(u32::MAX).to_be_bytes());
            out.extend_from_slice(text.as_bytes());
        }
    }

    /// Bytes of the canonical form.
    pub fn canonical_len(&self) -> usize {
        2 + self.0.iter().map(|(name, value)| 8 + name.len() + value.len()).sum::<usize>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(name: &str, value: &str) -> (String, String) {
        (name.into(), value.into())
    }

    #[test]
    fn canonical_form() {
        let context = EncryptionContext::from_pairs(vec![pair("b", ""), pair("a", "xy")]).unwrap();
        let mut bytes = Vec::new();
        context.write_canonical(&mut bytes);
        assert_eq!(bytes, b"\x00\x02\x00\x00\x00\x01a\x00\x00\x00\x02xy\x00\x00\x00\x01b\x00\x00\x00\x00");
        assert_eq!(bytes.len(), context.canonical_len());
        let mut empty = Vec::new();
        EncryptionContext::default().write_canonical(&mut empty);
        assert_eq!(empty, b"\0\0");
    }

    #[test]
    fn refused() {
        assert!(EncryptionContext::from_pairs(vec![pair("a", "1"), pair("a", "2")]).is_err());
        assert!(EncryptionContext::from_pairs(vec![pair("a", "1"), pair("a", "1")]).is_err());
        assert!(
            EncryptionContext::from_pairs(vec![pair("a", &"x".repeat(8181))]).is_ok_and(|c| c.canonical_len() == 8192)
        );
        assert!(EncryptionContext::from_pairs(vec![pair("a", &"x".repeat(8182))]).is_err());
    }
}
