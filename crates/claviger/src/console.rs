//! What people read: results go to standard output, everything else to standard error.
//!
//! A reader who went away is no reason to panic, as the print macros would.

use std::fmt::Display;
use std::io::{self, Write};

/// Writes a result to standard output.
pub(crate) fn say(text: &str) -> io::Result<()> {
    let mut output = io::stdout().lock();
    output.write_all(text.as_bytes())?;
    output.flush()
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
