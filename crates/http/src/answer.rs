//! Answers as bytes: JSON 1.1, and the Query protocol's XML. Success, refusal, and the front door's odd ones.
//!
//! It knows how answers look, not why they are given. Sources: observed answers of AWS; API reference of STS.

use std::fmt::Write;

use bytes::{Bytes, BytesMut};
use claviger_core::wire::model;
use claviger_core::{Error, RequestId};
use claviger_types::ServiceName;
use http_body_util::Full;
use hyper::Response;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::http::StatusCode;
use zeroize::Zeroizing;

/// The media type of JSON 1.1, both ways.
pub(crate) const JSON: &str = "application/x-amz-json-1.1";

const XML: &str = "text/xml";

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");

/// An answer, whole.
pub(crate) type Answer = Response<Full<Bytes>>;

/// How a request is framed, and so its answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// AWS JSON 1.1.
    Json,
    /// The AWS Query protocol of a service: a form in, XML out.
    Query(ServiceName),
}

/// A refusal, framed by no protocol yet.
#[derive(Debug, PartialEq, Eq)]
pub struct Refusal {
    code: &'static str,
    status: u16,
    message: Option<String>,
    capital_message: bool,
}

impl Refusal {
    /// One without a text.
    pub(crate) fn new(code: &'static str, status: u16) -> Self {
        Self { code, status, message: None, capital_message: false }
    }

    /// The same with a text.
    pub(crate) fn with_message(self, message: String) -> Self {
        Self { message: Some(message), ..self }
    }

    /// What the service refuses, as the protocol calls it.
    pub(crate) fn of(error: &Error, protocol: Protocol) -> Self {
        let wire = error.wire();
        let (code, status) = match protocol {
            Protocol::Json => (wire.json_code, wire.json_status),
            Protocol::Query(_) => (wire.query_code, wire.query_status),
        };
        Self { code, status, message: wire.message, capital_message: wire.capital_message }
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }

    /// The answer.
    pub(crate) fn answer(&self, protocol: Protocol, request_id: &RequestId) -> Answer {
        let (media_type, body) = match protocol {
            Protocol::Json => (JSON, self.json()),
            Protocol::Query(service) => (XML, self.xml(service, request_id)),
        };
        answer(self.status, Some(media_type), request_id, Bytes::from(body))
    }

    /// Without a text there is no member for it either: clients print what is there.
    fn json(&self) -> String {
        let code = self.code;
        match &self.message {
            None => format!("{{\"__type\":\"{code}\"}}"),
            Some(message) => {
                let member = if self.capital_message { "Message" } else { "message" };
                let text = serde_json::Value::from(message.as_str());
                format!("{{\"__type\":\"{code}\",\"{member}\":{text}}}")
            }
        }
    }

    fn xml(&self, service: ServiceName, request_id: &RequestId) -> String {
        let side = if self.status < 500 { "Sender" } else { "Receiver" };
        let message = self.message.as_deref().map(escaped).map(|text| format!("<Message>{text}</Message>"));
        format!(
            "<ErrorResponse xmlns=\"{}\"><Error><Type>{side}</Type><Code>{}</Code>{}</Error>\
             <RequestId>{request_id}</RequestId></ErrorResponse>",
            namespace(service),
            self.code,
            message.unwrap_or_default(),
        )
    }
}

/// A reply of an operation: a JSON object, or the XML of its result. It may hold a plaintext, so it is wiped when it
/// was sent.
pub(crate) fn success<R>(protocol: Protocol, operation: &str, request_id: &RequestId, reply: R) -> Answer
where
    R: AsRef<[u8]> + Send + 'static,
{
    match protocol {
        Protocol::Json => answer(200, Some(JSON), request_id, Bytes::from_owner(reply)),
        Protocol::Query(service) => {
            let head = format!("<{operation}Response xmlns=\"{}\">", namespace(service));
            let metadata = format!("<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>");
            let tail = format!("</{operation}Response>");
            let parts = [head.as_bytes(), reply.as_ref(), metadata.as_bytes(), tail.as_bytes()];
            // Sized at once: a buffer that grows would leave copies behind.
            let mut document = Zeroizing::new(Vec::with_capacity(parts.iter().map(|part| part.len()).sum()));
            parts.iter().for_each(|part| document.extend_from_slice(part));
            answer(200, Some(XML), request_id, Bytes::from_owner(document))
        }
    }
}

/// An answer of the given bytes.
pub(crate) fn answer(status: u16, media_type: Option<&'static str>, request_id: &RequestId, body: Bytes) -> Answer {
    let mut answer = Response::new(Full::new(body));
    // INVARIANT: all statuses are literals between 200 and 599, so the fallback is never taken.
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = answer.headers_mut();
    if let Some(media_type) = media_type {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    }
    let mut text = BytesMut::with_capacity(36);
    if write!(text, "{request_id}").is_ok()
        && let Ok(value) = HeaderValue::from_maybe_shared(text.freeze())
    {
        headers.insert(REQUEST_ID, value);
    }
    answer
}

