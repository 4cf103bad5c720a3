//! Names and unique ids of IAM principals.

use std::fmt;
use std::str::FromStr;

use crate::Malformed;

/// Characters of unique ids: base32 as IAM prints it (RFC 4648, section 6).
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// An IAM user's name: 1 to 64 characters of `[\w+=,.@-]`. Names differing only in case are the same name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserName(Box<str>);

impl UserName {
    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What makes it unique in its account: the name in lower case.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

impl FromStr for UserName {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
        if !(1..=64).contains(&text.len()) || !text.bytes().all(allowed) {
            return Err(Malformed("user name"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A user's unique id, `AIDA…`: never given to another user, so a policy bound to it never lets in a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UserId([u8; 20]);

/// The id of a long-term access key, `AKIA…`: 20 characters, unique over all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccessKeyId([u8; 20]);

macro_rules! unique_id {
    ($name:ident, $prefix:literal, $what:literal) => {
        impl $name {
            /// A fresh id, made of 16 random bytes (80 bits of them count).
            pub fn from_random(random: [u8; 16]) -> Self {
                let mut bytes = [0; 20];
                let characters =
                    random.iter().map(|byte| ID_ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'A'));
                for (slot, byte) in bytes.iter_mut().zip($prefix.bytes().chain(characters)) {
                    *slot = byte;
                }
                Self(bytes)
            }

            /// The id as text.
            pub fn as_str(&self) -> &str {
                // INVARIANT: only ASCII is ever stored, so the fallback is never taken.
                std::str::from_utf8(&self.0).unwrap_or_default()
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let allowed = |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit();
                match text.as_bytes().try_into() {
                    Ok(bytes) if text.starts_with($prefix) && text.as_bytes().iter().all(|b| allowed(b)) => {
                        Ok(Self(bytes))
                    }
                    _ => Err(Malformed($what)),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }
    };
}

unique_id!(UserId, "AIDA", "user id");
unique_id!(AccessKeyId, "AKIA", "access key id");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let id = AccessKeyId::from_random([0xff; 16]);
        assert_eq!(id.as_str(), "AKIA7777777777777777");
        assert_eq!("AKIA7777777777777777".parse(), Ok(id));
        for bad in [
            "",
            "AKIA",
            "ASIA7777777777777777",
            "akia7777777777777777",
            "AKIA77777777777777777",
            "AKIA777777777777777é",
        ] {
            assert!(bad.parse::<AccessKeyId>().is_err(), "{bad}");
        }
    }

    #[test]
    fn user_names() {
        assert_eq!("Ann.B@x".parse::<UserName>().unwrap().folded(), "ann.b@x");
        for bad in ["", "a/b", "a b", "a*", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }
}
