//! What operations on accounts and users share.

pub mod new_account;
pub mod users;
