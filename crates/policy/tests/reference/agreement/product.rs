//! A scenario as the product's evaluator takes it: policies parsed, bound and merged, and the request as a context.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use claviger_policy::{
    Action, ConditionKey, Context, ControlPolicies, ControlPolicy, Decision, Denial, Fact, GrantConstraints,
    GrantPrincipal, GrantTerms, Identity, IdentityPolicies, IdentityPolicy, KeyPolicy, KeyPolicyDocument, KeyResource,
    Layer, Principal, Request, Resource, RetirableGrant, RoleResource, TrustPolicy, TrustPolicyDocument, Values,
    decide_by_identity, decide_on_key, decide_on_retire, decide_on_role, explain_by_identity, explain_on_key,
    explain_on_role,
};
use claviger_types::{
    EncryptionContext, KeyArn, PrincipalArn, PrincipalId, Region, RoleId, RoleSessionName, ServiceName,
};
use serde_json::Value;

use super::Case;
use crate::evaluator::conditions::MULTIVALUED;
use crate::evaluator::scenario::{self, CallerKind, Constraint, Outcome, Scenario, Side};

/// The unit of knowledge that all condition keys of the encryption context share with it.
pub const ENCRYPTION_CONTEXT: &str = "kms:encryptioncontext";
/// The unit of knowledge that is no condition key.
pub const NEW_GRANT: &str = "the new grant";

/// Everything of a case but its circumstances.
pub struct Product {
    scenario: Scenario,
    session: Option<RoleSessionName>,
    policies: IdentityPolicies,
    boundary: Option<Arc<IdentityPolicy>>,
    session_policies: Option<IdentityPolicies>,
    service_control: Vec<Arc<IdentityPolicies>>,
    resource_control: Vec<Arc<ControlPolicies>>,
    on: On,
}

enum On {
    Key { arn: KeyArn, policy: KeyPolicy },
    Nothing,
    Retirement { arn: KeyArn, policy: KeyPolicy, retiring: Option<GrantPrincipal> },
    Role { policy: TrustPolicy },
}

impl Product {
    pub fn of(case: &Case) -> Self {
        let scenario = case.scenario().clone();
        let merged = |policies: &[Value]| IdentityPolicies::merge(policies.iter().map(identity_policy).collect());
        let policies = merged(&scenario.identity);
        let session_policies = scenario.session_policies.as_deref().map(merged);
        let service_control = scenario.scp_levels.iter().map(|level| Arc::new(merged(level))).collect();
        let boundary = scenario.boundary.as_ref().map(identity_policy);
        let mut resource_control = Vec::new();
        for level in scenario.key.iter().flat_map(|side| &side.rcp_levels) {
            let policies: Vec<_> = level.iter().map(control_policy).collect();
            resource_control.push(Arc::new(ControlPolicies::merge(&policies)));
        }
        let on = match (case, &scenario.key) {
            (Case::Request(_), None) => On::Nothing,
            (Case::Request(_), Some(key)) => On::Key { arn: key_arn(&scenario), policy: key_policy(key) },
            (Case::Retirement(_, retiring), Some(key)) => On::Retirement {
                arn: key_arn(&scenario),
                policy: key_policy(key),
                retiring: retiring.as_deref().map(grant_principal),
            },
            (Case::Role(_), Some(role)) => On::Role { policy: trust_policy(role) },
            (Case::Retirement(..) | Case::Role(_), None) => panic!("the resource has a side"),
        };
        let is_session = scenario.caller.kind == CallerKind::Session;
        let session = is_session.then(|| scenario.caller.arn.rsplit('/').next().unwrap().parse().unwrap());
        Self { scenario, session, policies, boundary, session_policies, service_control, resource_control, on }
    }

    /// The decision, which is the same with and without an explanation. That of a retirement is not explained.
    pub fn decide(&self, circumstances: &Known<'_>) -> Decision {
        let caller = &self.scenario.caller;
        let principal = Principal {
            account: caller.account.parse().unwrap(),
            identity: match &self.session {
                Some(name) => Identity::RoleSession { role: caller.unique_id.parse().unwrap(), name },
                None if caller.kind == CallerKind::Root => Identity::Root,
                None => Identity::User(caller.unique_id.parse().unwrap()),
            },
            policies: &self.policies,
            boundary: self.boundary.as_deref(),
            session_policies: self.session_policies.as_ref(),
            service_control: &self.service_control,
        };
        let request = Request { principal: &principal, action: action(&self.scenario.action), context: circumstances };
        let (decision, explained) = self.ask(&request);
        assert_eq!(decision, explained.unwrap_or(decision), "an explanation decides otherwise");
        decision
    }

