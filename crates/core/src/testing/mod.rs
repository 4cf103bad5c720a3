//! Tests of the whole pipeline: the harness that operations' own tests use, and what holds for every operation.

mod every_operation;
mod races;
pub(crate) mod test_kms;
pub(crate) mod test_mfa;
mod test_model;
pub(crate) mod test_sessions;
