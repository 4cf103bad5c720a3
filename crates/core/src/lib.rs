//! The service's core: the one pipeline and the operation tables, the state in memory, decisions, jobs.
//!
//! It knows nothing of sockets, TLS or signatures: `http` hands it authenticated requests. Key bytes stay in `keyring`,
//! stored bytes in `storage`, the policy language in `policy`; here they meet.

mod audit;
pub mod bootstrap;
mod denial;
pub mod doctor;
mod error;
mod explain;
mod fair_turns;
mod identity;
mod jobs;
mod keys;
mod metrics;
mod operations;
mod organization;
pub mod paths;
mod pipeline;
pub mod records;
mod service;
mod settings;
mod table;
mod target;
#[cfg(test)]
mod testing;
mod usage;
mod view;
mod views;
pub mod wire;

pub use audit::{EventId, EventQueue, VERIFIER_KEY_FILE, cloudtrail, history};
pub use error::{Error, Wire};
pub use identity::caller::{Caller, Principal, Signatory};
pub use identity::new_account::random_account_id;
pub use identity::session::{Session, SessionPrincipal, SessionTag};
pub use jobs::{Folders, Jobs, JobsError};
pub use metrics::Metrics;
pub use pipeline::Execution;
pub use pipeline::call::{Call, RequestId, TlsConnection};
pub use pipeline::event::Stranger;
pub use service::{Service, Started};
pub use settings::{AuditSettings, ServedRegions, Settings, UsageSettings};
pub use table::{Row, route_json, route_query, rows};
pub use usage::cloudtrail_file;
pub use view::{Credential, DamagedState, View};
pub use views::{StartError, ViewReader};
