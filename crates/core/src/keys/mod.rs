//! What operations on keys share: how a key is checked, changed, described and used. No operation stands here.

pub mod alias_names;
pub mod checks;
pub mod ciphertexts;
pub mod data_keys;
pub mod domain_keys;
pub mod edits;
pub mod material;
pub mod metadata;
pub mod policies;
pub mod tags;
