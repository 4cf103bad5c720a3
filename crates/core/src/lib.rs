//! The service's core: the one pipeline and the operation tables, the state in memory, decisions, jobs.
//!
//! It knows nothing of sockets, TLS or signatures: `http` hands it authenticated requests. Key bytes stay in `keyring`,
//! stored bytes in `storage`, the policy language in `policy`; here they meet.

mod alias_names;
mod audit;
pub mod bootstrap;
mod call;
mod ciphertexts;
mod data_keys;
mod denial;
pub mod doctor;
mod domain_keys;
mod error;
mod event;
#[cfg(test)]
mod every_operation;
mod jobs;
mod key_checks;
mod key_edits;
mod key_metadata;
mod key_policies;
mod material;
mod members;
mod metrics;
mod new_account;
mod operation;
mod operations;
mod outcome;
mod page;
pub mod paths;
mod pipeline;
#[cfg(test)]
mod races;
pub mod records;
mod service;
mod settings;
mod table;
mod tags;
mod target;
#[cfg(test)]
mod test_kms;
#[cfg(test)]
mod test_model;
mod users;
mod view;
mod views;
pub mod wire;

pub use call::{Call, RequestId};
pub use error::{Error, Wire};
pub use jobs::{Jobs, JobsError};
pub use metrics::Metrics;
pub use pipeline::Execution;
pub use service::{Service, Started};
pub use settings::{ServedRegions, Settings};
pub use table::{Row, route_json, route_query};
pub use view::{Credential, DamagedState, View};
pub use views::{StartError, ViewReader};
