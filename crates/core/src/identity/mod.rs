//! Who calls, and what operations on accounts and users share.

pub mod caller;
pub mod credentials;
pub mod mfa;
pub mod mfa_attempts;
pub mod new_account;
pub mod qr_png;
pub mod session;
pub mod session_keys;
pub mod users;
