//! The client's side: puts a signature on a request. The command line uses it, and the tests of the verifier.

use claviger_keyring::SecretAccessKey;
use claviger_types::Timestamp;
use hyper::header::{AUTHORIZATION, HOST, HeaderName, HeaderValue};
use hyper::http::request::Parts;

use super::canonical::{self, NotCanonical};
use super::{ALGORITHM, Message, TERMINATOR};

/// Whose signature, and what for.
pub struct Signer<'a> {
    /// The access key.
    pub access_key_id: &'a str,
    /// Its secret.
    pub secret: &'a SecretAccessKey,
    /// The Region that the request is meant for.
    pub region: &'a str,
    /// The service that the request is meant for.
    pub service: &'a str,
}

/// The request has no host, a value is none that a header can carry, or the cryptographic module failed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request cannot be signed: it has no host, or a value that no header can carry")]
pub struct Unsignable;

impl Signer<'_> {
    /// Signs `parts` and `body` at the time `now`: adds `host` (if it is missing), `x-amz-date` and `authorization`,
    /// and covers every header that is there. So add headers first, and change nothing afterwards.
    pub fn sign(&self, parts: &mut Parts, body: &[u8], now: Timestamp) -> Result<(), Unsignable> {
        let date = now.to_amz_date();
        let day = date.get(..8).unwrap_or_default();
        parts.headers.remove(AUTHORIZATION);
        parts.headers.insert("x-amz-date", header_value(&date)?);
        if !parts.headers.contains_key(HOST) {
            let host = header_value(parts.uri.authority().ok_or(Unsignable)?.as_str())?;
            parts.headers.insert(HOST, host);
        }
        let mut names: Vec<&str> = parts.headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        let signed_headers = names.join(";");
        let scope = [day, self.region, self.service, TERMINATOR].join("/");
        let mut buffer = Vec::with_capacity(1024);
        let body_hash = canonical::hex_hash(body);
        canonical::request(&mut buffer, &Message::new(parts, body), &signed_headers, &body_hash)?;
        canonical::string_to_sign(&mut buffer, &date, &scope);
        let key = self.secret.signing_key(day, self.region, self.service).map_err(|_| Unsignable)?;
        let signature = const_hex::encode(key.sign(&buffer).map_err(|_| Unsignable)?);
        let access_key_id = self.access_key_id;
        let mut authorization = header_value(&format!(
            "{ALGORITHM} Credential={access_key_id}/{scope}, SignedHeaders={signed_headers}, Signature={signature}"
        ))?;
        authorization.set_sensitive(true);
        parts.headers.insert(AUTHORIZATION, authorization);
        Ok(())
    }
}

impl From<NotCanonical> for Unsignable {
    fn from(_: NotCanonical) -> Self {
        Self
    }
}

fn header_value(text: &str) -> Result<HeaderValue, Unsignable> {
    HeaderValue::from_str(text).map_err(|_| Unsignable)
}
