//! The marker of what was pruned: from which entry on entries are kept. It is a signed note in the file `pruned`,
//!
//! ```text
//! claviger-log-pruned/v1
//! <origin>
//! <first entry that is kept, a multiple of 256>
//! ```
//!
//! signed by one key of the log, which must have signed when the log had those entries: a retired key that is stolen
//! cannot make away with later ones. Without the marker everything is kept.

use crate::error::{Damage, LogError};
use crate::files::{Files, read_if_there};
use crate::keys::KeyChain;
use crate::note::{NOTE_BYTES_MAX, SignedNote};
use crate::tile::WIDTH;

/// The marker's file.
pub(crate) const FILE: &str = "pruned";

const TITLE: &str = "claviger-log-pruned/v1";

/// From which entry on the log keeps its entries.
pub(crate) fn kept_from(files: &dyn Files, chain: &KeyChain) -> Result<u64, LogError> {
    let Some(bytes) = read_if_there(files, FILE, NOTE_BYTES_MAX)? else { return Ok(0) };
    parse(&bytes, chain).ok_or_else(|| Damage::new(FILE, "does not say from where entries are kept").into())
}

/// What the marker says.
pub(crate) fn text(origin: &str, kept_from: u64) -> String {
    format!("{TITLE}\n{origin}\n{kept_from}\n")
}

fn parse(bytes: &[u8], chain: &KeyChain) -> Option<u64> {
    let note = SignedNote::parse(bytes).ok()?;
    let kept_from: u64 = note.text().split_terminator('\n').nth(2)?.parse().ok()?;
    let origin = chain.newest()?.name().as_str();
    let good = note.text() == text(origin, kept_from)
        && kept_from.is_multiple_of(WIDTH as u64)
        && note.to_string().as_bytes() == bytes
        && chain.keys_that_saw(kept_from).any(|key| note.is_signed_by_exactly(&[key]));
    good.then_some(kept_from)
}
