//! What auditors read: one line for each thing, none of which can be mistaken for another.

use std::fmt::Display;

use crate::console::printable;

/// Columns of the heads.
const HEAD: usize = 11;

/// Lines, each with a head.
#[derive(Default)]
pub(super) struct Lines(String);

impl Lines {
    /// Below this line.
    pub(super) fn after(title: &str) -> Self {
        Self(format!("{title}\n"))
    }

    /// One more. Events hold texts of strangers.
    pub(super) fn add(&mut self, head: &str, value: impl Display) {
        self.0.push_str(&format!("{head:HEAD$} {}\n", printable(&value.to_string())));
    }

    /// One more, if there is a value.
    pub(super) fn add_some(&mut self, head: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.add(head, value);
        }
    }

    /// These too.
    pub(super) fn append(&mut self, more: &Self) {
        self.0.push_str(&more.0);
    }

    /// As text.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_stays_on_its_line() {
        let mut lines = Lines::default();
        lines.add("HEAD", "a\nROOT b\x1b[2J");
        assert_eq!(lines.as_str(), "HEAD        a\\nROOT b\\u{1b}[2J\n");
    }
}
