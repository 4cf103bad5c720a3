//! Managed policies on users, groups and roles: attached, or as a permissions boundary.
//!
//! A use stands in the record of who has it; the policy's counter of uses makes sure that no policy goes that is in
//! use, whatever happens at once. The service's own policies never go, so theirs is not counted.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{PolicyArn, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities::{self, Entity, HoldsPolicies, PrincipalEntity, PrincipalRecord};
use crate::identity::policies;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::pipeline::request::RequestContext;
use crate::view::ManagedPolicy;
use crate::wire::Fields;

/// An attached policy, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct AttachedPolicy {
    policy_name: String,
    policy_arn: String,
}

/// A permissions boundary, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Boundary {
    permissions_boundary_type: &'static str,
    permissions_boundary_arn: String,
}

impl Boundary {
    /// The boundary of this ARN.
    pub fn of(arn: String) -> Self {
        Self { permissions_boundary_type: "PermissionsBoundaryPolicy", permissions_boundary_arn: arn }
    }
}

/// The policy that a request attaches or detaches.
pub struct AttachedArn(pub PolicyArn);

/// The boundary that a request sets.
pub struct BoundaryArn(pub PolicyArn);

impl RequestContext for AttachedArn {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::IamPolicyArn => Values::text(self.0.to_string()),
            _ => Values::Absent,
        }
    }
}

impl RequestContext for BoundaryArn {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::IamPermissionsBoundary => Values::text(self.0.to_string()),
            _ => Values::Absent,
        }
    }
}

/// `PermissionsBoundary`, if the request has one.
pub fn boundary_from_request(fields: &mut Fields) -> Result<Option<BoundaryArn>, Error> {
    let arn = fields.string("PermissionsBoundary").map(|arn| policies::parse_arn(&arn)).transpose()?;
    Ok(arn.map(BoundaryArn))
}

/// The policy that is to be attached, or to be a boundary.
pub fn attachable<'f>(arn: &PolicyArn, facts: &Facts<'f>) -> Result<&'f ManagedPolicy, Error> {
    let own = arn.account.is_none_or(|account| account == facts.account());
    let found = facts.view.managed_policy(arn).filter(|_| own);
    found
        .map(|policy| &**policy)
        .ok_or_else(|| Error::NotFound(format!("Policy {arn} does not exist or is not attachable.")))
}

/// The policy is attached; if it is already, nothing changes.
pub fn attach<E: Entity>(entity: &E, arn: &PolicyArn, facts: &Facts<'_>) -> Result<Changes, Error> {
    let policy = attachable(arn, facts)?;
    if entity.policies().attached.contains(arn) {
        return Ok(entities::edit(entity, |_| {}));
    }
    let limit = limits::MANAGED_POLICIES_ATTACHED_MAX;
    if entity.policies().attached.len() >= limit {
        return Err(Error::quota(E::ATTACHED_QUOTA, limit));
    }
    let changes = entities::edit(entity, |record| record.policies_mut().attached.push(arn.to_string()));
    Ok(count_in(changes, policy))
}

/// The policy is attached no more.
pub fn detach<E: Entity>(entity: &E, arn: &PolicyArn) -> Result<Changes, Error> {
    if !entity.policies().attached.contains(arn) {
        return Err(Error::NotFound(format!("Policy {arn} was not found.")));
    }
    let text = arn.to_string();
    let changes = entities::edit(entity, |record| record.policies_mut().attached.retain(|attached| *attached != text));
    Ok(count_out(changes, arn))
}

/// What is attached and whose path begins so, each after its ARN.
pub fn shown<'e, E: Entity>(
    entity: &'e E,
    path_prefix: &str,
) -> impl Iterator<Item = (String, AttachedPolicy)> + use<'e, E> {
    let path_prefix = path_prefix.to_owned();
    let below = entity.policies().attached.iter().filter(move |arn| arn.path.starts_with(&path_prefix));
    below.map(|arn| {
        let (policy_name, policy_arn) = (arn.name.to_string(), arn.to_string());
        (policy_arn.clone(), AttachedPolicy { policy_name, policy_arn })
    })
}

/// The boundary is set, in place of one that may be there.
pub fn set_boundary<E: PrincipalEntity>(entity: &E, arn: &PolicyArn, facts: &Facts<'_>) -> Result<Changes, Error> {
    let policy = attachable(arn, facts)?;
    let before = entity.boundary();
    let changes = entities::edit(entity, |record| *record.boundary_mut() = Some(arn.to_string()));
    Ok(match before {
        Some(before) if before.arn == *arn => changes,
        Some(before) => count_in(count_out(changes, &before.arn), policy),
        None => count_in(changes, policy),
    })
}

/// The boundary goes.
pub fn delete_boundary<E: PrincipalEntity>(entity: &E) -> Result<Changes, Error> {
    let Some(before) = entity.boundary() else {
        let (kind, name) = (E::KIND, entity.name());
        return Err(Error::NotFound(format!("The {kind} with name {name} has no permissions boundary.")));
    };
    Ok(count_out(entities::edit(entity, |record| *record.boundary_mut() = None), &before.arn))
}

/// The boundary as answers show it.
pub fn boundary_shown(policy: Option<&ManagedPolicy>) -> Option<Boundary> {
    policy.map(|policy| Boundary::of(policy.arn.to_string()))
}

/// Counts a use of the policy in, which must still be the one that was decided on.
pub fn count_in(changes: Changes, policy: &ManagedPolicy) -> Changes {
    match uses_path(&policy.arn) {
        Some(path) => changes.unchanged(policies::path_of(&policy.arn), policy.revision).count_in_unbounded(path),
        None => changes,
    }
}

/// Counts a use of the policy out.
pub fn count_out(changes: Changes, arn: &PolicyArn) -> Changes {
    match uses_path(arn) {
        Some(path) => changes.count_out(path),
        None => changes,
    }
}

/// Where a policy's uses are counted.
pub fn uses_path(arn: &PolicyArn) -> Option<String> {
    arn.account.map(|account| paths::policy_use_count(account, &arn.name.folded()))
}
