//! Entry bundles: up to 256 entries, each behind its length. Source: C2SP tlog-tiles, "Log entries".

/// The longest entry: its length stands in 16 bits.
pub const ENTRY_BYTES_MAX: usize = 65_535;

/// The same behind its length.
pub(crate) const STORED_ENTRY_BYTES_MAX: usize = 2 + ENTRY_BYTES_MAX;

/// The entries of a bundle.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bundle<'a>(Vec<&'a [u8]>);

/// The bytes are not a bundle of that many entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("these are not the bytes of {expected} entries")]
pub struct BadBundle {
    expected: usize,
}

impl<'a> Bundle<'a> {
    /// Exactly so many entries, with nothing behind them.
    pub fn parse(bytes: &'a [u8], count: usize) -> Result<Self, BadBundle> {
        // A bundle never has more, so a count from elsewhere cannot ask for memory.
        let mut entries = Vec::with_capacity(count.min(crate::tile::WIDTH));
        let mut rest = bytes;
        while entries.len() < count {
            let (entry, behind) = split_entry(rest).ok_or(BadBundle { expected: count })?;
            entries.push(entry);
            rest = behind;
        }
        match rest {
            [] => Ok(Self(entries)),
            _ => Err(BadBundle { expected: count }),
        }
    }

    /// The entries in their order.
    pub fn entries(&self) -> &[&'a [u8]] {
        &self.0
    }

    /// The first so many of a bundle's bytes that hold `count` entries.
    pub(crate) fn beginning(&self, count: usize) -> usize {
        self.0.iter().take(count).map(|entry| 2 + entry.len()).sum()
    }
}

/// Appends an entry to the bytes of a bundle. `None` if it is too long.
pub(crate) fn push_entry(bundle: &mut Vec<u8>, entry: &[u8]) -> Option<()> {
    let length = u16::try_from(entry.len()).ok()?;
    bundle.extend_from_slice(&length.to_be_bytes());
    bundle.extend_from_slice(entry);
    Some(())
}

fn split_entry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk()?;
    rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_parsed() {
        let entries: [&[u8]; 4] = [b"", b"a", &[0; 300], &[1; ENTRY_BYTES_MAX]];
        let mut bytes = Vec::new();
        entries.iter().for_each(|entry| push_entry(&mut bytes, entry).unwrap());
        let bundle = Bundle::parse(&bytes, 4).unwrap();
        assert_eq!(bundle.entries(), entries);
        assert_eq!([0, 1, 2, 4, 9].map(|count| bundle.beginning(count)), [0, 2, 5, bytes.len(), bytes.len()]);
        assert_eq!(push_entry(&mut bytes, &[0; ENTRY_BYTES_MAX + 1]), None);
    }

    #[test]
    fn nothing_else_is_a_bundle() {
        let bytes = [0, 1, b'a', 0, 0];
        for (bytes, count) in [
            (&bytes[..], 1),
            (&bytes[..], 3),
            (&bytes[..4], 2),
            (&[0], 1),
            (&[0, 2, 1], 1),
            (&[][..], 1),
            (&[][..], usize::MAX),
        ] {
            assert_eq!(Bundle::parse(bytes, count), Err(BadBundle { expected: count }), "{bytes:?} {count}");
        }
        assert_eq!(Bundle::parse(&[], 0).unwrap().entries(), [&[]; 0]);
    }
}
