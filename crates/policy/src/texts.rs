//! Many short texts in one allocation: a list of values costs about what it costs in the document.

use std::fmt;

/// Texts in order, each once.
#[derive(Clone, Default)]
pub(crate) struct Texts {
    text: Box<str>,
    /// Where each of them ends.
    ends: Box<[u32]>,
}

impl Texts {
    pub(crate) fn new(mut texts: Vec<&str>) -> Self {
        texts.sort_unstable();
        texts.dedup();
        let mut ends = Vec::with_capacity(texts.len());
        let mut end = 0_u32;
        for text in &texts {
            // INVARIANT: a document is bounded far below 4 GiB, so that this never saturates.
            end = end.saturating_add(u32::try_from(text.len()).unwrap_or(u32::MAX));
            ends.push(end);
        }
        Self { text: texts.concat().into(), ends: ends.into() }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        (0..self.ends.len()).map(|index| self.at(index))
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ends.len()
    }

    /// The bytes of all of them.
    pub(crate) fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Whether exactly this text is among them.
    pub(crate) fn contains(&self, text: &str) -> bool {
        if self.ends.len() <= 1 {
            return !self.ends.is_empty() && *self.text == *text;
        }
        let (mut low, mut high) = (0, self.ends.len());
        while low < high {
            let middle = low.midpoint(high);
            match self.at(middle).cmp(text) {
                std::cmp::Ordering::Less => low = middle + 1,
                std::cmp::Ordering::Equal => return true,
                std::cmp::Ordering::Greater => high = middle,
            }
        }
        false
    }

    fn at(&self, index: usize) -> &str {
        let end = |index: usize| self.ends.get(index).map_or(0, |end| *end as usize);
        let start = index.checked_sub(1).map_or(0, end);
        self.text.get(start..end(index)).unwrap_or_default()
    }
}

impl fmt::Debug for Texts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sorted_and_found() {
        let texts = Texts::new(vec!["b", "", "ä", "a", "b"]);
        assert_eq!(texts.iter().collect::<Vec<_>>(), ["", "a", "b", "ä"]);
        for (text, want) in [("", true), ("a", true), ("b", true), ("ä", true), ("ab", false), ("c", false)] {
            assert_eq!(texts.contains(text), want, "{text}");
        }
        assert!(Texts::default().iter().next().is_none() && !Texts::default().contains(""));
    }
}
