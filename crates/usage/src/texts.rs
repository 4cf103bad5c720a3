//! Texts that many rows share, each kept once.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::num::NonZeroU32;

use indexmap::IndexSet;
use minicbor::{Decode, Encode};

use crate::limits::Cost;

/// The number of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct TextId(#[n(0)] NonZeroU32);

impl TextId {
    pub(crate) fn of_index(index: usize) -> Option<Self> {
        u32::try_from(index).ok()?.checked_add(1).and_then(NonZeroU32::new).map(Self)
    }

    pub(crate) fn index(self) -> usize {
        self.0.get() as usize - 1
    }
}

/// Texts by number, and numbers by text. None is ever taken out; a snapshot keeps those that rows name.
#[derive(Debug, Default)]
pub(crate) struct Texts {
    texts: IndexSet<Box<str>>,
    bytes: usize,
}

impl Texts {
    /// The number of a text that is kept.
    pub(crate) fn find(&self, text: &str) -> Option<TextId> {
        self.texts.get_index_of(text).and_then(TextId::of_index)
    }

    /// The number of a text, which is kept from now on. None only if 2^32 are.
    pub(crate) fn keep(&mut self, text: &str) -> Option<TextId> {
        if let Some(found) = self.find(text) {
            return Some(found);
        }
        let id = TextId::of_index(self.texts.len())?;
        self.bytes += text.len() + Cost::TEXT;
        self.texts.insert(text.into());
        Some(id)
    }

    pub(crate) fn text(&self, id: TextId) -> Option<&str> {
        self.texts.get_index(id.index()).map(AsRef::as_ref)
    }

    /// The numbers of texts that are as wanted. A scan of all.
    pub(crate) fn find_where(&self, wanted: impl Fn(&str) -> bool) -> Vec<TextId> {
        let found = self.texts.iter().enumerate().filter(|(_, text)| wanted(text));
        found.filter_map(|(index, _)| TextId::of_index(index)).collect()
    }

    pub(crate) fn len(&self) -> usize {
        self.texts.len()
    }

    /// All of them, in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.texts.iter().map(AsRef::as_ref)
    }

    /// What they take.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.bytes
    }
}

/// A principal as one text: its unique id, which holds no line feed, and its ARN.
pub(crate) fn write_principal(id: &str, arn: &str, out: &mut String) {
    out.push_str(id);
    out.push('\n');
    out.push_str(arn);
}

/// Unique id and ARN of a principal.
pub(crate) fn read_principal(text: &str) -> (&str, &str) {
    text.split_once('\n').unwrap_or_default()
}

/// A set of context keys as one text: each in order, after its length and a colon. The empty set is the empty text.
pub(crate) fn write_context_keys(encryption_context: &[(&str, &str)], out: &mut String) {
    let is_in_order = encryption_context.is_sorted_by(|(one, _), (next, _)| one < next);
    if is_in_order {
        return encryption_context.iter().for_each(|(key, _)| write_context_key(key, out));
    }
    let keys: BTreeSet<&str> = encryption_context.iter().map(|(key, _)| *key).collect();
    keys.iter().for_each(|key| write_context_key(key, out));
}

fn write_context_key(key: &str, out: &mut String) {
    // INVARIANT: writing to a String cannot fail.
    let _ = write!(out, "{}:{key}", key.len());
}

/// The context keys of a set, in order of their bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct ContextKeys<'a>(pub(crate) &'a str);

impl<'a> Iterator for ContextKeys<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let (length, rest) = self.0.split_once(':')?;
        let (key, rest) = rest.split_at_checked(length.parse().ok()?)?;
        self.0 = rest;
        Some(key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_has_one_number() {
        let mut texts = Texts::default();
        let [a, b] = ["a", ""].map(|text| texts.keep(text).unwrap());
        assert_ne!(a, b);
        assert_eq!((texts.keep("a"), texts.find(""), texts.find("c")), (Some(a), Some(b), None));
        assert_eq!((texts.text(a), texts.text(b), texts.len()), (Some("a"), Some(""), 2));
    }

    fn text_of(pairs: &[(&str, &str)]) -> String {
        let mut text = String::new();
        write_context_keys(pairs, &mut text);
        text
    }

    #[test]
    fn sets_of_context_keys_are_told_apart() {
        let cases: [&[(&str, &str)]; 7] = [
            &[],
            &[("tenant", "1")],
            &[("b", "1"), ("a", "2")],
            &[("ab", "")],
            &[("", "")],
            &[("1:a", "")],
            &[("é:", "x")],
        ];
        let mut seen = Vec::new();
        for pairs in cases {
            let text = text_of(pairs);
            let mut want: Vec<&str> = pairs.iter().map(|pair| pair.0).collect();
            want.sort_unstable();
            assert_eq!(ContextKeys(&text).collect::<Vec<_>>(), want, "{pairs:?}");
            assert!(!seen.contains(&text), "{pairs:?}");
            seen.push(text);
        }
        let [one, other] = [&[("a", "1"), ("b", "2")], &[("b", "3"), ("a", "4")]];
        assert_eq!(text_of(one), text_of(other));
        assert_eq!(text_of(&[("a", "1"), ("a", "2")]), text_of(&[("a", "1")]));
    }

    #[test]
    fn a_principal_is_its_id_and_its_arn() {
        let mut text = String::new();
        write_principal("AROA1", "arn:aws:iam::111122223333:role/a", &mut text);
        assert_eq!(read_principal(&text), ("AROA1", "arn:aws:iam::111122223333:role/a"));
    }

    #[test]
    fn a_damaged_set_ends_early() {
        for text in ["", "3", "9:abc", "x:abc", "2:é", "1:é"] {
            assert!(ContextKeys(text).count() <= 1, "{text}");
        }
    }
}
