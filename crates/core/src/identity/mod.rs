//! Who calls, and what operations on accounts and users share.

pub mod caller;
pub mod new_account;
pub mod users;
