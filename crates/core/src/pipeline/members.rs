//! Members that many operations share, taken out of a request in one way.

use std::borrow::Cow;

use claviger_types::{EncryptionContext, GrantId, MacAlgorithm};

use crate::error::Error;
use crate::target::KeyName;
use crate::wire::{Blob, Fields};

/// A key identifier of any form. INVARIANT: the constraints demand the member where an operation takes it so.
pub fn key_name(fields: &mut Fields, member: &str) -> KeyName {
    KeyName::any(fields.string(member).unwrap_or_default())
}

/// A key id or key ARN; aliases are refused when it is resolved.
pub fn key_id_or_arn(fields: &mut Fields, member: &str) -> KeyName {
    KeyName::id_or_arn(fields.string(member).unwrap_or_default())
}

/// The key that an alias is to point to.
pub fn alias_target(fields: &mut Fields, member: &str) -> KeyName {
    KeyName::alias_target(fields.string(member).unwrap_or_default())
}

/// Bytes that the constraints demand.
pub fn required_blob(fields: &mut Fields, member: &str) -> Result<Blob, Error> {
    fields.blob(member).ok_or_else(|| Error::Internal(format!("{member} passed the constraints and is missing")))
}

/// An encryption context; absent and empty are the same.
pub fn encryption_context(fields: &mut Fields, member: &str) -> Result<EncryptionContext, Error> {
    let pairs = fields.map(member).unwrap_or_default();
    EncryptionContext::from_pairs(pairs).map_err(|_| Error::Validation("Invalid EncryptionContext".into()))
}

/// An encryption algorithm by its name in the model; absent means SYMMETRIC_DEFAULT.
pub fn encryption_algorithm(fields: &mut Fields, member: &str) -> Cow<'static, str> {
    fields.string(member).map_or(Cow::Borrowed("SYMMETRIC_DEFAULT"), Cow::Owned)
}

/// `DryRun`, absent means no.
pub fn dry_run(fields: &mut Fields) -> bool {
    fields.boolean("DryRun").unwrap_or(false)
}

/// `GrantTokens`. The constraints let ten through; they are opened once it is known who calls.
pub fn grant_tokens(fields: &mut Fields) -> Vec<String> {
    fields.strings("GrantTokens").unwrap_or_default()
}

/// The id of a grant.
pub fn grant_id(fields: &mut Fields, member: &str) -> Result<Option<GrantId>, Error> {
    fields.string(member).map(|text| text.parse().map_err(|_| Error::InvalidGrantId)).transpose()
}

/// `MacAlgorithm`, which the constraints demand.
pub fn mac_algorithm(fields: &mut Fields) -> Result<MacAlgorithm, Error> {
    let name = fields.string("MacAlgorithm").unwrap_or_default();
    MacAlgorithm::from_name(&name).ok_or_else(|| Error::Internal(format!("MacAlgorithm {name} passed the constraints")))
}
