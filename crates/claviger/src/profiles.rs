//! The files in which AWS clients keep profiles: `~/.aws/credentials` and `~/.aws/config`.
//!
//! It reads them as the AWS CLI does: whole-line comments only, since a secret may hold any of the signs that start a
//! comment elsewhere; an indented line belongs to the setting above it. Source: AWS SDKs and Tools reference guide,
//! "Shared config and credentials files".

use std::collections::BTreeMap;

use zeroize::Zeroizing;

/// The profile that is used if nobody names one.
pub(crate) const DEFAULT_PROFILE: &str = "default";

/// The sections of a file. Values may be secrets, so it cannot be printed.
#[derive(Default)]
pub(crate) struct Profiles(BTreeMap<String, BTreeMap<String, Zeroizing<String>>>);

impl Profiles {
    /// Reads a file's text. Lines that mean nothing are passed over, as the AWS clients do.
    pub(crate) fn parse(text: &str) -> Self {
        let mut profiles = Self::default();
        let (mut section, mut above) = (String::new(), String::new());
        for line in text.lines() {
            let content = line.trim();
            if content.is_empty() || content.starts_with(['#', ';']) {
                continue;
            }
            if let Some(name) = content.strip_prefix('[').and_then(|rest| rest.split(']').next()) {
                section = name.split_whitespace().collect::<Vec<_>>().join(" ");
                above.clear();
                continue;
            }
            let Some((name, value)) = content.split_once('=') else { continue };
            let name = name.trim().to_ascii_lowercase();
            let name = if line.starts_with([' ', '\t']) && !above.is_empty() {
                format!("{above}.{name}")
            } else {
                above.clone_from(&name);
                name
            };
            profiles.0.entry(section.clone()).or_default().insert(name, Zeroizing::new(value.trim().to_owned()));
        }
        profiles
    }

    /// A value that is there and not empty. A setting below another one is called `outer.inner`.
    pub(crate) fn value(&self, section: &str, name: &str) -> Option<&str> {
        let value = self.0.get(section)?.get(name)?;
        (!value.is_empty()).then_some(value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# a comment
; another
[default]
aws_access_key_id=AKIAIOSFODNN7EXAMPLE
aws_secret_access_key = a/b+c=#;d
empty =
no value

[profile   second ] # remark
REGION = eu-central-1
s3 =
  endpoint_url = http://s3
  region = none
output = json

[services local]
claviger =
\tendpoint_url = http://127.0.0.1:4566
";

    #[test]
    fn values() {
        let profiles = Profiles::parse(TEXT);
        for (section, name, value) in [
            ("default", "aws_access_key_id", Some("AKIAIOSFODNN7EXAMPLE")),
            ("default", "aws_secret_access_key", Some("a/b+c=#;d")),
            ("default", "empty", None),
            ("default", "no value", None),
            ("default", "region", None),
            ("profile second", "region", Some("eu-central-1")),
            ("profile second", "s3.endpoint_url", Some("http://s3")),
            ("profile second", "endpoint_url", None),
            ("profile second", "output", Some("json")),
            ("services local", "claviger.endpoint_url", Some("http://127.0.0.1:4566")),
            ("second", "region", None),
        ] {
            assert_eq!(profiles.value(section, name), value, "[{section}] {name}");
        }
    }

    #[test]
    fn windows_line_ends() {
        let profiles = Profiles::parse("[default]\r\nregion = us-east-1\r\n");
        assert_eq!(profiles.value("default", "region"), Some("us-east-1"));
    }
}
