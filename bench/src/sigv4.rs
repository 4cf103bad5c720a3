//! Signature Version 4 of a `POST /` without query, as clients make it. It knows nothing of the server's own verifier.
//!
//! Source: "Create a signed AWS API request", AWS Identity and Access Management User Guide.

use aws_lc_rs::{digest, hmac};

use crate::targets::{Credential, SecretText};

/// The moment of a signature, as `x-amz-date` and as the scope's date.
#[derive(Clone)]
pub struct SigningTime {
    stamp: String,
}

impl SigningTime {
    /// The wall clock's time.
    pub fn now() -> Self {
        Self { stamp: jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string() }
    }

    fn date(&self) -> &str {
        self.stamp.get(..8).unwrap_or_default()
    }
}

/// A credential with the signing key of one day, Region and service, from which any number of requests is signed.
pub struct Signer<'a> {
    access_key_id: &'a str,
    session_token: Option<&'a str>,
    key: hmac::Key,
    time: SigningTime,
    scope: String,
}

/// The headers of a request that tell what it asks.
pub struct Call<'a> {
    /// `Host`, with the port.
    pub host: &'a str,
    /// `Content-Type`.
    pub content_type: &'a str,
    /// `X-Amz-Target`, which the Query protocol lacks.
    pub target: Option<&'a str>,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Signer<'a> {
    /// Derives the signing key.
    pub fn new(credential: &'a Credential, time: &SigningTime, region: &str, service: &str) -> Self {
        let key = signing_key(credential.secret_access_key.expose(), time.date(), region, service);
        let scope = format!("{}/{region}/{service}/aws4_request", time.date());
        let session_token = credential.session_token.as_ref().map(SecretText::expose);
        Self { access_key_id: &credential.access_key_id, session_token, key, time: time.clone(), scope }
    }

    /// The complete HTTP/1.1 message of a signed request.
    pub fn message(&self, call: &Call<'_>) -> Vec<u8> {
        let Call { host, content_type, target, body } = call;
        let (target_canonical, target_name, target_line) = match target {
            Some(target) => {
                (format!("x-amz-target:{target}\n"), ";x-amz-target", format!("X-Amz-Target: {target}\r\n"))
            }
            None => (String::new(), "", String::new()),
        };
        let (token_canonical, token_name, token_line) = match self.session_token {
            Some(token) => (
                format!("x-amz-security-token:{token}\n"),
                ";x-amz-security-token",
                format!("X-Amz-Security-Token: {token}\r\n"),
            ),
            None => (String::new(), "", String::new()),
        };
        let stamp = &self.time.stamp;
        let signed_headers = format!("content-type;host;x-amz-date{token_name}{target_name}");
        let body_digest = const_hex::encode(digest::digest(&digest::SHA256, body));
        let canonical = format!(
            "POST\n/\n\ncontent-type:{content_type}\nhost:{host}\nx-amz-date:{stamp}\n{token_canonical}\
             {target_canonical}\n{signed_headers}\n{body_digest}"
        );
        let signature =
            const_hex::encode(hmac::sign(&self.key, string_to_sign(stamp, &self.scope, &canonical).as_bytes()));
        let mut message = format!(
            "POST / HTTP/1.1\r\nHost: {host}\r\nContent-Type: {content_type}\r\nX-Amz-Date: {stamp}\r\n{token_line}\
             {target_line}Authorization: AWS4-HMAC-SHA256 Credential={}/{}, SignedHeaders={signed_headers}, \
             Signature={signature}\r\nContent-Length: {}\r\n\r\n",
            self.access_key_id,
            self.scope,
            body.len(),
        )
        .into_bytes();
        message.extend_from_slice(body);
        message
    }
}

/// The signing key of a day, Region and service.
pub fn signing_key(secret: &str, date: &str, region: &str, service: &str) -> hmac::Key {
    let first = hmac::Key::new(hmac::HMAC_SHA256, format!("AWS4{secret}").as_bytes());
    [date, region, service, "aws4_request"].iter().fold(first, |key, part| {
        let derived = hmac::sign(&key, part.as_bytes());
        hmac::Key::new(hmac::HMAC_SHA256, derived.as_ref())
    })
}

/// The text whose HMAC is the signature.
pub fn string_to_sign(stamp: &str, scope: &str, canonical_request: &str) -> String {
    let request_digest = const_hex::encode(digest::digest(&digest::SHA256, canonical_request.as_bytes()));
    format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{request_digest}")
}

/// The content type of AWS JSON 1.1.
pub const JSON: &str = "application/x-amz-json-1.1";
/// The content type of AWS Query.
pub const FORM: &str = "application/x-www-form-urlencoded; charset=utf-8";

#[cfg(test)]
mod tests {
    use super::*;

    /// The worked example of the user guide ("Create a signed AWS API request"): ListUsers on 2015-08-30.
    #[test]
    fn the_documented_example_has_its_documented_signature() {
        let key = signing_key("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "us-east-1", "iam");
        let canonical = "GET\n/\nAction=ListUsers&Version=2010-05-08\n\
                         content-type:application/x-www-form-urlencoded; charset=utf-8\n\
                         host:iam.amazonaws.com\nx-amz-date:20150830T123600Z\n\n\
                         content-type;host;x-amz-date\n\
                         e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
        let text = string_to_sign("20150830T123600Z", "20150830/us-east-1/iam/aws4_request", canonical);
        assert!(text.ends_with("f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59"), "{text}");
        let signature = const_hex::encode(hmac::sign(&key, text.as_bytes()));
        assert_eq!(signature, "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
    }

    #[test]
    fn every_sent_header_that_matters_is_signed() {
        for (token, target, want) in [
            (None, Some("TrentService.Encrypt"), "content-type;host;x-amz-date;x-amz-target,"),
            (None, None, "content-type;host;x-amz-date,"),
            (
                Some("t"),
                Some("TrentService.Encrypt"),
                "content-type;host;x-amz-date;x-amz-security-token;x-amz-target,",
            ),
            (Some("t"), None, "content-type;host;x-amz-date;x-amz-security-token,"),
        ] {
            let credential = Credential {
                access_key_id: "AKIA0000000000000001".to_owned(),
                secret_access_key: SecretText::new("secret".to_owned()),
                session_token: token.map(|token| SecretText::new(token.to_owned())),
            };
            let signer = Signer::new(&credential, &SigningTime::now(), "us-east-1", "kms");
            let message = signer.message(&Call { host: "localhost:1", content_type: JSON, target, body: b"{}" });
            let text = String::from_utf8(message).unwrap();
            assert!(text.contains(&format!("SignedHeaders={want}")), "token={token:?} target={target:?}: {text}");
            assert_eq!(text.contains("\r\nX-Amz-Security-Token: t\r\n"), token.is_some(), "{text}");
            assert!(text.ends_with("Content-Length: 2\r\n\r\n{}"), "target={target:?}: {text}");
        }
    }
}
