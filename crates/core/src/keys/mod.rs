//! What operations on keys share: how a key is checked, changed, described and used. No operation stands here.

pub mod alias_names;
pub mod checks;
pub mod ciphertexts;
pub mod data_keys;
pub mod domain_keys;
pub mod edits;
pub mod grant_entries;
pub mod grant_principals;
pub mod grant_tokens;
pub mod grants;
pub mod material;
pub mod metadata;
pub mod policies;
pub mod tags;
