//! What the fuzz targets share: how long each runs, how its inputs are made, and what is told of it.
//!
//! The targets stand in `tests/targets/`, one file for each surface that takes a stranger's bytes. This crate knows no
//! target; `README.md` says which engine runs where.

mod choices;
mod edited;
mod requests;
mod run;

pub use bolero::{BorrowedInput, ByteSliceGenerator, DefaultEngine, Driver, TestTarget, ValueGenerator, check};
pub use choices::Choices;
pub use edited::{Bytes, Edited, Text};
pub use requests::{Request, RequestsOf, Words};
pub use run::Campaign;
