//! Who calls, and what operations on accounts, users, groups, roles and policies share.

pub mod account_aliases;
pub mod attachments;
pub mod caller;
pub mod credentials;
pub mod details;
pub mod documents;
pub mod entities;
pub mod groups;
pub mod holders;
pub mod inline;
pub mod listing;
pub mod mfa;
pub mod mfa_attempts;
pub mod new_account;
pub mod policies;
pub mod principal_ids;
pub mod principals_shown;
pub mod qr_png;
pub mod roles;
pub mod session;
pub mod session_keys;
pub mod session_requests;
pub mod tags;
pub mod trust;
pub mod users;
