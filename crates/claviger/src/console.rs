//! What people read: results go to standard output, everything else to standard error.
//!
//! A reader who went away is no reason to panic, as the print macros would.

use std::fmt::Display;
use std::io::{self, Write};

use serde_json::Value;

/// Writes a result to standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
}

/// A text that others chose, so that it neither makes lines of its own nor steers a terminal.
pub(crate) fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '"' | '\'' => shown.push(letter),
            _ => shown.extend(letter.escape_debug()),
        }
    }
    shown
}

/// The same for all texts of an answer; the names of its members are the server's.
pub(crate) fn printable_answer(answer: Value) -> Value {
    match answer {
        Value::Array(values) => values.into_iter().map(printable_answer).collect(),
        Value::Object(members) => members.into_iter().map(|(name, value)| (name, printable_answer(value))).collect(),
        Value::String(text) => Value::String(printable(&text)),
        other @ (Value::Bool(_) | Value::Null | Value::Number(_)) => other,
    }
}

/// Says on standard error what went wrong.
pub(crate) fn complain(error: &dyn Display) {
    note(&format!("claviger: {error}"));
}

/// Says something on standard error that is no result and no log.
pub(crate) fn note(text: &str) {
    // Nobody is left to be told if this fails.
    let _ = writeln!(io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_of_others() {
        for (text, want) in [
            ("it's \"café\"", "it's \"café\""),
            ("a\nROOT b", "a\\nROOT b"),
            ("\x1b[2J\u{202e}", "\\u{1b}[2J\\u{202e}"),
            ("a\\n", "a\\\\n"),
        ] {
            assert_eq!(printable(text), want, "{text:?}");
        }
        let answer = json!({"A": ["\x1b[2J", {"B": "c\r"}], "D": 1, "E": null});
        let want = json!({"A": ["\\u{1b}[2J", {"B": "c\\r"}], "D": 1, "E": null});
        assert_eq!(printable_answer(answer), want);
    }
}
