//! ARNs of keys, aliases and principals. One partition, `aws`.

use std::fmt;
use std::str::FromStr;

use crate::{
    AccountId, AliasName, GroupName, KeyId, Malformed, PolicyName, Region, RoleName, RoleSessionName, UserName,
};

/// `arn:aws:kms:REGION:ACCOUNT:key/ID`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyArn {
    /// Where the key lives.
    pub region: Region,
    /// Whose it is.
    pub account: AccountId,
    /// Its id.
    pub id: KeyId,
}

impl fmt::Display for KeyArn {
    /// Nearly every answer holds a key ARN, and patterns are compared with it: it is put together without `write!`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().as_str())
    }
}

impl serde::Serialize for KeyArn {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.text().as_str())
    }
}

impl KeyArn {
    fn text(&self) -> Text {
        let mut text = Text { bytes: [0; KEY_ARN_BYTES_MAX], length: 0 };
        text.push("arn:aws:kms:").push(self.region.as_str()).push(":").push_account(self.account).push(":key/");
        text.push_key_id(&self.id);
        text
    }
}

/// `arn:aws:kms:`, a Region, an account, the signs between, and an id of the longer form.
const KEY_ARN_BYTES_MAX: usize = 12 + Region::LENGTH_MAX + 1 + 12 + 5 + 36;

/// ASCII text on the stack. INVARIANT: `KEY_ARN_BYTES_MAX` has room for all that is pushed, so nothing is ever cut.
struct Text {
    bytes: [u8; KEY_ARN_BYTES_MAX],
    length: usize,
}

impl Text {
    fn push(&mut self, text: &str) -> &mut Self {
        if let Some(place) = self.bytes.get_mut(self.length..self.length + text.len()) {
            place.copy_from_slice(text.as_bytes());
            self.length += text.len();
        }
        self
    }

    fn push_account(&mut self, account: AccountId) -> &mut Self {
        self.push(account.digits(&mut [0; 12]))
    }

    fn push_key_id(&mut self, id: &KeyId) -> &mut Self {
        self.push(id.write_to(&mut [0; KeyId::TEXT_BYTES]))
    }

    fn as_str(&self) -> &str {
        self.bytes.get(..self.length).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default()
    }
}

/// `arn:aws:kms:REGION:ACCOUNT:alias/NAME`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct AliasArn {
    /// Where the alias lives.
    pub region: Region,
    /// Whose it is.
    pub account: AccountId,
    /// Its name, `alias/` included.
    pub name: AliasName,
}

impl fmt::Display for AliasArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "arn:aws:kms:{}:{}:{}", self.region, self.account, self.name)
    }
}

/// The ARN of an IAM group: `arn:aws:iam::ACCOUNT:group/PATH/NAME`. No policy can name one as a principal.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GroupArn {
    /// Whose group.
    pub account: AccountId,
    /// `/`, or `/…/`.
    pub path: Box<str>,
    /// The name without its path.
    pub name: GroupName,
}

impl FromStr for GroupArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("group ARN");
        let rest = text.strip_prefix("arn:aws:iam::").ok_or(malformed)?;
        let (account, resource) = rest.split_once(':').ok_or(malformed)?;
        let (path, name) = resource.strip_prefix("group").and_then(split_path).ok_or(malformed)?;
        Ok(Self { account: account.parse()?, path, name: name.parse()? })
    }
}

impl fmt::Display for GroupArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { account, path, name } = self;
        write!(f, "arn:aws:iam::{account}:group{path}{name}")
    }
}

/// The ARN of an IAM principal that a policy can name.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PrincipalArn {
    /// `arn:aws:iam::ACCOUNT:root`.
    Root(AccountId),
    /// `arn:aws:iam::ACCOUNT:user/PATH/NAME`.
    User {
        /// Whose user.
        account: AccountId,
        /// `/`, or `/…/`.
        path: Box<str>,
        /// The name without its path.
        name: UserName,
    },
    /// `arn:aws:iam::ACCOUNT:role/PATH/NAME`.
    Role {
        /// Whose role.
        account: AccountId,
        /// `/`, or `/…/`.
        path: Box<str>,
        /// The name without its path.
        name: RoleName,
    },
    /// `arn:aws:sts::ACCOUNT:assumed-role/ROLE/SESSION`; the role's path is left out.
    Session {
        /// Whose role.
        account: AccountId,
        /// The role's name without its path.
        role: RoleName,
        /// The session's name.
        session: RoleSessionName,
    },
}

impl PrincipalArn {
    /// The principal's account.
    pub fn account(&self) -> AccountId {
        match self {
            Self::Root(account)
            | Self::User { account, .. }
            | Self::Role { account, .. }
            | Self::Session { account, .. } => *account,
        }
    }
}

impl FromStr for PrincipalArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("principal ARN");
        if let Some(rest) = text.strip_prefix("arn:aws:sts::") {
            let (account, resource) = rest.split_once(':').ok_or(malformed)?;
            let names = resource.strip_prefix("assumed-role/").ok_or(malformed)?;
            let (role, session) = names.split_once('/').ok_or(malformed)?;
            return Ok(Self::Session { account: account.parse()?, role: role.parse()?, session: session.parse()? });
        }
        let rest = text.strip_prefix("arn:aws:iam::").ok_or(malformed)?;
        let (account, resource) = rest.split_once(':').ok_or(malformed)?;
        let account = account.parse()?;
        if resource == "root" {
            return Ok(Self::Root(account));
        }
        let (kind, _) = resource.split_once('/').ok_or(malformed)?;
        let (path, name) = split_path(resource.get(kind.len()..).ok_or(malformed)?).ok_or(malformed)?;
        match kind {
            "user" => Ok(Self::User { account, path, name: name.parse()? }),
            "role" => Ok(Self::Role { account, path, name: name.parse()? }),
            _ => Err(malformed),
        }
    }
}

