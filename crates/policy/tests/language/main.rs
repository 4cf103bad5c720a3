//! The language through its public face: what is decided, by which statement, and what an explanation tells.
#![expect(
    clippy::panic,
    clippy::type_complexity,
    clippy::unwrap_used,
    reason = "tables of cases, and tests that panic"
)]

mod across_accounts;
mod conditions;
mod explanations;
mod grants;
mod limits;
mod same_account;
mod world;
