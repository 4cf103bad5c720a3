//! Names and unique ids of IAM principals.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use crate::Malformed;

/// Characters of unique ids: base32 as IAM prints it (RFC 4648, section 6).
const ID_ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// A name of up to a number of characters of `[\w+=,.@-]`. Names differing only in case are the same name.
macro_rules! iam_name {
    ($(#[$doc:meta])* $name:ident, $lengths:expr, $what:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The name as it was given.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// What makes it unique in its account: the name in lower case.
            pub fn folded(&self) -> String {
                self.0.to_ascii_lowercase()
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
                if !$lengths.contains(&text.len()) || !text.bytes().all(allowed) {
                    return Err(Malformed($what));
                }
                Ok(Self(text.into()))
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

iam_name!(
    /// An IAM user's name.
    UserName, 1..=64, "user name"
);
iam_name!(
    /// An IAM role's name.
    RoleName, 1..=64, "role name"
);
iam_name!(
    /// The name that a session of a role was given by who assumed it.
    RoleSessionName, 2..=64, "role session name"
);
iam_name!(
    /// An IAM group's name.
    GroupName, 1..=128, "group name"
);
iam_name!(
    /// A virtual MFA device's name.
    MfaDeviceName, 1..=128, "MFA device name"
);
iam_name!(
    /// The name of a policy, managed or inline.
    PolicyName, 1..=128, "policy name"
);

/// Who a policy that was put with a principal's ARN is bound to. An ARN may be taken again by a successor; this never is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalId {
    /// A user.
    User(UserId),
    /// A role, with all its sessions.
    Role(RoleId),
}

impl FromStr for PrincipalId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse().map(Self::User).or_else(|_| text.parse().map(Self::Role)).map_err(|_| Malformed("principal id"))
    }
}

impl fmt::Display for PrincipalId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => id.fmt(f),
            Self::Role(id) => id.fmt(f),
        }
    }
}

/// A user's unique id, `AIDA…`: never given to another user, so a policy bound to it never lets in a successor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UserId([u8; 20]);

/// A role's unique id, `AROA…`: never given to another role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RoleId([u8; 20]);

/// A group's unique id, `AGPA…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct GroupId([u8; 20]);

/// A managed policy's unique id, `ANPA…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyId([u8; 20]);

/// The id of a session's temporary access key, `ASIA…`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionKeyId([u8; 20]);

/// The id of a long-term access key, `AKIA…`: 20 characters, unique over all accounts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

        /// By bytes. Look-ups compare many ids: as two numbers each, not byte by byte.
        impl Ord for $name {
            fn cmp(&self, other: &Self) -> Ordering {
                in_order(&self.0).cmp(&in_order(&other.0))
            }
        }

        impl PartialOrd for $name {
            fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
                Some(self.cmp(other))
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

/// Numbers that compare as the bytes do.
fn in_order(id: &[u8; 20]) -> (u128, u32) {
    let [head @ .., a, b, c, d] = id;
    (u128::from_be_bytes(*head), u32::from_be_bytes([*a, *b, *c, *d]))
}

unique_id!(UserId, "AIDA", "user id");
unique_id!(RoleId, "AROA", "role id");
unique_id!(GroupId, "AGPA", "group id");
unique_id!(PolicyId, "ANPA", "policy id");
unique_id!(SessionKeyId, "ASIA", "session access key id");
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
    fn ids_are_ordered_as_their_texts() {
        let ids = ["AKIA2222222222222222", "AKIA2222222222222223", "AKIA7222222222222222", "AKIAA222222222222222"];
        let parsed = ids.map(|id| id.parse::<AccessKeyId>().unwrap());
        assert!(parsed.is_sorted() && ids.is_sorted());
    }

    #[test]
    fn user_names() {
        assert_eq!("Ann.B@x".parse::<UserName>().unwrap().folded(), "ann.b@x");
        for bad in ["", "a/b", "a b", "a*", "ä", &"a".repeat(65)] {
            assert!(bad.parse::<UserName>().is_err(), "{bad}");
        }
    }
}
