//! The language through its public face: what is decided, by which statement, and what an explanation tells.

mod across_accounts;
mod conditions;
mod explanations;
mod grants;
mod limits;
mod same_account;
mod world;
