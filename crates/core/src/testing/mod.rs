//! Tests of the whole pipeline: the harness that operations' own tests use, what holds for every operation, what grants
//! permit.

mod authorization_matrix;
mod conditions;
mod documented_records;
pub(crate) mod every_operation;
mod explanations;
mod grants;
mod hostile;
mod identity_races;
mod lookups;
pub(crate) mod organization;
mod races;
pub(crate) mod renderings;
mod roles;
pub(crate) mod test_events;
pub(crate) mod test_files;
pub(crate) mod test_kms;
pub(crate) mod test_log;
pub(crate) mod test_mfa;
mod test_model;
pub(crate) mod test_sessions;
