//! The decision: may this caller do this action on this resource, and which statement says so?
//!
//! An explicit deny in any layer ends it. Then every level of service control policies above the caller's account
//! and of resource control policies above the resource's must allow. Then the granting layers: on a key, the key
//! policy is the root of trust: it allows the caller itself, or it lets the caller's account in, whose identity
//! policies then decide, within boundary and session policy; or a grant allows. Across accounts both sides must allow.
//!
//! All is decided in three values, so that the same code answers before there is a request. Which operations work
//! across accounts at all is not known here: who asks refuses the others. Sources: IAM user guide, "Policy evaluation
//! logic"; AWS KMS developer guide, "Key policies in AWS KMS" and "Grants in AWS KMS".

use std::fmt;
use std::sync::Arc;

use claviger_types::{AccountId, KeyArn};

use crate::caller::{Identity, Principal, Request};
use crate::grants::{GrantPrincipal, GrantTerms};
use crate::identity_policy::ControlPolicies;
use crate::pattern::{DECISION_STEPS_MAX, Steps};
use crate::resource_policy::{KeyPolicy, ResourcePolicy, ResourceVerdict, TrustPolicy};
use crate::resources::{Resource, Target};
use crate::statement::Question;
use crate::trace::{Explanation, Recorder, SeenGrant, Silent, Trace};
use crate::truth::Truth;
use crate::verdict::{Decision, Denial, First, Layer, Reason, Verdict};

/// A key, its policy, and the resource control policies of each level above its account.
#[derive(Clone, Copy)]
pub struct KeyResource<'a> {
    /// The key.
    pub arn: KeyArn,
    /// Its policy.
    pub policy: &'a KeyPolicy,
    /// From the top. Each level must allow.
    pub resource_control: &'a [Arc<ControlPolicies>],
}

/// A role that is to be assumed, and the resource control policies of each level above its account.
#[derive(Clone, Copy)]
pub struct RoleResource<'a> {
    /// Whose role.
    pub account: AccountId,
    /// Its ARN.
    pub arn: &'a dyn fmt::Display,
    /// Who may assume it.
    pub policy: &'a TrustPolicy,
    /// From the top. Each level must allow.
    pub resource_control: &'a [Arc<ControlPolicies>],
}

/// A grant that is to be retired.
#[derive(Clone, Copy)]
pub struct RetirableGrant<'a> {
    /// What it allows.
    pub terms: &'a GrantTerms,
    /// To whom; none if it is a service.
    pub grantee: Option<&'a GrantPrincipal>,
    /// Who may always retire it.
    pub retiring: Option<&'a GrantPrincipal>,
}

impl RetirableGrant<'_> {
    /// Whether the grant names the caller, or its account as the retiring principal.
    pub fn concerns(&self, caller: &Principal<'_>) -> bool {
        [self.grantee, self.retiring].into_iter().flatten().any(|named| named.is(caller)) || self.is_left_to(caller)
    }

    /// Whether it is left to the caller's account whom it lets retire the grant.
    fn is_left_to(&self, caller: &Principal<'_>) -> bool {
        self.retiring == Some(&GrantPrincipal::Root(caller.account))
    }
}

/// Decides an action on a key; `grants` are those of this caller on this key, and looked at only if nothing else
/// allows.
pub fn decide_on_key<'g>(
    request: &Request<'_>,
    key: &KeyResource<'_>,
    grants: impl IntoIterator<Item = &'g GrantTerms>,
) -> Decision {
    on_key(request, key, grants, &mut Silent)
}

/// [`decide_on_key`] with its steps.
pub fn explain_on_key<'g>(
    request: &Request<'_>,
    key: &KeyResource<'_>,
    grants: impl IntoIterator<Item = &'g GrantTerms>,
) -> Explanation {
    explained(|trace| on_key(request, key, grants, trace))
}

/// Decides an action in the caller's own account for which no resource policy is asked: on an alias, on an IAM
/// resource, or on no resource of its own.
pub fn decide_by_identity(request: &Request<'_>, resource: Resource<'_>) -> Decision {
    by_identity(request, resource, &mut Silent)
}

/// [`decide_by_identity`] with its steps.
pub fn explain_by_identity(request: &Request<'_>, resource: Resource<'_>) -> Explanation {
    explained(|trace| by_identity(request, resource, trace))
}

