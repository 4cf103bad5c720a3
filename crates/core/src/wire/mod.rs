//! The wire's two languages, JSON 1.1 and Query, both driven by the service models: decoding a request into its
//! shape, checking its constraints, encoding replies.
//!
//! It must not know what any operation does, who calls, or the names of error codes. Nothing here is a rule of one
//! operation: lengths, patterns, enums and "required" are data in `models/`.

pub mod blob;
pub mod constraints;
pub mod json;
pub mod model;
pub mod pattern;
pub mod query;
pub mod recorded;
pub mod reply;
pub mod shape;
mod source;

pub use blob::{Base64, Blob};
pub use constraints::check;
pub use model::operation as operation_model;
pub use reply::{Encoded, encode};
pub use shape::Fields;

/// The body cannot be read as the operation's input: SerializationException in JSON, MalformedInput in Query.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", message.as_deref().unwrap_or("request body is malformed"))]
pub struct Serialization {
    /// What the caller is told. The service answers some malformed bodies without any text.
    pub message: Option<String>,
}

impl Serialization {
    /// Without a text.
    pub const SILENT: Self = Self { message: None };

    fn new(message: impl Into<String>) -> Self {
        Self { message: Some(message.into()) }
    }
}

/// Elements of one list or map that are read. More than any shape allows; it bounds the memory that a stranger's
/// body of 1 MiB can claim before it is authenticated.
const ELEMENTS_MAX: usize = 1_000;
