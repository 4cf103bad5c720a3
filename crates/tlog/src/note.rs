//! Signed notes with Ed25519 keys: how everything in a log is signed. Source: C2SP signed-note; the text of a public
//! key ("verifier key") is that of Go's `golang.org/x/mod/sumdb/note`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The signature type of Ed25519.
const ED25519_TYPE: u8 = 1;

/// The longest note, and the most signatures, that are looked at: far above what witnesses add to a checkpoint.
pub(crate) const NOTE_BYTES_MAX: usize = 1 << 20;
const SIGNATURES_MAX: usize = 100;

const ORIGIN_BYTES_MAX: usize = 255;

/// Whoever holds the private Ed25519 key of a log.
pub trait Signer: Send {
    /// Its public key, as RFC 8032 encodes it.
    fn public_key(&self) -> [u8; 32];

    /// The signature of these bytes by RFC 8032.
    fn sign(&self, message: &[u8]) -> [u8; 64];
}

/// The name of a log, which is the name of its keys too: a URL without its scheme, as a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin(String);

impl Origin {
    /// As text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Origin {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let good = !text.is_empty()
            && text.len() <= ORIGIN_BYTES_MAX
            && !text.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
        good.then(|| Self(text.to_owned())).ok_or(NoteError::Name)
    }
}

/// A public key of a log with its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifierKey {
    name: Origin,
    public_key: [u8; 32],
}

impl VerifierKey {
    /// The key of that log.
    pub fn new(name: Origin, public_key: [u8; 32]) -> Self {
        Self { name, public_key }
    }

    /// The log whose key it is.
    pub fn name(&self) -> &Origin {
        &self.name
    }

    /// The key, as RFC 8032 encodes it.
    pub fn public_key(&self) -> &[u8; 32] {
        &self.public_key
    }

    /// The id beside each signature: `SHA-256(name ‖ 0A ‖ 01 ‖ public key)`, its first four bytes.
    pub fn id(&self) -> [u8; 4] {
        let input = [self.name.0.as_bytes(), b"\n", &[ED25519_TYPE], &self.public_key].concat();
        digest(&SHA256, &input).as_ref().first_chunk().copied().unwrap_or_default()
    }

    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        UnparsedPublicKey::new(&ED25519, &self.public_key).verify(message, signature).is_ok()
    }
}

/// `<name>+<id in hex>+<base64 of 01 ‖ public key>`.
impl fmt::Display for VerifierKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let id = u32::from_be_bytes(self.id());
        let key = STANDARD.encode([&[ED25519_TYPE], self.public_key.as_slice()].concat());
        write!(f, "{}+{id:08x}+{key}", self.name.0)
    }
}

impl FromStr for VerifierKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        // The key's base64 may have a plus in it.
        let mut parts = text.splitn(3, '+');
        let (Some(name), Some(_), Some(key)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let key = STANDARD.decode(key).map_err(|_| NoteError::Key)?;
        let (kind, public_key) = key.split_first().ok_or(NoteError::Key)?;
        let public_key = public_key.try_into().map_err(|_| NoteError::Key)?;
        let key = Self::new(name.parse()?, public_key);
        // The id must be its own, in the one form.
        (*kind == ED25519_TYPE && key.to_string() == text).then_some(key).ok_or(NoteError::Key)
    }
}

/// Why something is no signed note, or not signed as it must be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoteError {
    /// The bytes have another form.
    #[error("it is not a signed note")]
    Form,
    /// A public key has another form.
    #[error("a verifier key is `name+id+key`, with an Ed25519 key")]
    Key,
    /// A name that no key may have.
    #[error("a log's name is text of at most 255 bytes without spaces, control characters and `+`")]
    Name,
    /// A signature of a known key is wrong.
    #[error("a signature is wrong")]
    Signature,
    /// No known key has signed it.
    #[error("no known key has signed it")]
    Unsigned,
}

/// A text with its signatures. Nothing is known of the signatures until they are verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignedNote {
    text: String,
    signatures: Vec<SignatureLine>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignatureLine {
    name: String,
    id: [u8; 4],
    signature: Vec<u8>,
}

impl SignedNote {
    /// Splits the text from its signatures.
    pub fn parse(bytes: &[u8]) -> Result<Self, NoteError> {
        let note = std::str::from_utf8(bytes).map_err(|_| NoteError::Form)?;
        let plain = !note.contains(|c: char| c < ' ' && c != '\n');
        if !plain || note.len() > NOTE_BYTES_MAX {
            return Err(NoteError::Form);
        }
        let (text, signatures) = note.rsplit_once("\n\n").ok_or(NoteError::Form)?;
        let signatures = signatures.strip_suffix('\n').ok_or(NoteError::Form)?;
        if signatures.split('\n').count() > SIGNATURES_MAX {
            return Err(NoteError::Form);
        }
        let signatures = signatures.split('\n').map(SignatureLine::parse).collect::<Option<_>>();
        Ok(Self { text: format!("{text}\n"), signatures: signatures.ok_or(NoteError::Form)? })
    }

