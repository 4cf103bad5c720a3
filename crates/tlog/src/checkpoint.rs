//! Checkpoints: the signed size and root of a tree. Source: C2SP tlog-checkpoint.

use std::fmt;

use crate::hash::Hash;
use crate::note::{NoteError, Origin, SignedNote};

/// What a log says of itself at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checkpoint {
    /// The log's name.
    pub origin: Origin,
    /// How many entries it has.
    pub size: u64,
    /// The hash of its tree.
    pub root: Hash,
}

/// The text that is signed.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin.as_str(), self.size, self.root)
    }
}

/// A checkpoint with its signatures, of which nothing is known until they are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedCheckpoint {
    checkpoint: Checkpoint,
    note: SignedNote,
}

impl SignedCheckpoint {
    /// Exactly three lines: extension lines, which the format discourages, are refused, since nothing here honours them.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        Self::of_note(SignedNote::parse(bytes)?).ok_or(NoteError::Form)
    }

    /// What it says, if it is true.
    pub fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    pub fn note(&self) -> &SignedNote {
        &self.note
    }

    pub(crate) fn of_note(note: SignedNote) -> Option<Self> {
        let mut lines = note.text().split_terminator('\n');
        let origin = lines.next()?.parse().ok()?;
        let size = lines.next()?.parse().ok()?;
        let checkpoint = Checkpoint { origin, size, root: Hash::from_base64(lines.next()?)? };
        // Numbers have one form, and nothing stands behind.
        (checkpoint.to_string() == note.text()).then_some(Self { checkpoint, note })
    }
}

/// The file.
impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.note.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: C2SP tlog-checkpoint, its example.
    const EXAMPLE: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
        — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

    #[test]
    fn the_published_example_is_read() {
        let signed = SignedCheckpoint::parse(EXAMPLE.as_bytes()).unwrap();
        assert_eq!(signed.checkpoint().origin.as_str(), "example.com/behind-the-sofa");
        assert_eq!(signed.checkpoint().size, 20_852_163);
        assert_eq!(signed.to_string(), EXAMPLE);
    }

    #[test]
    fn what_has_another_form_is_refused() {
        for (from, to) in [
            ("20852163", "020852163"),
            ("20852163", "+20852163"),
            ("20852163", "-1"),
            ("20852163", "99999999999999999999"),
            ("xq2I=\n", "xq2I=\nextension\n"),
            ("xq2I=\n", "xq2J=\n"),
            ("sofa\n20852163", "sofa \n20852163"),
            ("20852163\n", ""),
        ] {
            let bad = EXAMPLE.replacen(from, to, 1);
            assert_eq!(SignedCheckpoint::parse(bad.as_bytes()), Err(NoteError::Form), "{bad}");
        }
    }
}
