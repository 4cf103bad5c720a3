//! Trust policies on their way in: who may assume a role. The users and roles that one names are bound to their unique
//! ids, so that a successor of the same name is not let in.

use claviger_policy::{PolicyError, TrustPolicyDocument};
use claviger_types::limits;

use crate::error::Error;
use crate::identity::{documents, principal_ids, principals_shown};
use crate::pipeline::call::Facts;
use crate::records::TrustPolicyRecord;
use crate::view::{Role, View};

/// The trust policy `document` as the role will store it.
pub fn accept(document: &str, facts: &Facts<'_>) -> Result<TrustPolicyRecord, Error> {
    let limit = limits::TRUST_POLICY_CHARS_MAX;
    if documents::characters(document) > limit {
        return Err(Error::quota("ACLSizePerRole", limit));
    }
    let parsed = TrustPolicyDocument::parse(document).map_err(refused)?;
    let ids = principal_ids::ids_of(parsed.principals(), facts.view);
    parsed.compile(&ids).map_err(refused)?;
    Ok(TrustPolicyRecord { document: document.to_owned(), principals: principal_ids::to_record(&ids) })
}

/// The trust policy as answers show it: percent-encoded, with its principals as they are now.
pub fn shown(role: &Role, view: &View) -> String {
    let TrustPolicyRecord { document, principals } = &role.trust.record;
    documents::percent_encoded(&principals_shown::document(document, principals, view))
}

/// Source of the text about principals: observed at AWS.
fn refused(error: PolicyError) -> Error {
    Error::MalformedPolicyDocument(match error {
        PolicyError::UnknownPrincipal { arn } => format!("Invalid principal in policy: \"AWS\":\"{arn}\""),
        error => error.to_string(),
    })
}