    /// The text that is signed, with its last line's end.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether this key has signed it. A signature that bears its name and id must then be right.
    pub fn is_signed_by(&self, key: &VerifierKey) -> Result<bool, NoteError> {
        let mut signed = false;
        for line in self.signatures.iter().filter(|line| line.is_of(key)) {
            if !key.verify(self.text.as_bytes(), &line.signature) {
                return Err(NoteError::Signature);
            }
            signed = true;
        }
        Ok(signed)
    }

    /// Whether exactly these keys have signed it, in this order, and nobody else.
    pub(crate) fn is_signed_by_exactly(&self, keys: &[&VerifierKey]) -> bool {
        let text = self.text.as_bytes();
        let lines = self.signatures.iter().zip(keys);
        self.signatures.len() == keys.len()
            && lines.into_iter().all(|(line, key)| line.is_of(key) && key.verify(text, &line.signature))
    }

    /// Signs a text. The signature is verified at once: nobody else must find out that a signer is at fault.
    pub(crate) fn sign(text: String, key: &VerifierKey, signer: &dyn Signer) -> Result<Self, NoteError> {
        let mut note = Self { text, signatures: Vec::new() };
        note.add_signature(key, signer)?;
        Ok(note)
    }

    /// Puts a signature above the others.
    pub(crate) fn add_signature(&mut self, key: &VerifierKey, signer: &dyn Signer) -> Result<(), NoteError> {
        let signature = signer.sign(self.text.as_bytes()).to_vec();
        if !key.verify(self.text.as_bytes(), &signature) {
            return Err(NoteError::Signature);
        }
        self.signatures.insert(0, SignatureLine { name: key.name.0.clone(), id: key.id(), signature });
        Ok(())
    }

    /// Leaves only the first signature.
    pub(crate) fn keep_first_signature(&mut self) {
        self.signatures.truncate(1);
    }
}

impl fmt::Display for SignedNote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|line| {
            writeln!(f, "— {} {}", line.name, STANDARD.encode([&line.id, line.signature.as_slice()].concat()))
        })
    }
}

impl SignatureLine {
    fn parse(line: &str) -> Option<Self> {
        let (name, signature) = line.strip_prefix("— ")?.split_once(' ')?;
        let name = Origin::from_str(name).ok()?;
        let bytes = STANDARD.decode(signature).ok()?;
        let (id, signature) = bytes.split_first_chunk()?;
        Some(Self { name: name.0, id: *id, signature: signature.to_vec() })
    }

    fn is_of(&self, key: &VerifierKey) -> bool {
        self.name == key.name.0 && self.id == key.id()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: the example of Go's package documentation of `golang.org/x/mod/sumdb/note`.
    const VKEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    #[test]
    fn the_published_note_is_verified() {
        let key: VerifierKey = VKEY.parse().unwrap();
        assert_eq!(key.to_string(), VKEY);
        let note = SignedNote::parse(NOTE.as_bytes()).unwrap();
        assert_eq!(note.is_signed_by(&key), Ok(true));
        assert!(note.is_signed_by_exactly(&[&key]));
        assert!(!note.is_signed_by_exactly(&[]) && !note.is_signed_by_exactly(&[&key, &key]));
        assert_eq!(note.to_string(), NOTE);
        let other = VerifierKey::new("other".parse().unwrap(), *key.public_key());
        assert_eq!(note.is_signed_by(&other), Ok(false));
        let changed = SignedNote::parse(NOTE.replace("answer", "anzwer").as_bytes()).unwrap();
        assert_eq!(changed.is_signed_by(&key), Err(NoteError::Signature));
    }

    #[test]
    fn what_has_another_form_is_no_note() {
        let line = NOTE.rsplit_once("\n\n").unwrap().1;
        for bad in [
            "",
            "\n\n",
            "text\n",
            "text\n\n",
            &format!("text\n{line}"),
            &NOTE[..NOTE.len() - 1],
            &NOTE.replace('—', "-"),
            &NOTE.replace("x08go/", "x08go"),
            &NOTE.replace("If", "I\tf"),
            &format!("{NOTE}\n"),
            &format!("text\n\n{}", line.repeat(101)),
            "text\n\n— PeterNeumann eA==\n",
        ] {
            assert_eq!(SignedNote::parse(bad.as_bytes()), Err(NoteError::Form), "{bad:?}");
        }
        assert_eq!(SignedNote::parse(b"\xff\n\n"), Err(NoteError::Form));
    }

    #[test]
    fn a_verifier_key_has_one_form() {
        for bad in [
            "",
            "a+b",
            "PeterNeumann+C74F20A3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
            "PeterNeumann+c74f20a3+AR==",
            "PeterNeumann+c74f20a3+Ahpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        ] {
            assert_eq!(bad.parse::<VerifierKey>(), Err(NoteError::Key), "{bad}");
        }
        for bad in ["", "a b", "a+b", "a\u{a0}b", "a\nb", &"a".repeat(256)] {
            assert_eq!(bad.parse::<Origin>(), Err(NoteError::Name), "{bad}");
        }
    }
}
