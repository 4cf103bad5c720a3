//! Parts of the organization as answers show them. Source: models/claviger, the shapes of these names.

use claviger_types::{
    AccountId, ControlPolicyId, ControlPolicyType, ControlTarget, OrganizationalUnitId, ParentId, PrincipalArn,
    Timestamp,
};
use serde::Serialize;

use super::{organization, own_policy_arn, policy_arn, target_arn};
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::records::ControlPolicyRecord;
use crate::view::{Account, ControlPolicy, OrganizationalUnit};

/// `Account`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AccountShown {
    id: AccountId,
    name: String,
    arn: PrincipalArn,
    status: &'static str,
    parent_id: ParentId,
    organization_path: String,
    creation_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    closing_date: Option<Timestamp>,
}

impl AccountShown {
    /// An account.
    pub fn new(account: &Account, facts: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: account.id,
            name: account.name.to_string(),
            arn: PrincipalArn::Root(account.id),
            status: if account.closed_at.is_some() { "CLOSED" } else { "ACTIVE" },
            parent_id: organization(facts)?.parent_id(account.parent.as_ref()),
            organization_path: account.organization_path().to_owned(),
            creation_date: account.created_at,
            closing_date: account.closed_at,
        })
    }
}

/// `OrganizationalUnit`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UnitShown {
    id: OrganizationalUnitId,
    name: String,
    arn: String,
    parent_id: ParentId,
    creation_date: Timestamp,
}

impl UnitShown {
    /// A unit.
    pub fn new(unit: &OrganizationalUnit, facts: &Facts<'_>) -> Result<Self, Error> {
        let parent_id = organization(facts)?.parent_id(unit.parent.as_ref());
        Self::made(unit.id.clone(), &unit.name, parent_id, unit.created_at, facts)
    }

    /// A unit that is about to be there.
    pub fn made(
        id: OrganizationalUnitId,
        name: &str,
        parent_id: ParentId,
        creation_date: Timestamp,
        facts: &Facts<'_>,
    ) -> Result<Self, Error> {
        let arn = target_arn(&ControlTarget::Parent(ParentId::Unit(id.clone())), facts)?;
        Ok(Self { id, name: name.to_owned(), arn, parent_id, creation_date })
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}

/// `ControlPolicySummary`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyShown {
    id: ControlPolicyId,
    arn: String,
    name: String,
    description: String,
    #[serde(rename = "Type")]
    kind: ControlPolicyType,
    built_in: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    creation_date: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_updated_date: Option<Timestamp>,
}

impl PolicyShown {
    /// A control policy, without its text.
    pub fn new(policy: &ControlPolicy, facts: &Facts<'_>) -> Result<Self, Error> {
        Ok(Self {
            id: policy.id.clone(),
            arn: policy_arn(policy, facts)?,
            name: policy.name.to_string(),
            description: policy.description.to_string(),
            kind: policy.kind,
            built_in: policy.written.is_none(),
            creation_date: policy.written.map(|written| written.created_at),
            last_updated_date: policy.written.map(|written| written.updated_at),
        })
    }

    /// A control policy that is about to be there.
    pub fn made(
        id: ControlPolicyId,
        kind: ControlPolicyType,
        record: &ControlPolicyRecord,
        facts: &Facts<'_>,
    ) -> Result<Self, Error> {
        Ok(Self {
            arn: own_policy_arn(&id, kind, facts)?,
            id,
            name: record.name.clone(),
            description: record.description.clone(),
            kind,
            built_in: false,
            creation_date: Some(Timestamp::from_millis(record.created_at)),
            last_updated_date: Some(Timestamp::from_millis(record.updated_at)),
        })
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }
}
