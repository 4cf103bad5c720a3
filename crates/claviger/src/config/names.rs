//! A list of names in the configuration. In an environment variable commas stand between them.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// Names, in the order in which they are given.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Names(pub(crate) Vec<String>);

impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        toml::Value::from(self.0.clone()).fmt(f)
    }
}

impl FromStr for Names {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        let names = text.split(',').map(str::trim).filter(|name| !name.is_empty());
        Ok(Self(names.map(str::to_owned).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_a_variable() {
        for (text, shown) in [
            ("tenant", r#"["tenant"]"#),
            (" aws:s3:arn ,SecretARN", r#"["aws:s3:arn", "SecretARN"]"#),
            (",", "[]"),
            (r#"a"b"#, r#"['a"b']"#),
        ] {
            assert_eq!(text.parse::<Names>().unwrap().to_string(), shown, "{text}");
        }
    }
}