/// Decides whether a role may be assumed, or its session be given tags and a source identity.
pub fn decide_on_role(request: &Request<'_>, role: &RoleResource<'_>) -> Decision {
    on_role(request, role, &mut Silent)
}

/// [`decide_on_role`] with its steps.
pub fn explain_on_role(request: &Request<'_>, role: &RoleResource<'_>) -> Explanation {
    explained(|trace| on_role(request, role, trace))
}

/// Decides RetireGrant: for whom the grant names, or by an identity policy in the account that owns the key or that
/// is the retiring principal. What the key policy allows has no effect, what it denies has.
/// Source: AWS KMS developer guide, "Retiring and revoking grants".
pub fn decide_on_retire(request: &Request<'_>, key: &KeyResource<'_>, grant: &RetirableGrant<'_>) -> Decision {
    let caller = request.principal;
    let question = question(request, Resource::Arn(&key.arn));
    let side = ResourceSide { policy: key.policy.inner(), control: key.resource_control };
    let layers = Layers::ask(caller, &question, Some(side), &mut Silent);
    layers.decide(|layers| {
        let holds_it = grant.terms.operations.contains(request.action);
        let named = grant.retiring.is_some_and(|retiring| retiring.is(caller))
            || (holds_it && grant.grantee.is_some_and(|grantee| grantee.is(caller)));
        if named {
            return Granted::yes(Reason::Retiring);
        }
        if caller.account == key.arn.account || grant.is_left_to(caller) {
            layers.by_identity(caller)
        } else {
            Granted::no(Layer::Resource)
        }
    })
}

/// Whether a key's own policy may let the caller in: the caller itself, or its account. Who is asked by a stranger asks
/// this first: however long the stranger's own policies take, it then tells nothing of the key.
pub fn key_lets_in(request: &Request<'_>, key: &KeyResource<'_>) -> Truth {
    let question = question(request, Resource::Arn(&key.arn));
    key.policy.inner().verdict(request.principal, &question, &mut Silent).lets_in()
}

/// The same for a role's trust policy.
pub fn role_lets_in(request: &Request<'_>, role: &RoleResource<'_>) -> Truth {
    let question = question(request, Resource::Arn(role.arn));
    role.policy.inner().verdict(request.principal, &question, &mut Silent).lets_in()
}

fn explained(decide: impl FnOnce(&mut Recorder) -> Decision) -> Explanation {
    let mut recorder = Recorder::default();
    let decision = decide(&mut recorder);
    recorder.explanation(decision)
}

fn on_key<'g, T: Trace>(
    request: &Request<'_>,
    key: &KeyResource<'_>,
    grants: impl IntoIterator<Item = &'g GrantTerms>,
    trace: &mut T,
) -> Decision {
    let question = question(request, Resource::Arn(&key.arn));
    let side = ResourceSide { policy: key.policy.inner(), control: key.resource_control };
    let layers = Layers::ask(request.principal, &question, Some(side), trace);
    layers.decide(|layers| {
        let by_policy = layers.on_resource(request.principal, key.arn.account);
        if by_policy.truth == Truth::Yes && !T::ON {
            return by_policy;
        }
        by_policy.or(by_grant(request, grants, trace))
    })
}

fn on_role<T: Trace>(request: &Request<'_>, role: &RoleResource<'_>, trace: &mut T) -> Decision {
    let question = question(request, Resource::Arn(role.arn));
    let side = ResourceSide { policy: role.policy.inner(), control: role.resource_control };
    let layers = Layers::ask(request.principal, &question, Some(side), trace);
    layers.decide(|layers| layers.on_resource(request.principal, role.account))
}

fn by_identity<T: Trace>(request: &Request<'_>, resource: Resource<'_>, trace: &mut T) -> Decision {
    let question = question(request, resource);
    let layers = Layers::ask(request.principal, &question, None, trace);
    layers.decide(|layers| layers.by_identity(request.principal))
}

fn question<'a>(request: &Request<'a>, resource: Resource<'a>) -> Question<'a> {
    let target = Target::new(request.principal.account, request.action.service(), resource);
    let [steps, shown_steps] = [Steps::new(DECISION_STEPS_MAX), Steps::new(DECISION_STEPS_MAX)];
    Question { action: request.action, target, context: request.context, steps, shown_steps }
}

