//! Which resources a key protects: the values of context keys that name them, in bounded sets.

use std::collections::HashSet;

use aws_lc_rs::digest::{SHA256, digest};

use crate::entry::Origin;
use crate::limits::{Cost, VALUE_BYTES_MAX};

/// The values of one context key that successful uses of one key had.
#[derive(Debug, Clone)]
pub(crate) struct Values {
    pub(crate) origin: Origin,
    pub(crate) context_key: Box<str>,
    pub(crate) texts: HashSet<Box<str>>,
    pub(crate) uses_beyond: u64,
}

impl Values {
    pub(crate) fn new(origin: Origin, context_key: &str) -> Self {
        Self { origin, context_key: context_key.into(), texts: HashSet::new(), uses_beyond: 0 }
    }

    /// Adds a value that so many uses had, if there is room, and tells what it costs.
    pub(crate) fn add(&mut self, value: &str, uses: u64, room: bool) -> usize {
        let hashed = (value.len() > VALUE_BYTES_MAX).then(|| hash_of(value));
        let text = hashed.as_deref().unwrap_or(value);
        if self.texts.contains(text) {
            return 0;
        }
        if !room {
            self.uses_beyond = self.uses_beyond.saturating_add(uses);
            return 0;
        }
        self.texts.insert(text.into());
        text.len() + Cost::TEXT
    }

    pub(crate) fn sorted(&self) -> Vec<&str> {
        let mut texts: Vec<&str> = self.texts.iter().map(AsRef::as_ref).collect();
        texts.sort_unstable();
        texts
    }

    pub(crate) fn memory_bytes(&self) -> usize {
        self.texts.iter().map(|text| text.len() + Cost::TEXT).sum()
    }
}

/// The form in which a value is kept that is too long.
fn hash_of(value: &str) -> String {
    format!("sha256:{}", const_hex::encode(digest(&SHA256, value.as_bytes())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_once_while_there_is_room_and_long_ones_by_hash() {
        let mut values = Values::new(Origin::Logged, "tenant");
        let long = "a".repeat(VALUE_BYTES_MAX + 1);
        let hash = hash_of(&long);
        for (value, room, cost) in [
            ("blue", true, 4 + Cost::TEXT),
            ("blue", true, 0),
            ("blue", false, 0),
            ("red", false, 0),
            ("red", false, 0),
            (&long, true, 71 + Cost::TEXT),
            (&long, false, 0),
            (&hash, false, 0),
            ("", true, Cost::TEXT),
        ] {
            assert_eq!(values.add(value, 2, room), cost, "{value} {room}");
        }
        assert_eq!(values.sorted(), ["", "blue", &hash]);
        assert_eq!(values.uses_beyond, 4);
        assert_eq!(values.memory_bytes(), 4 + 71 + 3 * Cost::TEXT);
    }
}
