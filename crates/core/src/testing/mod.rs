//! Tests of the whole pipeline: the harness that operations' own tests use, and what holds for every operation.

mod every_operation;
mod races;
pub(crate) mod test_kms;
mod test_model;
