//! Grants: what a new one must keep to, and how one goes. Which one permits a request, the evaluator of policies says.
//! Source: developer guide, "Grants in AWS KMS" and "Grant constraints".

use claviger_keyring::{Space, sha256};
use claviger_policy::{ConditionKey, Values};
use claviger_types::{GrantConstraint, GrantOperation, GrantOperations, KeySpec, limits};

use crate::error::Error;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records;
use crate::view::{Grant, Key};

/// What the terms of a grant must be by themselves.
pub fn check_terms(operations: GrantOperations, constraint: Option<&GrantConstraint>) -> Result<(), Error> {
    let refused = |text: String| Err(Error::Validation(text));
    if operations.is_empty() {
        return refused("A grant must permit at least one operation.".into());
    }
    if operations.without(GrantOperations::from_iter([GrantOperation::CreateGrant])).is_empty() {
        return refused("Grants must not contain only the CreateGrant operation.".into());
    }
    let Some(GrantConstraint::Equals(context) | GrantConstraint::Subset(context)) = constraint else { return Ok(()) };
    let (pairs_max, chars_max) = (limits::GRANT_CONSTRAINT_PAIRS_MAX, limits::GRANT_CONSTRAINT_VALUE_CHARS_MAX);
    if context.pairs().len() > pairs_max {
        return refused(format!("A grant constraint must have at most {pairs_max} encryption context pairs."));
    }
    if context.pairs().iter().any(|(_, value)| value.chars().count() > chars_max) {
        return refused(format!("A value in a grant constraint must have at most {chars_max} characters."));
    }
    Ok(())
}

/// What the terms of a grant must be for the key. Source: API reference, CreateGrant, Operations and Constraints.
pub fn check_fits(key: &Key, operations: GrantOperations, constraint: Option<&GrantConstraint>) -> Result<(), Error> {
    let spec = key.spec;
    if let Some(operation) = operations.without(GrantOperations::of_key(spec)).iter().next() {
        let text = format!("Operation {operation} is not supported by a KMS key with key spec {spec}.");
        return Err(Error::Validation(text));
    }
    match constraint {
        Some(_) if spec != KeySpec::SymmetricDefault => {
            let text = "Encryption context constraints are for grants on symmetric encryption KMS keys only.";
            Err(Error::Validation(text.into()))
        }
        Some(_) | None => Ok(()),
    }
}

/// `kms:GrantIsForAWSResource`, which every operation on grants has: no service of AWS makes grants here.
pub fn grant_is_for_aws_resource(key: &ConditionKey) -> Values<'static> {
    match key {
        ConditionKey::KmsGrantIsForAwsResource => Values::boolean(false),
        _ => Values::Absent,
    }
}

/// What stands for a grant's name and everything else that it is made with, but its id and the time.
pub fn name_digest(grant: &Grant) -> [u8; 32] {
    let mut record = grant.to_record();
    record.created_at = 0;
    if let Some(name) = &mut record.name {
        name.digest = [0; 32];
    }
    sha256(&records::encode(&record))
}

/// Deletes the grant and counts it out.
pub fn removal(grant: &Grant) -> Changes {
    let counter = paths::grant_count(grant.key.region, grant.key.id);
    without(Changes::new(Space::Region(grant.key.region)), grant).count_out(counter)
}

/// Deletes the grant and what its name points with; three operations of a transaction at most.
pub fn without(changes: Changes, grant: &Grant) -> Changes {
    let (region, key) = (grant.key.region, grant.key.id);
    let changes = changes.delete(paths::grant(region, key, grant.id), grant.revision);
    match &grant.name {
        Some(name) => changes.delete_any(paths::named_grant(region, key, &name.digest)),
        None => changes,
    }
}