/// The first grant that allows.
fn by_grant<'g, T: Trace>(
    request: &Request<'_>,
    grants: impl IntoIterator<Item = &'g GrantTerms>,
    trace: &mut T,
) -> Granted {
    let mut granted = Granted::no(Layer::Resource);
    for (grant, terms) in grants.into_iter().enumerate() {
        let operation = terms.operations.contains(request.action);
        if !operation && !T::ON {
            continue;
        }
        let constraints = terms.constraints_met(request.action, request.context);
        if T::ON {
            trace.grant(SeenGrant { grant, operation, constraints });
        }
        let truth = Truth::from(operation).and(constraints);
        if truth > granted.truth {
            granted = Granted { truth, why: Ok(Reason::Grant { grant }) };
        }
        if granted.truth == Truth::Yes && !T::ON {
            break;
        }
    }
    granted
}

/// What stands on the resource's side.
#[derive(Clone, Copy)]
struct ResourceSide<'a> {
    policy: &'a ResourcePolicy,
    control: &'a [Arc<ControlPolicies>],
}

/// What each layer says.
struct Layers {
    service_control: Levels,
    resource_control: Levels,
    resource: ResourceVerdict,
    identity: Verdict,
    /// `None` if there is none: then it limits nothing.
    boundary: Option<Verdict>,
    session: Option<Verdict>,
}

/// Whether the granting layers allow, with what allows or, if they do not, which layer lacks it.
#[derive(Clone, Copy)]
struct Granted {
    truth: Truth,
    why: Result<Reason, Layer>,
}

impl Layers {
    fn ask<'p, T: Trace>(
        caller: &Principal<'p>,
        question: &Question<'p>,
        resource: Option<ResourceSide<'p>>,
        trace: &mut T,
    ) -> Self {
        let mut service_control = Levels::default();
        for (level, policies) in caller.service_control.iter().enumerate() {
            let layer = Layer::ServiceControl { level };
            service_control.add(layer, policies.verdict(question, layer, trace));
        }
        let mut resource_control = Levels::default();
        for (level, policies) in resource.iter().flat_map(|side| side.control).enumerate() {
            let layer = Layer::ResourceControl { level };
            resource_control.add(layer, policies.verdict(question, layer, trace));
        }
        let resource = resource.map(|side| side.policy.verdict(caller, question, trace)).unwrap_or_default();
        let identity = caller.policies.verdict(question, Layer::Identity, trace);
        let boundary = caller.boundary.map(|policy| policy.verdict(question, Layer::Boundary, trace));
        let session = caller.session_policies.map(|policies| policies.verdict(question, Layer::Session, trace));
        if T::ON {
            trace.steps(question.steps_taken());
        }
        Self { service_control, resource_control, resource, identity, boundary, session }
    }

    /// `grant` says whether the granting layers allow; it is asked only if nothing else has settled it.
    fn decide(&self, grant: impl FnOnce(&Self) -> Granted) -> Decision {
        let denies = self.denies();
        let explicit = denies.iter().flatten().find_map(|(layer, deny)| Some((*layer, deny.certain?)));
        if let Some((layer, statement)) = explicit {
            return Decision::Deny(Denial::explicit(layer, statement));
        }
        let limits = [&self.service_control, &self.resource_control];
        if let Some(layer) = limits.iter().find_map(|levels| levels.refusing) {
            return Decision::Deny(Denial::implicit(layer));
        }
        let Granted { truth, why } = grant(self);
        let denied = Truth::any(denies.iter().flatten().map(|(_, deny)| deny.truth()));
        let allowed = Truth::all(limits.map(|levels| levels.allow)).and(truth).and(denied.negated());
        match (why, truth, allowed) {
            (Err(layer), Truth::No, _) => Decision::Deny(Denial::implicit(layer)),
            (Ok(reason), _, Truth::Yes) => Decision::Allow(reason),
            _ => Decision::Depends,
        }
    }

    /// What denies in each layer, in the order in which refusals name them.
    fn denies(&self) -> [Option<(Layer, First)>; 6] {
        [
            self.service_control.deny,
            self.resource_control.deny,
            Some((Layer::Resource, self.resource.deny)),
            Some((Layer::Identity, self.identity.deny)),
            self.boundary.map(|verdict| (Layer::Boundary, verdict.deny)),
            self.session.map(|verdict| (Layer::Session, verdict.deny)),
        ]
    }

    /// The caller's own account lets it: by identity policies within boundary and session policy. Its root needs none.
    fn by_identity(&self, caller: &Principal<'_>) -> Granted {
        if caller.identity == Identity::Root {
            return Granted::yes(Reason::AccountRoot);
        }
        let identity = match self.identity.allow.certain {
            Some(statement) => Granted::yes(Reason::Identity(statement)),
            None => Granted { truth: self.identity.allow.truth(), why: Err(Layer::Identity) },
        };
        identity.and(self.limits())
    }

    /// Boundary and session policy.
    fn limits(&self) -> Granted {
        let limit = |verdict: Option<Verdict>, layer| {
            let truth = verdict.map_or(Truth::Yes, |verdict| verdict.allow.truth());
            Granted { truth, why: Err(layer) }
        };
        limit(self.boundary, Layer::Boundary).and(limit(self.session, Layer::Session))
    }

    /// The resource's policy allows, together with the caller's account where that has a say.
    fn on_resource(&self, caller: &Principal<'_>, owner: AccountId) -> Granted {
        let ResourceVerdict { allow_itself, allow_role, allow_account, .. } = self.resource;
        let names = |first: First| Granted {
            truth: first.truth(),
            why: first.certain.map_or(Err(Layer::Resource), |at| Ok(Reason::Resource { statement: at.statement })),
        };
        let delegated = |first: First| names(first).and_identity(self.by_identity(caller));
        if caller.account != owner {
            return delegated(allow_itself).or(delegated(allow_role)).or(delegated(allow_account));
        }
        // A policy that names the role's ARN gives the role what it may pass to its sessions, within their limits.
        names(allow_itself).or(names(allow_role).and(self.limits())).or(delegated(allow_account))
    }
}

