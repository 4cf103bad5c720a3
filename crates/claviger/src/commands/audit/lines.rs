//! What auditors read: one line for each thing, none of which can be mistaken for another.

use std::fmt::Display;

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

    /// One more. Events hold texts of strangers, which must neither make lines of their own nor steer a terminal.
    pub(super) fn add(&mut self, head: &str, value: impl Display) {
        self.0.push_str(&format!("{head:HEAD$} "));
        for letter in value.to_string().chars() {
            match letter {
                '"' | '\'' => self.0.push(letter),
                _ => self.0.extend(letter.escape_debug()),
            }
        }
        self.0.push('\n');
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
        for (value, want) in [
            ("it's \"café\"", "HEAD        it's \"café\"\n"),
            ("a\nROOT b", "HEAD        a\\nROOT b\n"),
            ("\x1b[2J\u{202e}", "HEAD        \\u{1b}[2J\\u{202e}\n"),
            ("a\\n", "HEAD        a\\\\n\n"),
        ] {
            let mut lines = Lines::default();
            lines.add("HEAD", value);
            assert_eq!(lines.as_str(), want, "{value:?}");
        }
    }
}
