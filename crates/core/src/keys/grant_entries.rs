//! Grants as ListGrants and ListRetirableGrants show them. Source: API reference, GrantListEntry.

use std::collections::BTreeMap;

use claviger_types::{GrantConstraint, GrantId, GrantOperation, KeyArn, PrincipalArn, Timestamp};
use serde::Serialize;

use crate::keys::grant_principals::shown;
use crate::pipeline::page::Paged;
use crate::view::{Grant, View};

/// Grants that a page holds if the request does not say.
pub const LIMIT_DEFAULT: usize = 50;
/// Grants that a page holds at most.
pub const LIMIT_MAX: usize = 100;

/// A page of grants.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Grants {
    grants: Vec<Entry>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_marker: Option<String>,
    truncated: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Entry {
    key_id: KeyArn,
    grant_id: GrantId,
    name: String,
    creation_date: Timestamp,
    grantee_principal: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    retiring_principal: Option<String>,
    issuing_account: PrincipalArn,
    operations: Vec<GrantOperation>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constraints: Option<BTreeMap<&'static str, BTreeMap<String, String>>>,
}

impl Grants {
    /// The page as the answer shows it.
    pub fn shown<G: AsRef<Grant>>(page: Paged<G>, view: &View) -> Self {
        let grants = page.items.iter().map(|grant| Entry::of(grant.as_ref(), view)).collect();
        Self { grants, truncated: page.next.is_some(), next_marker: page.next }
    }
}

impl Entry {
    fn of(grant: &Grant, view: &View) -> Self {
        Self {
            key_id: grant.key,
            grant_id: grant.id,
            name: grant.name.as_ref().map(|name| name.name.clone()).unwrap_or_default(),
            creation_date: grant.created_at,
            grantee_principal: shown(&grant.grantee, view),
            retiring_principal: grant.retiring.as_ref().map(|principal| shown(principal, view)),
            issuing_account: PrincipalArn::Root(grant.issuing_account),
            operations: grant.operations.iter().collect(),
            constraints: grant.constraint.as_ref().map(constraints),
        }
    }
}

fn constraints(constraint: &GrantConstraint) -> BTreeMap<&'static str, BTreeMap<String, String>> {
    let (name, context) = match constraint {
        GrantConstraint::Equals(context) => ("EncryptionContextEquals", context),
        GrantConstraint::Subset(context) => ("EncryptionContextSubset", context),
    };
    BTreeMap::from([(name, context.pairs().iter().cloned().collect())])
}