impl fmt::Display for PrincipalArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(account) => write!(f, "arn:aws:iam::{account}:root"),
            Self::User { account, path, name } => write!(f, "arn:aws:iam::{account}:user{path}{name}"),
            Self::Role { account, path, name } => write!(f, "arn:aws:iam::{account}:role{path}{name}"),
            Self::Session { account, role, session } => {
                write!(f, "arn:aws:sts::{account}:assumed-role/{role}/{session}")
            }
        }
    }
}

/// The ARN of a managed policy: `arn:aws:iam::ACCOUNT:policy/PATH/NAME`, or `aws` for the account if the service has it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PolicyArn {
    /// Whose policy; none for the service's own.
    pub account: Option<AccountId>,
    /// `/`, or `/…/`.
    pub path: Box<str>,
    /// The name without its path.
    pub name: PolicyName,
}

impl FromStr for PolicyArn {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("policy ARN");
        let rest = text.strip_prefix("arn:aws:iam::").ok_or(malformed)?;
        let (account, resource) = rest.split_once(':').ok_or(malformed)?;
        let account = if account == "aws" { None } else { Some(account.parse()?) };
        let (path, name) = resource.strip_prefix("policy").and_then(split_path).ok_or(malformed)?;
        Ok(Self { account, path, name: name.parse()? })
    }
}

impl fmt::Display for PolicyArn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("arn:aws:iam::")?;
        match self.account {
            Some(account) => account.fmt(f)?,
            None => f.write_str("aws")?,
        }
        write!(f, ":policy{}{}", self.path, self.name)
    }
}

/// `/PATH/NAME` in two: `/PATH/` and the name.
fn split_path(full: &str) -> Option<(Box<str>, &str)> {
    let (path, name) = full.strip_prefix('/').and(full.rsplit_once('/'))?;
    Some((format!("{path}/").into(), name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longest_key_arn() {
        let region: Region = "aaaaaaaaaaaaaaa-bbbbbbbbbbbbbb-1".parse().unwrap();
        let account: AccountId = "000000000001".parse().unwrap();
        for id in ["1234abcd-12ab-34cd-56ef-1234567890ab", "mrk-1234abcd12ab34cd56ef1234567890ab"] {
            let arn = KeyArn { region, account, id: id.parse().unwrap() };
            assert_eq!(arn.to_string(), format!("arn:aws:kms:{region}:{account}:key/{id}"));
        }
    }

    #[test]
    fn groups() {
        for text in ["arn:aws:iam::111122223333:group/g", "arn:aws:iam::111122223333:group/a/b/g"] {
            assert_eq!(text.parse::<GroupArn>().unwrap().to_string(), text);
        }
        for bad in [
            "",
            "arn:aws:iam::111122223333:group",
            "arn:aws:iam::111122223333:group/",
            "arn:aws:iam::111122223333:groups/g",
            "arn:aws:iam::1:group/g",
            "arn:aws:iam::111122223333:user/g",
        ] {
            assert!(bad.parse::<GroupArn>().is_err(), "{bad}");
        }
    }

    #[test]
    fn principals() {
        for good in [
            "arn:aws:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/ann",
            "arn:aws:iam::111122223333:user/a/b/ann",
            "arn:aws:iam::111122223333:role/ann",
            "arn:aws:iam::111122223333:role/a/b/ann",
            "arn:aws:sts::111122223333:assumed-role/ann/s1",
        ] {
            assert_eq!(good.parse::<PrincipalArn>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "111122223333",
            "arn:aws:iam::111122223333:user",
            "arn:aws:iam::111122223333:user/",
            "arn:aws:iam::111122223333:username",
            "arn:aws:iam::111122223333:role",
            "arn:aws:iam::111122223333:group/g",
            "arn:aws:iam::111122223333:assumed-role/r/s1",
            "arn:aws:sts::111122223333:assumed-role/r",
            "arn:aws:sts::111122223333:assumed-role/r/s",
            "arn:aws:sts::111122223333:assumed-role/p/r/s1",
            "arn:aws:sts::111122223333:role/r",
            "arn:aws:iam::1:root",
            "arn:aws-cn:iam::111122223333:root",
            "arn:aws:iam::111122223333:user/*",
            "arn:aws:iam:us-east-1:111122223333:root",
        ] {
            assert!(bad.parse::<PrincipalArn>().is_err(), "{bad}");
        }
    }
    #[test]
    fn managed_policies() {
        for good in ["arn:aws:iam::111122223333:policy/a/p", "arn:aws:iam::aws:policy/ReadOnlyAccess"] {
            assert_eq!(good.parse::<PolicyArn>().unwrap().to_string(), good);
        }
        for bad in ["arn:aws:iam::aws:policy", "arn:aws:iam::aws:policyp", "arn:aws:iam::x:policy/p", "p"] {
            assert!(bad.parse::<PolicyArn>().is_err(), "{bad}");
        }
    }
}
