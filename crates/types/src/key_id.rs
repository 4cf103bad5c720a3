//! Key ids.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;

use crate::Malformed;

/// The identifier of a key: a UUID, or `mrk-` and 32 hex digits for a multi-Region key.
///
/// Upper-case hex is accepted and means the same key, as at AWS; it is printed in lower case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId {
    bytes: [u8; 16],
    multi_region: bool,
}

impl KeyId {
    /// The first id in order: where a listing begins.
    pub const FIRST: Self = Self { bytes: [0; 16], multi_region: false };

    /// Bytes of either form as text.
    pub(crate) const TEXT_BYTES: usize = 36;

    /// The id as text, written into `place`.
    pub(crate) fn write_to<'p>(&self, place: &'p mut [u8; Self::TEXT_BYTES]) -> &'p str {
        let uuid = uuid::Uuid::from_bytes_ref(&self.bytes);
        if !self.multi_region {
            return uuid.as_hyphenated().encode_lower(place);
        }
        if let Some((prefix, digits)) = place.split_at_mut_checked(4) {
            prefix.copy_from_slice(b"mrk-");
            uuid.as_simple().encode_lower(digits);
        }
        std::str::from_utf8(place).unwrap_or_default()
    }

    /// The id of a single-Region key with these 16 bytes.
    pub fn single_region(bytes: [u8; 16]) -> Self {
        Self { bytes, multi_region: false }
    }

    /// The id of a multi-Region key with these 16 bytes.
    pub fn multi_region(bytes: [u8; 16]) -> Self {
        Self { bytes, multi_region: true }
    }

    /// A fresh single-Region id: a version 4 UUID made of 16 random bytes (RFC 9562, section 5.4).
    pub fn from_random(bytes: [u8; 16]) -> Self {
        Self::single_region(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    /// The 16 bytes, without the kind.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.bytes
    }

    /// Whether the id names a multi-Region key.
    pub fn is_multi_region(&self) -> bool {
        self.multi_region
    }
}

/// As one number, and the kind: maps that trust in ids being random need no more.
impl Hash for KeyId {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_be_bytes(self.bytes));
        state.write_u8(u8::from(self.multi_region));
    }
}

/// By bytes, then by kind, as one number and not byte by byte: ordered maps compare some twenty ids for each look-up.
impl Ord for KeyId {
    fn cmp(&self, other: &Self) -> Ordering {
        let order = |id: &Self| (u128::from_be_bytes(id.bytes), id.multi_region);
        order(self).cmp(&order(other))
    }
}

impl PartialOrd for KeyId {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl FromStr for KeyId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("key id");
        if let Some(digits) = text.strip_prefix("mrk-") {
            let simple = uuid::fmt::Simple::LENGTH == digits.len();
            let uuid = uuid::Uuid::try_parse(digits).ok().filter(|_| simple).ok_or(malformed)?;
            return Ok(Self::multi_region(uuid.into_bytes()));
        }
        let hyphenated = uuid::fmt::Hyphenated::LENGTH == text.len();
        let uuid = uuid::Uuid::try_parse(text).ok().filter(|_| hyphenated).ok_or(malformed)?;
        Ok(Self::single_region(uuid.into_bytes()))
    }
}

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.write_to(&mut [0; Self::TEXT_BYTES]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_forms_only() {
        for good in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            assert_eq!(good.parse::<KeyId>().unwrap().to_string(), good);
        }
        let upper: KeyId = "1234ABCD-12AB-34CD-56EF-1234567890AB".parse().unwrap();
        assert_eq!(upper.to_string(), "1234abcd-12ab-34cd-56ef-1234567890ab");
        for bad in [
            "",
            "foo",
            "1234abcd12ab34cd56ef1234567890ab",
            "{1234abcd-12ab-34cd-56ef-1234567890ab}",
            "urn:uuid:1234abcd-12ab-34cd-56ef-1234567890ab",
            "mrk-1234",
            "mrk-1234abcd-12ab-34cd-56ef-1234567890ab",
            "MRK-1234abcd12ab34cd56ef1234567890ab",
        ] {
            assert!(bad.parse::<KeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn fresh_ids_are_version_4() {
        assert_eq!(KeyId::from_random([0xff; 16]).to_string(), "ffffffff-ffff-4fff-bfff-ffffffffffff");
    }
}
