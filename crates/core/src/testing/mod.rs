//! Tests of the whole pipeline: the harness that operations' own tests use, what holds for every operation, what grants
//! permit.

mod every_operation;
mod grants;
mod races;
pub(crate) mod test_kms;
mod test_model;
