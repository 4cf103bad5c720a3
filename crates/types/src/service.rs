//! The services behind the one endpoint.

use std::fmt;

/// A service, by the name that signature scopes and IAM actions use for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ServiceName {
    /// Our own API.
    Claviger,
    /// Whoever looks up events of the audit log.
    CloudTrail,
    /// Users and access keys. Global: its signature scope is always `us-east-1`.
    Iam,
    /// The key management service itself.
    Kms,
    /// Who am I.
    Sts,
}

impl ServiceName {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Claviger, Self::CloudTrail, Self::Iam, Self::Kms, Self::Sts];

    /// The name in a signature's scope, and the prefix of the service's IAM actions.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Claviger => "claviger",
            Self::CloudTrail => "cloudtrail",
            Self::Iam => "iam",
            Self::Kms => "kms",
            Self::Sts => "sts",
        }
    }

    /// The service of this name, if it is one of ours.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|service| service.as_str() == name)
    }
}

impl fmt::Display for ServiceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
