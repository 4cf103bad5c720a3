//! The chain of the keys that sign a log, from its first to its newest.
//!
//! `keys/000`, `keys/001`, … each introduce one key from a size of the log on, as a signed note that the new key signs
//! and, above the first, the key before it too. So whoever trusts one of them can follow the chain. The text is
//!
//! ```text
//! claviger-log-key/v1
//! <origin>
//! <number of the key, from 0>
//! <size of the log from which it signs>
//! <verifier key>
//! ```
//!
//! Past its introduction only the new key signs; at that very size both do, the new one first.

use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::error::{Damage, LogError};
use crate::files::{Files, list_if_there, read_if_there};
use crate::note::{NOTE_BYTES_MAX, NoteError, SignedNote, Signer, VerifierKey};

/// The folder of the statements.
pub(crate) const FOLDER: &str = "keys";

const TITLE: &str = "claviger-log-key/v1";

/// The keys of a log, each with the size from which it signs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChain(Vec<Link>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    key: VerifierKey,
    from: u64,
}

impl KeyChain {
    /// One key that is trusted for every size: for who knows no more of a log.
    pub fn of(key: VerifierKey) -> Self {
        Self(vec![Link { key, from: 0 }])
    }

    /// The chain in a log's directory, which must hold the trusted key.
    pub fn load(files: &dyn Files, trusted: &VerifierKey) -> Result<Self, LogError> {
        let chain = Self::load_any(files)?;
        match chain.0.iter().any(|link| link.key == *trusted) {
            true => Ok(chain),
            false => Err(LogError::Untrusted(trusted.to_string())),
        }
    }

    /// The chain, whoever is trusted; it has at least one key.
    pub(crate) fn load_any(files: &dyn Files) -> Result<Self, LogError> {
        let count = list_if_there(files, FOLDER)?.iter().filter(|name| is_statement(name)).count();
        let mut chain = Self(Vec::new());
        for number in 0..count.max(1) {
            let path = path(number);
            let bytes = read_if_there(files, &path, NOTE_BYTES_MAX)?.ok_or_else(|| Damage::missing(&path))?;
            let link =
                chain.next_link(&bytes).ok_or_else(|| Damage::new(&path, "does not introduce the log's next key"))?;
            chain.0.push(link);
        }
        Ok(chain)
    }

    /// The keys, oldest first.
    pub fn keys(&self) -> impl DoubleEndedIterator<Item = &VerifierKey> {
        self.0.iter().map(|link| &link.key)
    }

    /// The keys, oldest first, each with the size of the log from which it signs.
    pub fn introductions(&self) -> impl Iterator<Item = (&VerifierKey, u64)> {
        self.0.iter().map(|link| (&link.key, link.from))
    }

    /// The checkpoint, if a key that was in force at its size has signed it.
    pub fn verify(&self, signed: &SignedCheckpoint) -> Result<Checkpoint, NoteError> {
        let checkpoint = signed.checkpoint();
        for (link, until) in self.reigns() {
            let in_force = (link.from..=until).contains(&checkpoint.size);
            if in_force && link.key.name() == &checkpoint.origin && signed.note().is_signed_by(&link.key)? {
                return Ok(checkpoint.clone());
            }
        }
        Err(NoteError::Unsigned)
    }

    /// How a log's own checkpoint of that size must be signed, newest key first; and how it is signed still if the last
    /// rotation did not come to its end.
    pub(crate) fn signers(&self, size: u64) -> (Vec<&VerifierKey>, Option<Vec<&VerifierKey>>) {
        let unfinished = match self.0.as_slice() {
            [before @ .., last] if last.from == size && !before.is_empty() => Some(signers_of(before, size)),
            _ => None,
        };
        (signers_of(&self.0, size), unfinished)
    }

    /// The keys that signed while the log reached that size, or later: those before them cannot speak of it.
    pub(crate) fn keys_that_saw(&self, size: u64) -> impl Iterator<Item = &VerifierKey> {
        self.reigns().filter(move |(_, until)| size <= *until).map(|(link, _)| &link.key)
    }

    /// Each key with the last size that it speaks for.
    fn reigns(&self) -> impl Iterator<Item = (&Link, u64)> {
        self.0.iter().zip(self.0.iter().skip(1).map(|link| link.from).chain([u64::MAX]))
    }

    pub(crate) fn newest(&self) -> Option<&VerifierKey> {
        self.keys().next_back()
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// The newest key's introduction, which no checkpoint may precede.
    pub(crate) fn newest_from(&self) -> u64 {
        self.0.last().map_or(0, |link| link.from)
    }

    /// The statement that introduces the first key, or the next.
    pub(crate) fn statement(
        before: Option<(&Self, &dyn Signer)>,
        key: &VerifierKey,
        signer: &dyn Signer,
        from: u64,
    ) -> Result<(String, SignedNote), NoteError> {
        let number = before.map_or(0, |(chain, _)| chain.len());
        let text = text(number, key, from);
        let note = match before.and_then(|(chain, old)| chain.newest().map(|key| (key, old))) {
            None => SignedNote::sign(text, key, signer)?,
            Some((old_key, old)) => {
                let mut note = SignedNote::sign(text, old_key, old)?;
                note.add_signature(key, signer)?;
                note
            }
        };
        Ok((path(number), note))
    }

    pub(crate) fn push(&mut self, key: VerifierKey, from: u64) {
        self.0.push(Link { key, from });
    }

    /// The link that a statement adds, if it is the next one, says so in the one form and is signed as it must be.
    fn next_link(&self, bytes: &[u8]) -> Option<Link> {
        let note = SignedNote::parse(bytes).ok()?;
        let mut lines = note.text().split_terminator('\n').skip(3);
        let from = lines.next()?.parse().ok()?;
        let key: VerifierKey = lines.next()?.parse().ok()?;
        let mut signers = vec![&key];
        if let Some(before) = self.0.last() {
            let follows = before.from <= from && before.key.name() == key.name();
            if !follows || self.keys().any(|known| *known == key) {
                return None;
            }
            signers.push(&before.key);
        }
        let good = note.text() == text(self.len(), &key, from)
            && note.is_signed_by_exactly(&signers)
            && note.to_string().as_bytes() == bytes
            && (self.len() > 0 || from == 0);
        good.then_some(Link { key, from })
    }
}

fn signers_of(links: &[Link], size: u64) -> Vec<&VerifierKey> {
    match links {
        [.., before, last] if last.from == size => vec![&last.key, &before.key],
        _ => links.last().map(|last| &last.key).into_iter().collect(),
    }
}

fn text(number: usize, key: &VerifierKey, from: u64) -> String {
    format!("{TITLE}\n{}\n{number}\n{from}\n{key}\n", key.name().as_str())
}

fn path(number: usize) -> String {
    format!("{FOLDER}/{}", name(number))
}

fn name(number: usize) -> String {
    format!("{number:03}")
}

/// Whether a log gives that name to a statement. Another file in the folder is none of the log's, as anywhere in it.
fn is_statement(found: &str) -> bool {
    found.parse().is_ok_and(|number| name(number) == found)
}
