//! Decisions: who calls, with the policies that count for it, and the circumstances of the request go to the policy
//! language's evaluator. There is no other way to a decision, and what cannot be told now is no permission.

use claviger_policy::{
    Action, Decision, Denial, IdentityPolicies, KeyPolicy, KeyResource, Layer, Principal, Request, Resource,
    RetirableGrant, RoleResource, decide_by_identity, decide_on_key, decide_on_retire, decide_on_role,
};
use claviger_types::KeyArn;

use super::circumstances::{Circumstances, IamResource, Subject};
use crate::keys::grant_principals;
use crate::pipeline::call::Facts;
use crate::view::{Grant, Key, Role};

/// An action on a key: by its policy, the caller's, and the grants to the caller.
pub(super) fn on_key(key: &Key, action: Action, subject: Subject<'_>, facts: &Facts<'_>) -> Result<(), Denial> {
    let grants = grant_principals::to_caller(key, facts).map(|grant| &grant.terms);
    settled(Layer::Resource, action, subject, facts, |request| decide_on_key(request, &resource(key, facts), grants))
}

/// An action on a key as if it had this policy and no grants.
pub(crate) fn by_key_policy(
    policy: &KeyPolicy,
    arn: KeyArn,
    action: Action,
    subject: Subject<'_>,
    facts: &Facts<'_>,
) -> Result<(), Denial> {
    let resource = KeyResource { arn, policy, resource_control: facts.view.rcp_levels(arn.account) };
    settled(Layer::Resource, action, subject, facts, |request| decide_on_key(request, &resource, []))
}

/// An action for which only the caller's side is asked.
pub(crate) fn by_identity(
    action: Action,
    resource: Resource<'_>,
    subject: Subject<'_>,
    facts: &Facts<'_>,
) -> Result<(), Denial> {
    settled(Layer::Identity, action, subject, facts, |request| decide_by_identity(request, resource))
}

/// The retirement of a grant; of one that is not there, as of one that names nobody.
pub(super) fn on_retirement(grant: Option<&Grant>, key: &Key, action: Action, facts: &Facts<'_>) -> Result<(), Denial> {
    let nothing = Default::default();
    let grantee = grant.map(|grant| grant.grantee.named());
    let retiring = grant.and_then(|grant| grant.retiring.as_ref()).map(|retiring| retiring.named());
    let retirable = RetirableGrant {
        terms: grant.map_or(&nothing, |grant| &grant.terms),
        grantee: grantee.as_ref(),
        retiring: retiring.as_ref(),
    };
    settled(Layer::Resource, action, Subject::Grant(key, grant), facts, |request| {
        decide_on_retire(request, &resource(key, facts), &retirable)
    })
}

/// An action on a role: by its trust policy and the caller's policies.
pub(super) fn on_role(role: &Role, action: Action, facts: &Facts<'_>) -> Result<(), Denial> {
    let (account, policy) = (role.account, &role.trust.compiled);
    let resource_control = facts.view.rcp_levels(account);
    let resource = RoleResource { account, arn: &role.arn(), policy, resource_control };
    let subject = Subject::Iam(IamResource::of_role(role));
    settled(Layer::Resource, action, subject, facts, |request| decide_on_role(request, &resource))
}

/// What `decide` says of the caller's request; `open` is the layer that is named if it depends on what cannot be told.
fn settled(
    open: Layer,
    action: Action,
    subject: Subject<'_>,
    facts: &Facts<'_>,
    decide: impl FnOnce(&Request<'_>) -> Decision,
) -> Result<(), Denial> {
    let circumstances = Circumstances { facts: *facts, action, subject };
    let session_policies = facts.caller.session_policies(facts.view);
    let principal = principal(facts, session_policies.as_deref());
    match decide(&Request { principal: &principal, action, context: &circumstances }) {
        Decision::Allow(_) => Ok(()),
        Decision::Deny(denial) => Err(denial),
        Decision::Depends => Err(Denial { layer: open, statement: None }),
    }
}

/// The caller, with its session policies and the service control policies that hold for it.
fn principal<'a>(facts: &Facts<'a>, session_policies: Option<&'a IdentityPolicies>) -> Principal<'a> {
    let service_control = facts.view.scp_levels(facts.account());
    Principal { service_control, ..facts.caller.as_principal(session_policies) }
}

/// A key, with the resource control policies that hold for it.
fn resource<'a>(key: &'a Key, facts: &Facts<'a>) -> KeyResource<'a> {
    let resource_control = facts.view.rcp_levels(key.arn.account);
    KeyResource { arn: key.arn, policy: &key.policy.compiled, resource_control }
}
