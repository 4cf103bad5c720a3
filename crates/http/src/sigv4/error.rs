//! Why a request is not authenticated, in the words of AWS, and what each protocol calls it.
//!
//! Source: answers observed at AWS; those of the Query protocol are STS's, which differ in name and status.

use std::fmt;

use claviger_types::ServiceName;

use crate::answer::{Protocol, Refusal};

/// Why a request is not authenticated. Its text is the wire's.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthError {
    /// The credential is not five parts.
    #[error("Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '{0}'")]
    BadCredential(String),
    /// The date header is no date.
    #[error("Date must be in ISO-8601 'basic format'. Got '{0}'. See http://en.wikipedia.org/wiki/ISO_8601")]
    BadDate(String),
    /// The scope is not of this place: all that is wrong with it, each a sentence.
    #[error("{0}")]
    BadScope(String),
    /// `x-amz-content-sha256` is not the hash of the body.
    #[error("The provided 'x-amz-content-sha256' header does not match what was computed.")]
    BodyHash,
    /// Signed in the header and in the query string.
    #[error("Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")]
    BothForms,
    /// Signed too long ago.
    #[error("Signature expired: {signed} is now earlier than {limit} ({now} - 5 min.)")]
    Expired {
        /// The time of the signature.
        signed: String,
        /// The oldest time that is accepted.
        limit: String,
        /// The server's time.
        now: String,
    },
    /// The header lacks parameters.
    #[error("{0}")]
    Incomplete(Box<MissingParameters>),
    /// The request was signed with another key, or changed after it was signed.
    #[error(
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access \
         Key and signing method. Consult the service documentation for details."
    )]
    Mismatch,
    /// Not signed at all.
    #[error("Missing Authentication Token")]
    MissingToken,
    /// Signed in the future.
    #[error("Signature not yet current: {signed} is still later than {limit} ({now} + 5 min.)")]
    NotYetCurrent {
        /// The time of the signature.
        signed: String,
        /// The latest time that is accepted.
        limit: String,
        /// The server's time.
        now: String,
    },
    /// A part of the header is no parameter.
    #[error("'{token}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'.")]
    NotKeyValue {
        /// The part.
        token: String,
        /// The whole header.
        header: String,
    },
    /// The query-string form lacks parameters.
    #[error("{}Re-examine the query-string parameters.", QueryParameter::sentences(.0))]
    QueryIncomplete(Vec<QueryParameter>),
    /// The query-string form, complete. It is not offered.
    #[error("Query-string authentication is not supported. Sign the request in the 'Authorization' header.")]
    QueryUnsupported,
    /// The signing key could not be made: the server's fault. The text is the operator's.
    #[error("The request processing has failed because of an unknown error, exception or failure.")]
    Unavailable(String),
    /// No such access key, or a session token that was not given out with it.
    #[error("The security token included in the request is invalid.")]
    UnknownToken,
    /// A header that the service acts on is not covered by the signature.
    #[error("{0} must be a 'SignedHeader' in the AWS Authorization.")]
    Unsigned(&'static str),
    /// Not AWS4-HMAC-SHA256.
    #[error("Unsupported AWS 'algorithm': '{0}' (only AWS4-HMAC-SHA256 for now). ")]
    UnsupportedAlgorithm(String),
}

impl AuthError {
    /// How the protocol calls it. Exhaustive on purpose: a new variant must choose its name and status.
    pub fn refusal(&self, protocol: Protocol) -> Refusal {
        let (json, query) = match self {
            Self::BadCredential(_)
            | Self::BadDate(_)
            | Self::Incomplete(_)
            | Self::NotKeyValue { .. }
            | Self::QueryIncomplete(_)
            | Self::QueryUnsupported
            | Self::UnsupportedAlgorithm(_) => ("IncompleteSignatureException", "IncompleteSignature"),
            Self::BadScope(_)
            | Self::BodyHash
            | Self::BothForms
            | Self::Expired { .. }
            | Self::Mismatch
            | Self::NotYetCurrent { .. }
            | Self::Unsigned(_) => ("InvalidSignatureException", "SignatureDoesNotMatch"),
            Self::MissingToken => ("MissingAuthenticationTokenException", "MissingAuthenticationToken"),
            Self::Unavailable(_) => ("InternalFailure", "InternalFailure"),
            Self::UnknownToken => ("UnrecognizedClientException", "InvalidClientTokenId"),
        };
        let server_fault = matches!(self, Self::Unavailable(_));
        match protocol {
            Protocol::Json => Refusal::new(json, if server_fault { 500 } else { 400 }).with_message(self.to_string()),
            Protocol::Query(_) => {
                let text = match self {
                    Self::MissingToken => "Request is missing Authentication Token".to_owned(),
                    other => other.to_string(),
                };
                Refusal::new(query, if server_fault { 500 } else { 403 }).with_message(text)
            }
        }
    }

    /// The scope names another Region than one that is served here.
    pub(super) const REGION: &'static str = "Credential should be scoped to a valid region. ";

    /// The sentence for a scope of another service than the one that the request is for.
    pub(super) fn service_sentence(service: ServiceName) -> String {
        format!("Credential should be scoped to correct service: '{service}'. ")
    }

    /// The sentence for a scope that does not end as every scope does.
    pub(super) fn terminator_sentence(terminator: &str) -> String {
        format!("Credential should be scoped with a valid terminator: 'aws4_request', not '{terminator}'. ")
    }

    /// The sentence for a scope of another day than the date header's.
    pub(super) fn day_sentence(scope: &str, day: &str, date: &str) -> String {
        format!(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: \
             '{scope}' != '{day}', from '{date}'. "
        )
    }
}

/// What an `Authorization` header lacks, and the header.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct MissingParameters {
    pub(super) credential: bool,
    pub(super) signature: bool,
    pub(super) signed_headers: bool,
    pub(super) date: bool,
    pub(super) header: String,
}

impl fmt::Display for MissingParameters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parameters =
            [("Credential", self.credential), ("Signature", self.signature), ("SignedHeaders", self.signed_headers)];
        for (name, _) in parameters.into_iter().filter(|(_, missing)| *missing) {
            write!(f, "Authorization header requires '{name}' parameter. ")?;
        }
        if self.date {
            f.write_str("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. ")?;
        }
        write!(f, "Authorization={}", self.header)
    }
}

/// A parameter of the query-string form, in the order in which AWS names those that are missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum QueryParameter {
    /// `X-Amz-Algorithm`.
    Algorithm,
    /// `X-Amz-Credential`.
    Credential,
    /// `X-Amz-Signature`.
    Signature,
    /// `X-Amz-SignedHeaders`.
    SignedHeaders,
    /// `X-Amz-Date`.
    Date,
}

impl QueryParameter {
    /// All of them, in AWS's order.
    pub(super) const ALL: [Self; 5] =
        [Self::Algorithm, Self::Credential, Self::Signature, Self::SignedHeaders, Self::Date];

    /// Its name in the query string.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Algorithm => "X-Amz-Algorithm",
            Self::Credential => "X-Amz-Credential",
            Self::Signature => "X-Amz-Signature",
            Self::SignedHeaders => "X-Amz-SignedHeaders",
            Self::Date => "X-Amz-Date",
        }
    }

    fn sentences(missing: &[Self]) -> String {
        let sentence = |it: &Self| format!("AWS query-string parameters must include '{}'. ", it.name());
        missing.iter().map(sentence).collect()
    }
}
