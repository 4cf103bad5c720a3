//! Short byte strings gathered on the stack: additional authenticated data and key derivation inputs.

/// Up to `N` bytes. What does not fit makes the whole unusable, so that nothing is ever bound to a part of its place.
pub(crate) struct Fields<const N: usize> {
    bytes: [u8; N],
    length: usize,
}

impl<const N: usize> Fields<N> {
    pub(crate) fn new() -> Self {
        Self { bytes: [0; N], length: 0 }
    }

    /// Appends bytes whose length is fixed, or told by what stands before them.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> &mut Self {
        let end = self.length.saturating_add(bytes.len());
        if let Some(slot) = self.bytes.get_mut(self.length..end) {
            slot.copy_from_slice(bytes);
        }
        self.length = end;
        self
    }

    /// Appends a field after its length in one byte, so that no two sequences of fields give the same bytes.
    pub(crate) fn put_field(&mut self, field: &[u8]) -> &mut Self {
        match u8::try_from(field.len()) {
            Ok(length) => self.put(&[length]).put(field),
            Err(_) => {
                self.length = usize::MAX;
                self
            }
        }
    }

    /// What was gathered, unless it did not fit.
    pub(crate) fn as_bytes(&self) -> Option<&[u8]> {
        self.bytes.get(..self.length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_or_nothing() {
        let mut fields = Fields::<8>::new();
        fields.put(b"ab").put_field(b"cd").put_field(b"");
        assert_eq!(fields.as_bytes(), Some(&b"ab\x02cd\0"[..]));
        assert_eq!(fields.put(b"ef").as_bytes(), Some(&b"ab\x02cd\0ef"[..]));
        assert_eq!(fields.put(b"g").as_bytes(), None);
        assert_eq!(fields.put(b"").as_bytes(), None);
        assert_eq!(Fields::<1024>::new().put_field(&[0; 256]).as_bytes(), None);
        assert_eq!(Fields::<1024>::new().put_field(&[0; 256]).put(b"x").put_field(b"y").as_bytes(), None);
    }
}
