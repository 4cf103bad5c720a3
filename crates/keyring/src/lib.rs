//! The only place with key bytes: roots of trust, the keys that wrap keys, backing keys, messages, MACs, secret
//! access keys, MFA seeds and sealed tokens.
//!
//! ```text
//! root of trust        a file (later an HSM, a TPM, a passphrase, another key management service)
//!  └ cluster key       versioned; unwrapped once, at start
//!     ├ token keys     derived, one per purpose
//!     ├ session key    versioned; seals session tokens and derives the secret access keys of sessions
//!     ├ audit key      versioned; signs the audit log
//!     └ domain key     versioned; one per account and Region, and one per account for what has no Region
//!        ├ secret access keys, seeds of MFA devices
//!        └ backing key the material of a KMS key
//!           └ message key  derived for one message, used once, never stored
//! ```
//!
//! Each layer wraps the one below it and binds it to the place where it belongs, so that no record can be put in the
//! place of another. Rotating a layer wraps the one below again and touches no ciphertext. Bytes leave this crate
//! wrapped, sealed, or as a [`Plaintext`] that a reply needs; everything else stays behind types which cannot be
//! printed, copied or compared. `docs/message-format.md` gives every layout byte by byte.
//!
//! Nothing here knows of storage, policies, key states or the network. All primitives come from AWS-LC.

mod audit_key;
mod backing_key;
mod cluster_key;
mod digest;
mod domain_key;
mod error;
mod fields;
#[cfg(test)]
mod fixture;
pub mod message;
mod mfa_seed;
mod primitives;
mod random;
mod root;
mod secret;
mod secret_access_key;
mod session_key;
#[cfg(test)]
mod session_vectors;
#[cfg(test)]
mod test_vectors;
mod token;
mod wrap;

pub use audit_key::AuditKey;
pub use backing_key::{BackingKey, BackingKeyBinding, BackingKeyId, KeyMaterialId, WrappedBackingKey};
pub use cluster_key::ClusterKey;
pub use digest::sha256;
pub use domain_key::{DomainKey, DomainScope, Space};
pub use error::{Damaged, InvalidCiphertext, InvalidMac, ModuleFailed, RewrapError, UseError};
pub use message::Deployment;
pub use mfa_seed::{MfaSeed, OneTimeCode, TimeStep};
pub use random::{fill_random, generate_data_key, random};
pub use root::{FileRoot, RootError, RootOfTrust};
pub use secret::{Plaintext, Secret};
pub use secret_access_key::{SecretAccessKey, SigningKey};
pub use session_key::SessionKey;
pub use token::{TokenKey, TokenPurpose, TokenSeed, sealed_version};
pub use wrap::wrapping_version;
