//! Replies and refusals as bytes: JSON 1.1 and the Query protocol's XML.

use claviger_types::ServiceName;

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
}

impl Refusal {
    /// One without a text.
    pub fn new(code: &'static str, status: u16) -> Self {
        Self { code, status, message: None }
    }

    /// The same with a text.
    pub fn with_message(self, message: String) -> Self {
        Self { message: Some(message), ..self }
    }

    /// The code.
    pub fn code(&self) -> &'static str {
        self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> u16 {
        self.status
    }
}