/// Answers to what no client of an AWS service sends, but scanners and health checkers do. Source: probing of a
/// sibling service with the same front end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stray {
    /// Signed, but for nothing that can be told.
    AccessDenied,
    /// `application/json`: a dialect of long ago.
    LegacyJson,
    /// Not signed at all.
    MissingToken,
    /// A known operation in an unknown media type.
    UnknownOperation,
}

impl Stray {
    /// What metrics call it.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::AccessDenied => "AccessDeniedException",
            Self::LegacyJson | Self::UnknownOperation => "UnknownOperationException",
            Self::MissingToken => "MissingAuthenticationTokenException",
        }
    }

    /// The answer.
    pub(crate) fn answer(self, request_id: &RequestId) -> Answer {
        let (status, media_type, body) = match self {
            Self::AccessDenied => (
                403,
                None,
                "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized\
                 </Message>\n</AccessDeniedException>\n",
            ),
            Self::LegacyJson => (
                404,
                Some("application/json"),
                "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},\"Version\":\"1.0\"}",
            ),
            Self::MissingToken => (
                403,
                None,
                "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n\
                 </MissingAuthenticationTokenException>\n",
            ),
            Self::UnknownOperation => (404, None, "<UnknownOperationException/>\n"),
        };
        answer(status, media_type, request_id, Bytes::from_static(body.as_bytes()))
    }
}

/// The XML namespace of a service. Those that the protocol is for have one.
fn namespace(service: ServiceName) -> &'static str {
    model::service(service).xml_namespace.as_deref().unwrap_or_default()
}

/// A text as the content of an element. What XML 1.0 cannot carry at all becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\r' => out.push_str("&#13;"),
            '\t' | '\n' => out.push(character),
            character if character.is_control() || matches!(character, '\u{FFFE}' | '\u{FFFF}') => out.push('\u{FFFD}'),
            character => out.push(character),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn id() -> RequestId {
        RequestId::from_bytes([7; 16])
    }

    fn text(answer: Answer) -> (u16, Vec<(String, String)>, String) {
        let status = answer.status().as_u16();
        let header =
            |(name, value): (&HeaderName, &HeaderValue)| (name.to_string(), value.to_str().unwrap().to_owned());
        let headers = answer.headers().iter().map(header).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let body = runtime.block_on(answer.into_body().collect()).unwrap().to_bytes();
        (status, headers, String::from_utf8(body.to_vec()).unwrap())
    }

    #[test]
    fn refusals_in_json() {
        for (refusal, want) in [
            (Refusal::new("InvalidCiphertextException", 400), r#"{"__type":"InvalidCiphertextException"}"#),
            (
                Refusal::new("NotFoundException", 400).with_message("Key 'a\"\n\u{1}é' does not exist".into()),
                "{\"__type\":\"NotFoundException\",\"message\":\"Key 'a\\\"\\n\\u0001é' does not exist\"}",
            ),
            (
                Refusal { capital_message: true, ..Refusal::new("X", 400).with_message("m".into()) },
                r#"{"__type":"X","Message":"m"}"#,
            ),
        ] {
            let (status, headers, body) = text(refusal.answer(Protocol::Json, &id()));
            assert_eq!((status, body.as_str()), (400, want), "{refusal:?}");
            let want_headers = [("content-type", JSON), ("x-amzn-requestid", &id().to_string())];
            assert_eq!(headers, want_headers.map(|(name, value)| (name.to_owned(), value.to_owned())), "{refusal:?}");
        }
    }

    #[test]
    fn refusals_in_xml() {
        let refusal = Refusal::new("AccessDenied", 403).with_message("a & b <c>\u{0}".into());
        let (status, headers, body) = text(refusal.answer(Protocol::Query(ServiceName::Sts), &id()));
        assert_eq!(status, 403);
        assert_eq!(headers.first(), Some(&("content-type".to_owned(), "text/xml".to_owned())));
        assert_eq!(
            body,
            format!(
                "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
                 <Code>AccessDenied</Code><Message>a &amp; b &lt;c&gt;\u{FFFD}</Message></Error>\
                 <RequestId>{}</RequestId></ErrorResponse>",
                id()
            )
        );
        let (_, _, body) = text(Refusal::new("ServiceFailure", 500).answer(Protocol::Query(ServiceName::Iam), &id()));
        assert!(body.contains("iam.amazonaws.com") && body.contains("<Type>Receiver</Type>"), "{body}");
        assert!(!body.contains("Message>"), "{body}");
    }

    #[test]
    fn successes() {
        let (status, headers, body) = text(success(Protocol::Json, "Encrypt", &id(), b"{}".to_vec()));
        assert_eq!((status, body.as_str()), (200, "{}"));
        assert_eq!(headers.first(), Some(&("content-type".to_owned(), JSON.to_owned())));
        let result = b"<GetUserResult>x</GetUserResult>".to_vec();
        let (status, _, body) = text(success(Protocol::Query(ServiceName::Iam), "GetUser", &id(), result));
        assert_eq!(status, 200);
        assert_eq!(
            body,
            format!(
                "<GetUserResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><GetUserResult>x</GetUserResult>\
                 <ResponseMetadata><RequestId>{}</RequestId></ResponseMetadata></GetUserResponse>",
                id()
            )
        );
    }
}