impl Granted {
    fn yes(reason: Reason) -> Self {
        Self { truth: Truth::Yes, why: Ok(reason) }
    }

    fn no(layer: Layer) -> Self {
        Self { truth: Truth::No, why: Err(layer) }
    }

    /// Both are needed: the first that refuses is named, and what the first says allows.
    fn and(self, other: Self) -> Self {
        match (self.truth, other.truth) {
            (Truth::No, _) => self,
            (_, Truth::No) => other,
            (truth, also) => Self { truth: truth.and(also), why: self.why },
        }
    }

    /// A resource's statement and what the caller's account says.
    fn and_identity(self, other: Self) -> Self {
        let both = self.and(other);
        match (both.truth, self.why, other.why) {
            (Truth::Yes, Ok(Reason::Resource { statement }), Ok(Reason::Identity(identity))) => {
                Self::yes(Reason::ResourceAndIdentity { statement, identity })
            }
            _ => both,
        }
    }

    /// One of them is enough. If none is, the one that came further names what is lacking.
    fn or(self, other: Self) -> Self {
        match (self.truth, other.truth) {
            (Truth::No, Truth::No) if self.why == Err(Layer::Resource) => other,
            (mine, others) if others > mine => other,
            _ => self,
        }
    }
}

/// Control policies: every level must allow.
struct Levels {
    allow: Truth,
    /// The first level in which nothing allows.
    refusing: Option<Layer>,
    deny: Option<(Layer, First)>,
}

impl Default for Levels {
    fn default() -> Self {
        Self { allow: Truth::Yes, refusing: None, deny: None }
    }
}

impl Levels {
    fn add(&mut self, layer: Layer, verdict: Verdict) {
        let allow = verdict.allow.truth();
        self.allow = self.allow.and(allow);
        if allow == Truth::No && self.refusing.is_none() {
            self.refusing = Some(layer);
        }
        // A deny that is certain is named; one that is merely possible must not hide it.
        let known = self.deny.map_or(Truth::No, |(_, deny)| deny.truth());
        if verdict.deny.truth() > known {
            self.deny = Some((layer, verdict.deny));
        }
    }
}
