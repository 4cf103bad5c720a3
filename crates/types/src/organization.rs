//! Names of an organization's parts: its own id, those of its root, its units and its control policies. Source: AWS
//! Organizations API reference, the patterns of OrganizationId, RootId, OrganizationalUnitId and PolicyId.

use std::fmt;
use std::str::FromStr;

use crate::{AccountId, Malformed};

/// Characters of fresh ids: 32 of the 36 that the patterns take, so that five random bits make one without a bias.
const ID_ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";

macro_rules! organization_id {
    ($(#[$doc:meta])* $name:ident, $what:literal, $is_valid:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Box<str>);

        impl $name {
            /// The id as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = Malformed;

            fn from_str(text: &str) -> Result<Self, Malformed> {
                let is_valid: fn(&str) -> bool = $is_valid;
                if is_valid(text) { Ok(Self(text.into())) } else { Err(Malformed($what)) }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

organization_id!(
    /// The organization's id, `o-…`: all accounts of one deployment. Policies know it as `aws:PrincipalOrgID`.
    OrganizationId,
    "organization id",
    |text| text.strip_prefix("o-").is_some_and(|rest| is_lower(rest, 10))
);
organization_id!(
    /// The id of the organization's root, `r-…`.
    RootId,
    "root id",
    |text| text.strip_prefix("r-").is_some_and(|rest| is_lower(rest, 4))
);
organization_id!(
    /// The id of an organizational unit, `ou-…`; the part after the prefix is the root's.
    OrganizationalUnitId,
    "organizational unit id",
    |text| {
        let parts = text.strip_prefix("ou-").and_then(|rest| rest.split_once('-'));
        parts.is_some_and(|(root, own)| is_lower(root, 4) && is_lower(own, 8))
    }
);
organization_id!(
    /// The id of a service or resource control policy, `p-…`.
    ControlPolicyId,
    "control policy id",
    |text| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
        text.strip_prefix("p-").is_some_and(|rest| (8..=128).contains(&rest.len()) && rest.bytes().all(allowed))
    }
);

fn is_lower(text: &str, least: usize) -> bool {
    (least..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

fn characters<const N: usize>(random: [u8; N]) -> String {
    let character = |byte: &u8| char::from(ID_ALPHABET.get(usize::from(byte & 31)).copied().unwrap_or(b'a'));
    random.iter().map(character).collect()
}

impl OrganizationId {
    /// A fresh id.
    pub fn from_random(random: [u8; 10]) -> Self {
        Self(format!("o-{}", characters(random)).into())
    }
}

impl RootId {
    /// A fresh id.
    pub fn from_random(random: [u8; 4]) -> Self {
        Self(format!("r-{}", characters(random)).into())
    }
}

impl OrganizationalUnitId {
    /// A fresh id of a unit below `root`.
    pub fn from_random(root: &RootId, random: [u8; 8]) -> Self {
        let root = root.0.strip_prefix("r-").unwrap_or_default();
        Self(format!("ou-{root}-{}", characters(random)).into())
    }
}

impl ControlPolicyId {
    /// A fresh id.
    pub fn from_random(random: [u8; 8]) -> Self {
        Self(format!("p-{}", characters(random)).into())
    }
}

/// What accounts and units lie in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ParentId {
    /// The root of the organization.
    Root(RootId),
    /// A unit.
    Unit(OrganizationalUnitId),
}

/// What control policies are attached to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlTarget {
    /// The root or a unit: the policy holds for all accounts below it.
    Parent(ParentId),
    /// An account.
    Account(AccountId),
}

impl FromStr for ParentId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        text.parse().map(Self::Root).or_else(|_| text.parse().map(Self::Unit)).map_err(|_| Malformed("parent id"))
    }
}

impl fmt::Display for ParentId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(id) => id.fmt(f),
            Self::Unit(id) => id.fmt(f),
        }
    }
}

impl FromStr for ControlTarget {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let parsed = text.parse().map(Self::Parent).or_else(|_| text.parse().map(Self::Account));
        parsed.map_err(|_| Malformed("target id"))
    }
}

impl fmt::Display for ControlTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Parent(id) => id.fmt(f),
            Self::Account(id) => id.fmt(f),
        }
    }
}

/// Which of the two kinds a control policy is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ControlPolicyType {
    /// A service control policy: bounds what principals of the accounts below it may do.
    Service,
    /// A resource control policy: bounds what anybody may do with the resources of the accounts below it.
    Resource,
}

impl ControlPolicyType {
    /// As the API spells it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Service => "SERVICE_CONTROL_POLICY",
            Self::Resource => "RESOURCE_CONTROL_POLICY",
        }
    }
}

impl FromStr for ControlPolicyType {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let all = [Self::Service, Self::Resource];
        all.into_iter().find(|kind| kind.as_str() == text).ok_or(Malformed("control policy type"))
    }
}

impl fmt::Display for ControlPolicyType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ids_are_ids() {
        let root = RootId::from_random([1, 2, 3, 255]);
        assert_eq!(root.as_str(), "r-bcd7");
        assert_eq!(root.to_string().parse(), Ok(root.clone()));
        let unit = OrganizationalUnitId::from_random(&root, [0; 8]);
        assert_eq!(unit.as_str(), "ou-bcd7-aaaaaaaa");
        assert_eq!(unit.to_string().parse(), Ok(unit));
        assert_eq!(
            OrganizationId::from_random([31; 10]).to_string().parse(),
            Ok(OrganizationId("o-7777777777".into()))
        );
        assert_eq!(ControlPolicyId::from_random([25; 8]).to_string().parse(), Ok(ControlPolicyId("p-zzzzzzzz".into())));
    }

    #[test]
    fn targets_by_their_spelling() {
        for good in ["r-abcd", "ou-abcd-12345678", "111122223333"] {
            assert_eq!(good.parse::<ControlTarget>().unwrap().to_string(), good);
        }
        for bad in
            ["", "r-", "r-abc", "r-ABCD", "ou-abcd", "ou-abcd-1234567", "ou-abcd-12345678-x", "1111", "p-abcdefgh"]
        {
            assert!(bad.parse::<ControlTarget>().is_err(), "{bad}");
        }
        for bad in ["p-1234567", "p-123456-8", "q-12345678", "p-1234567é"] {
            assert!(bad.parse::<ControlPolicyId>().is_err(), "{bad}");
        }
        assert!("111122223333".parse::<ParentId>().is_err());
        assert!("p-FullAWSAccess".parse::<ControlPolicyId>().is_ok());
        assert!("TAG_POLICY".parse::<ControlPolicyType>().is_err());
    }
}
