//! Policy documents on their way in and out: checked, measured, percent-encoded.

use std::fmt::Write;

use claviger_policy::{IdentityPolicy, counted_chars};

use crate::error::Error;

/// Checks an identity policy. How much there may be of it is asked of [`characters`].
pub fn check(document: &str) -> Result<(), Error> {
    let parsed = IdentityPolicy::parse(document);
    parsed.map(drop).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
}

/// Characters as quotas count them: without white space. Source: IAM quotas.
pub fn characters(document: &str) -> usize {
    counted_chars(document)
}

/// A policy as IAM answers it: every byte but the unreserved ones as `%XX`. Source: RFC 3986, section 2.
pub fn percent_encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len() * 2);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // INVARIANT: writing to a String cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percent_encoding() {
        for (text, want) in [
            ("", ""),
            ("aZ09-._~", "aZ09-._~"),
            ("{\"a\": *}\n", "%7B%22a%22%3A%20%2A%7D%0A"),
            ("é+/%", "%C3%A9%2B%2F%25"),
        ] {
            assert_eq!(percent_encoded(text), want, "{text:?}");
        }
    }
}
