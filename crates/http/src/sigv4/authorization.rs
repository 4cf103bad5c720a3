//! The `Authorization` header: `AWS4-HMAC-SHA256 Credential=…, SignedHeaders=…, Signature=…`.

use super::{ALGORITHM, AuthError, MissingParameters};

/// The parts of the header, none of them checked beyond its form.
pub(super) struct Authorization<'a> {
    pub(super) access_key_id: &'a str,
    pub(super) scope: Scope<'a>,
    pub(super) signed_headers: &'a str,
    pub(super) signature: &'a str,
}

/// What a signature is for: `20260131/us-east-1/kms/aws4_request`.
pub(super) struct Scope<'a> {
    pub(super) text: &'a str,
    pub(super) day: &'a str,
    pub(super) region: &'a str,
    pub(super) service: &'a str,
    pub(super) terminator: &'a str,
}

/// Splits `header`. `dated` says whether the request carries a date header, since AWS lists all that is missing at
/// once.
pub(super) fn parse(header: &str, dated: bool) -> Result<Authorization<'_>, AuthError> {
    let mut tokens = tokens(header);
    let algorithm = tokens.next().unwrap_or_default();
    let (mut credential, mut signature, mut signed_headers) = ("", "", "");
    for token in tokens {
        match token.split_once('=') {
            Some(("Credential", value)) => credential = value,
            Some(("Signature", value)) => signature = value,
            Some(("SignedHeaders", value)) => signed_headers = value,
            Some(_) => {}
            None => return Err(AuthError::NotKeyValue { token: token.to_owned(), header: header.to_owned() }),
        }
    }
    if credential.is_empty() || signature.is_empty() || signed_headers.is_empty() || !dated {
        return Err(AuthError::Incomplete(Box::new(MissingParameters {
            credential: credential.is_empty(),
            signature: signature.is_empty(),
            signed_headers: signed_headers.is_empty(),
            date: !dated,
            header: header.to_owned(),
        })));
    }
    if algorithm != ALGORITHM {
        return Err(AuthError::UnsupportedAlgorithm(algorithm.to_owned()));
    }
    let (access_key_id, scope) = split(credential).ok_or_else(|| AuthError::BadCredential(credential.to_owned()))?;
    Ok(Authorization { access_key_id, scope, signed_headers, signature })
}

/// The credential alone, if the header has one.
pub(super) fn credential(header: &str) -> Option<&str> {
    tokens(header).find_map(|token| token.strip_prefix("Credential="))
}

fn split(credential: &str) -> Option<(&str, Scope<'_>)> {
    let (access_key_id, text) = credential.split_once('/')?;
    let mut parts = text.split('/');
    let (day, region, service, terminator) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let scope = Scope { text, day, region, service, terminator };
    parts.next().is_none().then_some((access_key_id, scope))
}

/// What stands between commas and spaces. Found by bytes: both signs are ASCII, so no character is ever cut.
fn tokens(header: &str) -> impl Iterator<Item = &str> {
    let ends = memchr::memchr2_iter(b',', b' ', header.as_bytes()).chain([header.len()]);
    let mut start = 0;
    let token = move |end| {
        let token = header.get(start..end).unwrap_or_default();
        start = end + 1;
        token
    };
    ends.map(token).filter(|token| !token.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: &str = "AWS4-HMAC-SHA256 Credential=AKIA/20260131/us-east-1/kms/aws4_request, \
                         SignedHeaders=host;x-amz-date, Signature=abcd";

    #[test]
    fn separators() {
        let comma_only = WHOLE.replace(", ", ",");
        let space_only = WHOLE.replace(", ", "  ");
        let unknown_parameter = format!("{WHOLE}, Other=1");
        for header in [WHOLE, &comma_only, &space_only, &unknown_parameter] {
            let parsed = parse(header, true).unwrap_or_else(|error| panic!("{header}: {error}"));
            assert_eq!(parsed.access_key_id, "AKIA", "{header}");
            assert_eq!(parsed.scope.text, "20260131/us-east-1/kms/aws4_request", "{header}");
            assert_eq!(
                [parsed.scope.day, parsed.scope.region, parsed.scope.service, parsed.scope.terminator],
                ["20260131", "us-east-1", "kms", "aws4_request"],
                "{header}"
            );
            assert_eq!((parsed.signed_headers, parsed.signature), ("host;x-amz-date", "abcd"), "{header}");
            assert_eq!(credential(header), Some("AKIA/20260131/us-east-1/kms/aws4_request"), "{header}");
        }
    }

    #[test]
    fn refused() {
        let cred = "Authorization header requires 'Credential' parameter. ";
        let sign = "Authorization header requires 'Signature' parameter. ";
        let head = "Authorization header requires 'SignedHeaders' parameter. ";
        let date = "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ";
        for (header, dated, want) in [
            ("", true, format!("{cred}{sign}{head}Authorization=")),
            ("garbage", false, format!("{cred}{sign}{head}{date}Authorization=garbage")),
            ("AWS4-HMAC-SHA256 Signature=a", true, format!("{cred}{head}Authorization=AWS4-HMAC-SHA256 Signature=a")),
            (WHOLE, false, format!("{date}Authorization={WHOLE}")),
            (
                "Bearer abc",
                true,
                "'abc' not a valid key=value pair (missing equal-sign) in Authorization header: 'Bearer abc'.".into(),
            ),
            (
                &WHOLE.replace("SHA256", "SHA1"),
                true,
                "Unsupported AWS 'algorithm': 'AWS4-HMAC-SHA1' (only AWS4-HMAC-SHA256 for now). ".into(),
            ),
            (
                &WHOLE.replace("/kms", ""),
                true,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                 got 'AKIA/20260131/us-east-1/aws4_request'"
                    .into(),
            ),
            (
                &WHOLE.replace("AKIA", "A/B"),
                true,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, \
                 got 'A/B/20260131/us-east-1/kms/aws4_request'"
                    .into(),
            ),
        ] {
            let error = parse(header, dated).err().unwrap_or_else(|| panic!("accepted {header}"));
            assert_eq!(error.to_string(), want, "{header}");
        }
    }
}
