//! Alias names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Malformed, limits};

/// A name such as `alias/app/orders`, prefix included; case-sensitive, unique in an account and Region.
///
/// Cheap to clone: the View's indexes share one text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AliasName(Arc<str>);

impl AliasName {
    /// The prefix of every alias.
    pub const PREFIX: &'static str = "alias/";

    /// Comes before every name: where a listing begins. No alias has it.
    pub fn first() -> Self {
        Self(Self::PREFIX.into())
    }

    /// The whole name, `alias/` included.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether the name is kept for AWS managed keys (`alias/aws/…`), so that no caller may create, change or delete it.
    pub fn is_reserved(&self) -> bool {
        self.0.starts_with("alias/aws/")
    }
}

impl FromStr for AliasName {
    type Err = Malformed;

    /// Checks the prefix, the length and the characters (`[a-zA-Z0-9/_-]`; a colon is refused although the public
    /// pattern lets it through). Something must follow the prefix.
    fn from_str(text: &str) -> Result<Self, Malformed> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"/_-".contains(&byte);
        let name = text.strip_prefix(Self::PREFIX).unwrap_or_default();
        if name.is_empty() || text.len() > limits::ALIAS_NAME_CHARS_MAX || !name.bytes().all(allowed) {
            return Err(Malformed("alias name"));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for AliasName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefix_characters_length() {
        for good in ["alias/a", "alias/App_1/x-y", "alias/aws/s3"] {
            assert_eq!(good.parse::<AliasName>().unwrap().as_str(), good);
        }
        let long = format!("alias/{}", "a".repeat(251));
        for bad in
            ["", "alias", "alias/", "Alias/a", "a", "alias/a b", "alias/a:b", "alias/a.b", "alias/ä", long.as_str()]
        {
            assert!(bad.parse::<AliasName>().is_err(), "{bad}");
        }
        assert!("alias/aws/s3".parse::<AliasName>().unwrap().is_reserved());
        assert!(!"alias/awsome".parse::<AliasName>().unwrap().is_reserved());
    }
}