    fn ask(&self, request: &Request<'_>) -> (Decision, Option<Decision>) {
        let resource_control = &self.resource_control;
        match &self.on {
            On::Key { arn, policy } => {
                let key = KeyResource { arn: *arn, policy, resource_control };
                let grants = self.grants_of_caller(request.principal);
                (decide_on_key(request, &key, &grants), Some(explain_on_key(request, &key, &grants).decision))
            }
            On::Nothing => {
                let resource = match &self.scenario.resource {
                    scenario::Resource::Arn(arn) => Resource::Arn(arn),
                    scenario::Resource::NoneIn { region } => Resource::Any(Some(region.parse::<Region>().unwrap())),
                };
                (decide_by_identity(request, resource), Some(explain_by_identity(request, resource).decision))
            }
            On::Retirement { arn, policy, retiring } => {
                let key = KeyResource { arn: *arn, policy, resource_control };
                let [grant] = &self.scenario.key.as_ref().unwrap().grants[..] else { panic!("one grant is retired") };
                let grantee = grant_principal(&grant.grantee);
                let terms = terms(&grant.operations, &grant.constraint);
                let grant = RetirableGrant { terms: &terms, grantee: Some(&grantee), retiring: retiring.as_ref() };
                (decide_on_retire(request, &key, &grant), None)
            }
            On::Role { policy } => {
                let scenario::Resource::Arn(arn) = &self.scenario.resource else { panic!("a role has an ARN") };
                let account = self.scenario.key.as_ref().unwrap().account.parse().unwrap();
                let role = RoleResource { account, arn, policy, resource_control };
                (decide_on_role(request, &role), Some(explain_on_role(request, &role).decision))
            }
        }
    }

    /// Who asks for a decision looks the grants up: those of this caller that are usable.
    fn grants_of_caller(&self, caller: &Principal<'_>) -> Vec<GrantTerms> {
        let grants = self.scenario.key.iter().flat_map(|key| &key.grants);
        let usable = grants.filter(|grant| grant.usable && grant_principal(&grant.grantee).is(caller));
        usable.map(|grant| terms(&grant.operations, &grant.constraint)).collect()
    }
}

/// What is known of a request: all of a scenario's circumstances but some.
pub struct Known<'a> {
    values: &'a BTreeMap<String, Vec<String>>,
    encryption_context: EncryptionContext,
    new_grant: Option<GrantTerms>,
    unknown: BTreeSet<&'a str>,
}

impl<'a> Known<'a> {
    pub fn all_of(scenario: &'a Scenario) -> Self {
        Self::but(scenario, [])
    }

    /// All but these: condition keys in lower case, [`ENCRYPTION_CONTEXT`], [`NEW_GRANT`].
    pub fn but(scenario: &'a Scenario, unknown: impl IntoIterator<Item = &'a str>) -> Self {
        let new_grant = scenario.new_grant.as_ref().map(|grant| terms(&grant.operations, &grant.constraint));
        Self {
            values: &scenario.context,
            encryption_context: encryption_context(&scenario.encryption_context),
            new_grant,
            unknown: unknown.into_iter().collect(),
        }
    }

    fn is_unknown(&self, key: &str) -> bool {
        let of_context = key.starts_with(ENCRYPTION_CONTEXT);
        self.unknown.contains(if of_context { ENCRYPTION_CONTEXT } else { key })
    }
}

impl Context for Known<'_> {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        let text = key.to_string().to_lowercase();
        let pairs = self.encryption_context.pairs().iter();
        let (found, multivalued): (Vec<&str>, _) = match key {
            // No request has it: that is always known.
            ConditionKey::Unknown(_) => return Values::Absent,
            _ if self.is_unknown(&text) => return Values::Unknown,
            ConditionKey::KmsEncryptionContext(name) => {
                let values = pairs.filter(|(pair, _)| pair.eq_ignore_ascii_case(name)).map(|(_, value)| value.as_str());
                (values.collect(), false)
            }
            ConditionKey::KmsEncryptionContextKeys => (pairs.map(|(name, _)| name.as_str()).collect(), true),
            _ => {
                let values = self.values.get(&text).into_iter().flatten();
                (values.map(String::as_str).collect(), MULTIVALUED.contains(&text.as_str()))
            }
        };
        match found[..] {
            [] => Values::Absent,
            [one] if !multivalued => typed(one),
            _ => Values::Many(found.into_iter().map(Into::into).collect()),
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        if self.is_unknown(ENCRYPTION_CONTEXT) { Fact::Unknown } else { Fact::Known(&self.encryption_context) }
    }

    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        if self.is_unknown(NEW_GRANT) {
            Fact::Unknown
        } else {
            self.new_grant.as_ref().map_or(Fact::Absent, Fact::Known)
        }
    }
}

