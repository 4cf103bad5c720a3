//! What is stored for the audit log, beside its own files.

use minicbor::{Decode, Encode};

/// One version of the audit key, wrapped by a cluster key.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuditKeyRecord {
    /// Which cluster key wraps it.
    #[n(0)]
    pub cluster_key_version: u32,
    /// Wrapped key.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub wrapped: Vec<u8>,
    /// Milliseconds since the epoch, by the wall clock.
    #[n(2)]
    pub created_at: i64,
}

/// How far the log is settled: of its entries below this one, none waits in an outbox. A start looks for those that do
/// from here on.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AuditPositionRecord {
    /// The place of an entry, or the log's size.
    #[n(0)]
    pub settled: u64,
}
