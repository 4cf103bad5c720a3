//! How an embedded store lays out its head and its records, byte by byte. It knows no file.
//!
//! *Record*, under its path: `revision of its last write 8 | CRC-32 4 | value`. The checksum covers path, revision and
//! value, so that a record which is found under another path is noticed too.
//! *Head*: `format 8 | store id 16 | revision 8 | CRC-32 4`, the checksum over all before it. Numbers are big-endian.

use uuid::Uuid;

use crate::store::{Record, Revision};

/// The layout that is written and read here.
pub(crate) const FORMAT: u64 = 1;

const HEAD_BYTES: usize = 36;
const PREFIX_BYTES: usize = 12;

/// What a store says about itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Head {
    pub(crate) id: Uuid,
    /// Of the last commit.
    pub(crate) revision: Revision,
}

impl Head {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut stored = Vec::with_capacity(HEAD_BYTES);
        stored.extend(FORMAT.to_be_bytes());
        stored.extend(self.id.as_bytes());
        stored.extend(self.revision.as_u64().to_be_bytes());
        stored.extend(crc32fast::hash(&stored).to_be_bytes());
        stored
    }

    /// None if it is damaged or has another format.
    pub(crate) fn decode(stored: &[u8]) -> Option<Self> {
        let (content, checksum) = stored.split_last_chunk()?;
        let (format, rest) = content.split_first_chunk()?;
        let (id, revision) = rest.split_first_chunk()?;
        let whole = crc32fast::hash(content) == u32::from_be_bytes(*checksum);
        if !whole || u64::from_be_bytes(*format) != FORMAT {
            return None;
        }
        let revision = Revision::from_u64(u64::from_be_bytes(revision.try_into().ok()?));
        Some(Self { id: Uuid::from_bytes(*id), revision })
    }
}

/// The format that a head of any format names.
pub(crate) fn format(head: &[u8]) -> Option<u64> {
    head.first_chunk().copied().map(u64::from_be_bytes)
}

/// The length of what `encode` writes.
pub(crate) fn stored_bytes(value: &[u8]) -> usize {
    PREFIX_BYTES + value.len()
}

/// Writes a record into the room that is kept for it, whose length is `stored_bytes`.
pub(crate) fn encode(path: &[u8], revision: Revision, value: &[u8], stored: &mut [u8]) {
    let revision = revision.as_u64().to_be_bytes();
    let checksum = checksum(path, &revision, value).to_be_bytes();
    let parts = revision.iter().chain(&checksum);
    for (to, from) in stored.iter_mut().zip(parts) {
        *to = *from;
    }
    if let Some(room) = stored.get_mut(PREFIX_BYTES..PREFIX_BYTES + value.len()) {
        room.copy_from_slice(value);
    }
}

/// None if it is damaged.
pub(crate) fn decode<'a>(path: &'a [u8], stored: &'a [u8]) -> Option<Record<'a>> {
    let (revision, rest) = stored.split_first_chunk()?;
    let (found, value) = rest.split_first_chunk()?;
    if checksum(path, revision, value) != u32::from_be_bytes(*found) {
        return None;
    }
    let path = std::str::from_utf8(path).ok()?;
    Some(Record { path, value, revision: Revision::from_u64(u64::from_be_bytes(*revision)) })
}

/// Says so of a record that `decode` refused. Its path may be anything too.
pub(crate) fn unreadable(path: &[u8]) -> String {
    let shown: String = path.escape_ascii().take(100).map(char::from).collect();
    format!("the record at `{shown}` is not what was written")
}

fn checksum(path: &[u8], revision: &[u8; 8], value: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(path);
    hasher.update(revision);
    hasher.update(value);
    hasher.finalize()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(path: &[u8], revision: u64, value: &[u8]) -> Vec<u8> {
        let mut stored = vec![0; stored_bytes(value)];
        encode(path, Revision::from_u64(revision), value, &mut stored);
        stored
    }

    #[test]
    fn a_record_is_read_as_it_was_written() {
        for (path, revision, value) in [("", 0, ""), ("a/b", 7, "x"), ("ü", u64::MAX, "some longer value")] {
            let stored = stored(path.as_bytes(), revision, value.as_bytes());
            let record = decode(path.as_bytes(), &stored).unwrap();
            assert_eq!((record.path, record.value), (path, value.as_bytes()), "{path}");
            assert_eq!(record.revision.as_u64(), revision, "{path}");
        }
    }

    /// The layout is a promise to files that exist.
    #[test]
    fn the_bytes_are_these() {
        assert_eq!(stored(b"p", 0x0102, b"v"), [0, 0, 0, 0, 0, 0, 1, 2, 0x9F, 0x51, 0x31, 0x52, b'v']);
        let head = Head { id: Uuid::from_u128(0xAB), revision: Revision::from_u64(5) }.encode();
        assert_eq!(head[..8], [0, 0, 0, 0, 0, 0, 0, 1]);
        assert_eq!(head[8..24], 0xAB_u128.to_be_bytes());
        assert_eq!(head[24..32], [0, 0, 0, 0, 0, 0, 0, 5]);
        assert_eq!(head.len(), HEAD_BYTES);
        assert_eq!(format(&head), Some(1));
    }

    #[test]
    fn every_flipped_bit_and_every_missing_byte_is_noticed() {
        let record = stored(b"path", 3, b"value");
        let head = Head { id: Uuid::from_u128(1), revision: Revision::from_u64(9) };
        assert_eq!(Head::decode(&head.encode()), Some(head));
        let head = Head { id: Uuid::from_u128(1), revision: Revision::from_u64(9) }.encode();
        for (name, whole) in [("record", &record), ("head", &head)] {
            let good = |bytes: &[u8]| match name {
                "record" => decode(b"path", bytes).is_some(),
                _ => Head::decode(bytes).is_some(),
            };
            assert!(good(whole), "{name}");
            for bit in 0..whole.len() * 8 {
                let mut damaged = whole.clone();
                damaged[bit / 8] ^= 1 << (bit % 8);
                assert!(!good(&damaged), "{name}, bit {bit}");
            }
            for length in 0..whole.len() {
                assert!(!good(&whole[..length]), "{name}, {length} bytes");
            }
        }
        assert!(decode(b"other", &record).is_none(), "under another path");
    }
}
