//! Decisions: who calls, with the policies that count for it, and the circumstances of the request go to the policy
//! language's evaluator. There is no other way to a decision, and what cannot be told now is no permission.
//!
//! Another account's resource is asked first whether it lets the caller in at all. A stranger to it is refused before its
//! own policies are looked at, so that what they ask, and how long that takes, tells nothing of the resource.

use claviger_policy::{
    Action, Decision, Denial, IdentityPolicies, KeyPolicy, KeyResource, Layer, Principal, Request, Resource,
    RetirableGrant, RoleResource, Truth, decide_by_identity, decide_on_key, decide_on_retire, decide_on_role,
    key_lets_in, role_lets_in,
};
use claviger_types::{AccountId, KeyArn};

use super::circumstances::{Circumstances, IamResource, Subject};
use crate::keys::grant_principals;
use crate::pipeline::call::Facts;
use crate::view::{Grant, Key, Role};

/// An action on a key: by its policy, the caller's, and the grants to the caller.
pub(super) fn on_key(key: &Key, action: Action, subject: Subject<'_>, facts: &Facts<'_>) -> Result<(), Denial> {
    // Most decisions need none: they are looked for when they are asked for.
    let grants = std::iter::once_with(|| grant_principals::to_caller(key, facts)).flatten();
    let mut grants = grants.map(|grant| &grant.terms).peekable();
    let resource = resource(key, facts);
    settled(Layer::Resource, action, subject, facts, |request| {
        let foreign = is_foreign(key.arn.account, facts);
        if foreign && grants.peek().is_none() && key_lets_in(request, &resource) == Truth::No {
            return STRANGER;
        }
        decide_on_key(request, &resource, grants.by_ref())
    })
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
        if is_foreign(key.arn.account, facts) && !retirable.concerns(request.principal) {
            return STRANGER;
        }
        decide_on_retire(request, &resource(key, facts), &retirable)
    })
}

/// An action on a role: by its trust policy and the caller's policies.
pub(super) fn on_role(role: &Role, action: Action, facts: &Facts<'_>) -> Result<(), Denial> {
    let (account, policy) = (role.account, &role.trust.compiled);
    let resource_control = facts.view.rcp_levels(account);
    let resource = RoleResource { account, arn: &role.arn(), policy, resource_control };
    let subject = Subject::Iam(IamResource::of_role(role));
    settled(Layer::Resource, action, subject, facts, |request| {
        let stranger = is_foreign(account, facts) && role_lets_in(request, &resource) == Truth::No;
        if stranger { STRANGER } else { decide_on_role(request, &resource) }
    })
}

/// To a stranger every refusal reads the same.
const STRANGER: Decision = Decision::Deny(Denial { layer: Layer::Resource, statement: None });

fn is_foreign(owner: AccountId, facts: &Facts<'_>) -> bool {
    owner != facts.account()
}

/// What `decide` says of the caller's request; `open` is the layer that is named if it depends on what cannot be told.
fn settled(
    open: Layer,
    action: Action,
    subject: Subject<'_>,
    facts: &Facts<'_>,
    decide: impl FnOnce(&Request<'_>) -> Decision,
) -> Result<(), Denial> {
    let circumstances = Circumstances::new(*facts, action, subject);
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use claviger_policy::{ConditionKey, Values};
    use claviger_types::ServiceName;
    use serde_json::json;

    use super::*;
    use crate::identity::caller::Signatory;
    use crate::pipeline::call::{Call, RequestId};
    use crate::pipeline::operation::action;
    use crate::pipeline::request::RequestContext;
    use crate::testing::test_kms::{AWAY, HOME, REGION, TestKms, policy};

    /// A request that knows whether a condition asked it for an alias.
    #[derive(Default)]
    struct Watched(AtomicBool);

    impl RequestContext for Watched {
        fn condition(&self, _: Action, _: &ConditionKey) -> Values<'_> {
            self.0.store(true, Ordering::Relaxed);
            Values::Absent
        }
    }

    /// What a stranger's own policies ask of another account's resource, and how long that takes, would tell of it.
    #[test]
    fn policies_of_a_stranger_are_not_looked_at() {
        let kms = TestKms::new();
        let condition = json!({"Null": {"kms:RequestAlias": "true"}});
        let asking = json!({"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition});
        let stranger = kms.away().user("stranger", &asking.to_string());
        let key = kms.key();
        for (let_in, looked_at) in [(vec![HOME], false), (vec![HOME, AWAY], true)] {
            let statement = |action: &str, resource: serde_json::Value| {
                let principal = json!({"AWS": let_in});
                json!({"Effect": "Allow", "Principal": principal, "Action": action, "Resource": resource})
            };
            let key_policy = policy(&statement("kms:*", json!("*")).to_string());
            kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": key_policy}));
            let mut trusting = statement("sts:AssumeRole", json!(null));
            trusting.as_object_mut().unwrap().remove("Resource");
            let (name, trust) = (format!("r{looked_at}"), policy(&trusting.to_string()));
            kms.ok("CreateRole", json!({"RoleName": name, "AssumeRolePolicyDocument": trust}));
            let retiring = if looked_at { stranger.arn() } else { kms.admin().arn() };
            let grant = json!({"KeyId": key, "GranteePrincipal": kms.admin().arn(), "RetiringPrincipal": retiring,
                "Operations": ["Encrypt"]});
            let grant = kms.ok("CreateGrant", grant)["GrantId"].as_str().unwrap().to_owned();

            let view = kms.view();
            let call = Call {
                signatory: Signatory::AccessKey(Arc::clone(view.credential(stranger.access_key_id).unwrap())),
                region: REGION.parse().unwrap(),
                authenticated_at: kms.now(),
                request_id: RequestId::from_bytes([0; 16]),
                source_ip: None,
                user_agent: None,
                tls: None,
            };
            let facts = kms.service().facts(&view, &call, Signatory::caller).unwrap();
            let key = view.key(call.region, key.parse().unwrap()).unwrap();
            let role = view.role(HOME.parse().unwrap(), &name.parse().unwrap()).unwrap();
            let grant = view.grant(call.region, key.arn.id, grant.parse().unwrap());
            assert!(grant.is_some());
            for on in ["grant", "key", "role"] {
                let request = Watched::default();
                let facts = Facts { request: &request, ..facts };
                let decided = match on {
                    "grant" => {
                        on_retirement(grant.map(Arc::as_ref), key, action!(ServiceName::Kms, "RetireGrant"), &facts)
                    }
                    "key" => on_key(key, action!(ServiceName::Kms, "Encrypt"), Subject::Key(key), &facts),
                    _ => on_role(role, action!(ServiceName::Sts, "AssumeRole"), &facts),
                };
                assert_eq!((decided.is_ok(), request.0.into_inner()), (looked_at, looked_at), "{on} for {let_in:?}");
            }
        }
    }
}