/// A value as what it is, where its text is how such a value is written.
fn typed(text: &str) -> Values<'_> {
    let typed = [
        text.parse().ok().map(Values::address),
        text.parse().ok().map(Values::integer),
        text.parse().ok().map(Values::time),
    ];
    let same = |values: &Values<'_>| matches!(values, Values::One(value) if value.text() == text);
    typed.into_iter().flatten().find(same).unwrap_or_else(|| Values::text(text))
}

/// A decision in the reference evaluator's words.
pub fn outcome(decision: Decision) -> Outcome {
    match decision {
        Decision::Allow(_) => Outcome::Allow,
        Decision::Deny(Denial { layer, statement: Some(_) }) => Outcome::ExplicitDeny(layer_of(layer)),
        Decision::Deny(Denial { layer, statement: None }) => Outcome::NoAllow(layer_of(layer)),
        Decision::Depends => panic!("all was known, and yet it depends"),
    }
}

fn layer_of(layer: Layer) -> scenario::Layer {
    match layer {
        Layer::Boundary => scenario::Layer::Boundary,
        Layer::Identity => scenario::Layer::Identity,
        Layer::Resource => scenario::Layer::Resource,
        Layer::ResourceControl { .. } => scenario::Layer::ResourceControl,
        Layer::ServiceControl { .. } => scenario::Layer::ServiceControl,
        Layer::Session => scenario::Layer::Session,
    }
}

fn identity_policy(policy: &Value) -> Arc<IdentityPolicy> {
    Arc::new(IdentityPolicy::parse(&policy.to_string()).unwrap_or_else(|error| panic!("{error}: {policy}")))
}

fn control_policy(policy: &Value) -> Arc<ControlPolicy> {
    Arc::new(ControlPolicy::parse(&policy.to_string()).unwrap_or_else(|error| panic!("{error}: {policy}")))
}

fn key_policy(key: &Side) -> KeyPolicy {
    let policy = KeyPolicyDocument::parse(&key.policy.to_string());
    let policy = policy.unwrap_or_else(|error| panic!("{error}: {}", key.policy));
    let ids = ids(policy.principals(), key);
    policy.compile(&ids).unwrap()
}

fn trust_policy(role: &Side) -> TrustPolicy {
    let policy = TrustPolicyDocument::parse(&role.policy.to_string());
    let policy = policy.unwrap_or_else(|error| panic!("{error}: {}", role.policy));
    let ids = ids(policy.principals(), role);
    policy.compile(&ids).unwrap()
}

/// The unique ids that the ARNs had when the policy was put.
fn ids<'p>(named: impl Iterator<Item = &'p PrincipalArn>, side: &Side) -> Vec<(PrincipalArn, PrincipalId)> {
    let bound: BTreeMap<PrincipalArn, &String> =
        side.bindings.iter().map(|(arn, id)| (arn.parse().unwrap(), id)).collect();
    named.map(|arn| (arn.clone(), bound[arn].parse().unwrap())).collect()
}

fn key_arn(scenario: &Scenario) -> KeyArn {
    let scenario::Resource::Arn(arn) = &scenario.resource else { panic!("a key has an ARN") };
    let [_, _, _, region, account, key] = arn.split(':').collect::<Vec<_>>()[..] else { panic!("{arn} is no ARN") };
    let id = key.strip_prefix("key/").unwrap();
    KeyArn { region: region.parse().unwrap(), account: account.parse().unwrap(), id: id.parse().unwrap() }
}

fn action(text: &str) -> Action {
    let (service, name) = text.split_once(':').unwrap();
    Action::of(ServiceName::from_name(service).unwrap(), name).unwrap_or_else(|| panic!("{text} is no action"))
}

fn grant_principal(text: &str) -> GrantPrincipal {
    if let Ok(PrincipalArn::Root(account)) = text.parse() {
        return GrantPrincipal::Root(account);
    }
    match text.split_once(':') {
        Some((role, session)) => GrantPrincipal::Session(role.parse::<RoleId>().unwrap(), session.parse().unwrap()),
        None => GrantPrincipal::Principal(text.parse().unwrap()),
    }
}

fn terms(operations: &[String], constraint: &Constraint) -> GrantTerms {
    let (context_equals, context_subset) = match constraint {
        Constraint::None => (None, None),
        Constraint::Equals(pairs) => (Some(encryption_context(pairs)), None),
        Constraint::Subset(pairs) => (None, Some(encryption_context(pairs))),
    };
    GrantTerms {
        operations: operations.iter().map(|name| action(&format!("kms:{name}"))).collect(),
        constraints: GrantConstraints { context_equals, context_subset, source_arn: None },
    }
}

fn encryption_context(pairs: &BTreeMap<String, String>) -> EncryptionContext {
    EncryptionContext::from_pairs(pairs.clone().into_iter().collect()).unwrap()
}
