//! AWS Signature Version 4, header form: who sent this request, and is it the request that they sent?
//!
//! It must not know what an operation is, nor keep a verdict: only signing *keys* are cached, and each request is
//! hashed and compared anew. Nothing of the request is rewritten before it is hashed: header bytes are the wire's.
//! Source: IAM User Guide, "AWS Signature Version 4 for API requests"; texts of errors as observed at AWS.

mod authorization;
mod canonical;
mod date;
mod error;
pub(crate) mod names;
mod sign;
#[cfg(test)]
mod tests;
mod verify;

use hyper::HeaderMap;
use hyper::http::request::Parts;

pub use error::{AuthError, MissingParameters, QueryParameter};
pub use sign::{Signer, Unsignable};
pub use verify::{Directory, KeyUnavailable, Verified, Verifier};

/// The only algorithm.
const ALGORITHM: &str = "AWS4-HMAC-SHA256";

/// The last part of every credential scope.
const TERMINATOR: &str = "aws4_request";

/// What of a request a signature covers.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    /// The method.
    pub method: &'a str,
    /// The path as sent, percent-encoding included.
    pub path: &'a str,
    /// The query string as sent; empty if there is none.
    pub query: &'a str,
    /// The host of the request line or of `:authority`, which stands for a missing `Host` header in HTTP/2.
    pub authority: Option<&'a str>,
    /// The headers.
    pub headers: &'a HeaderMap,
    /// The body.
    pub body: &'a [u8],
}

impl<'a> Message<'a> {
    /// A request as hyper hands it over, with its whole body.
    pub fn new(parts: &'a Parts, body: &'a [u8]) -> Self {
        Self {
            method: parts.method.as_str(),
            path: parts.uri.path(),
            query: parts.uri.query().unwrap_or_default(),
            authority: parts.uri.authority().map(|authority| authority.as_str()),
            headers: &parts.headers,
            body,
        }
    }
}

/// The access key that the signature names, before anything of it is checked.
pub(crate) fn named_access_key(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(hyper::header::AUTHORIZATION)?.to_str().ok()?;
    authorization::credential(header)?.split('/').next()
}

/// The service that the signature's scope names, before anything of it is checked: what routes a form body.
pub fn scope_service(headers: &HeaderMap) -> Option<&str> {
    let header = headers.get(hyper::header::AUTHORIZATION)?.to_str().ok()?;
    authorization::credential(header)?.split('/').rev().nth(1)
}
