//! IAM's policy simulator: what policies would say of actions on resources, key by key of the context as it is given.
//! Sources: IAM API reference, SimulatePrincipalPolicy and SimulateCustomPolicy; docs/compatibility.md.
//!
//! As at AWS, a key's own policy is not looked up: a resource-based policy counts if the request brings it along.

use std::sync::Arc;

use claviger_policy::{
    Action, Decision, Effect, Explanation, Identity, IdentityPolicies, IdentityPolicy, KeyPolicyDocument, KeyResource,
    Layer, Principal, Request, Resource, RoleResource, SeenStatement, TrustPolicyDocument, Truth, explain_by_identity,
    explain_on_key, explain_on_role,
};
use claviger_types::{AccountId, PrincipalArn, UserId};
use serde::Serialize;

use super::owner::{Owner, PolicyName};
use super::positions::{self, Position};
use super::supposed::{Supposed, Told, Untold};
use super::wanted;
use crate::error::Error;
use crate::identity::listing::{self, Members};
use crate::identity::principal_ids;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::Operation;
use crate::pipeline::page::Page;
use crate::target::{PolicyOwner, ResourceType, anything};
use crate::wire::Fields;

/// What both operations are asked.
pub(crate) struct Simulation {
    policies: Vec<String>,
    boundary: Option<String>,
    actions: Vec<(String, Action)>,
    /// `*` if none is named.
    resources: Vec<String>,
    resource_policy: Option<String>,
    resource_owner: Option<AccountId>,
    caller: Option<PrincipalArn>,
    told: Told,
    page: Page,
    /// Bytes of the policies of the request, and of the values that it tells.
    text_bytes: usize,
}

/// A page ends when its results weigh more: the bytes of answer at most, the bytes of the request that are looked at for
/// each, and a part of the work that the decision took. Workers that answer others too stop for some milliseconds, not
/// for all that one request can name.
const PAGE_WEIGHT_MAX: usize = 524_288;
/// Steps of comparisons, and bytes of policies, that weigh as much as a byte of answer.
const WORK_PER_WEIGHT: usize = 4;
/// The most bytes that a byte of a name becomes in XML, and how often a result shows it.
const NAME_WEIGHT: usize = "&quot;".len() * 2;
/// About the bytes of a result without its lists; an entry of MatchedStatements has half of it.
const RESULT_BYTES: usize = 600;

/// Statements that a result shows.
const MATCHED_STATEMENTS_MAX: usize = 100;

/// The answer of both operations.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    evaluation_results: Members<Evaluation>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Evaluation {
    eval_action_name: String,
    eval_resource_name: String,
    eval_decision: &'static str,
    matched_statements: Members<Matched>,
    missing_context_values: Members<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    organizations_decision_detail: Option<ByOrganizations>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<ByBoundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_decision_details: Option<Details>,
    resource_specific_results: Members<OnResource>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct OnResource {
    eval_resource_name: String,
    eval_resource_decision: &'static str,
    matched_statements: Members<Matched>,
    missing_context_values: Members<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    eval_decision_details: Option<Details>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary_decision_detail: Option<ByBoundary>,
}

#[derive(Serialize, Clone)]
#[serde(rename_all = "PascalCase")]
struct Matched {
    source_policy_id: String,
    source_policy_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_position: Option<Position>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_position: Option<Position>,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "PascalCase")]
struct ByBoundary {
    allowed_by_permissions_boundary: bool,
}

#[derive(Serialize, Clone, Copy)]
#[serde(rename_all = "PascalCase")]
struct ByOrganizations {
    allowed_by_organizations: bool,
}

/// A map, as Query writes one.
#[derive(Serialize, Clone)]
struct Details {
    entry: Vec<Detail>,
}

#[derive(Serialize, Clone)]
struct Detail {
    key: &'static str,
    value: &'static str,
}

/// A policy that counts, with what answers call it.
struct Source {
    id: String,
    kind: &'static str,
    /// Where each of its statements stands.
    spans: Vec<(Position, Position)>,
}

impl Source {
    fn new(id: String, kind: &'static str, text: &str) -> Self {
        Self { id, kind, spans: positions::of_statements(text) }
    }
}

/// Whose policies are simulated, put together.
struct Simulated<'a> {
    owner: Option<&'a Owner>,
    policies: IdentityPolicies,
    sources: Vec<Source>,
    boundary: Option<(Arc<IdentityPolicy>, Source)>,
    caller: Option<Owner>,
}

impl Simulation {
    /// The members that both operations have.
    pub(crate) fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let invalid = |text: &str| Err(Error::InvalidInput(text.to_owned()));
        let mut boundaries = fields.strings("PermissionsBoundaryPolicyInputList").unwrap_or_default();
        if boundaries.len() > 1 {
            return invalid("PermissionsBoundaryPolicyInputList takes one policy.");
        }
        let actions = fields.strings("ActionNames").unwrap_or_default();
        let actions = actions.into_iter().map(|name| wanted::action(&name).map(|action| (name, action)));
        let resources = fields.strings("ResourceArns").filter(|arns| !arns.is_empty());
        let owner = fields.string("ResourceOwner");
        let owner = owner.map(|text| match text.parse() {
            Ok(PrincipalArn::Root(account)) => Ok(account),
            _ => text.parse().map_err(|_| Error::InvalidInput(format!("ResourceOwner {text} is no account."))),
        });
        let caller = fields.string("CallerArn").map(|text| match text.parse() {
            Ok(arn @ PrincipalArn::User { .. }) => Ok(arn),
            _ => Err(Error::InvalidInput(format!("CallerArn {text} is no ARN of a user."))),
        });
        let (boundary, resource_policy) = (boundaries.pop(), fields.string("ResourcePolicy"));
        let (policies, told) = (fields.strings("PolicyInputList").unwrap_or_default(), told(fields)?);
        let texts = policies.iter().chain(&boundary).chain(&resource_policy).map(String::len);
        Ok(Self {
            text_bytes: texts.sum::<usize>() + told.bytes(),
            policies,
            boundary,
            actions: actions.collect::<Result<_, _>>()?,
            resources: resources.unwrap_or_else(|| vec!["*".into()]),
            resource_policy,
            resource_owner: owner.transpose()?,
            caller: caller.transpose()?,
            told,
            page: listing::page(fields),
        })
    }

    /// What the policies of `owner` and those of the request say; a page of it is worked out, and no more.
    pub(crate) fn run<O: Operation>(&self, owner: Option<&Owner>, facts: &Facts<'_>) -> Result<Reply, Error> {
        let simulated = self.simulated(owner, facts)?;
        let filter = format!("{:?} {:?}", self.actions, self.resources);
        let after = self.page.after::<O>(facts, &filter)?;
        let after = after.map(|place| place.parse::<usize>().map_err(|_| Error::InvalidMarker)).transpose()?;
        let pairs =
            (after.map_or(0, |place| place + 1)..).map_while(|place| Some((place.to_string(), self.pair(place)?)));
        let page = self.page.take_weighed::<O, _, _>(facts, &filter, pairs, PAGE_WEIGHT_MAX, |pair| {
            let ((name, action), resource) = pair;
            let explained = self.explain(*action, resource, &simulated, facts)?;
            let (evaluation, weight) = simulated.evaluation(name, resource, explained);
            Ok((evaluation, weight + self.text_bytes))
        })?;
        let evaluation_results = page.items.into_iter().collect();
        Ok(Reply { evaluation_results, is_truncated: page.next.is_some(), marker: page.next })
    }

    /// Pairs are counted by actions, and for each by resources.
    fn pair(&self, place: usize) -> Option<(&(String, Action), &String)> {
        let action = place.checked_div(self.resources.len())?;
        let resource = place.checked_rem(self.resources.len())?;
        Some((self.actions.get(action)?, self.resources.get(resource)?))
    }

    fn simulated<'a>(&self, owner: Option<&'a Owner>, facts: &Facts<'_>) -> Result<Simulated<'a>, Error> {
        let (mut policies, mut sources) = (Vec::new(), Vec::new());
        for policy in owner.and_then(Owner::policies).into_iter().flat_map(|policies| policies.iter()) {
            let name = owner.and_then(|owner| owner.policy_name(Layer::Identity, policies.len(), facts.view));
            let (id, kind) = source_of(name, owner.map_or("none", Owner::kind));
            policies.push(Arc::clone(&policy.document.compiled));
            sources.push(Source::new(id, kind, &policy.document.text));
        }
        for (place, text) in (1..).zip(&self.policies) {
            policies.push(parse(text, "PolicyInputList")?);
            sources.push(Source::new(format!("PolicyInputList.{place}"), "none", text));
        }
        let boundary = match (&self.boundary, owner.and_then(Owner::boundary)) {
            (Some(text), _) => {
                let id = "PermissionsBoundaryPolicyInputList.1".to_owned();
                let source = Source::new(id, "none", text);
                Some((parse(text, "PermissionsBoundaryPolicyInputList")?, source))
            }
            (None, Some(policy)) => {
                let (id, kind) = source_of(Some(PolicyName::Managed(policy.arn.to_string())), "none");
                Some((Arc::clone(&policy.document.compiled), Source::new(id, kind, &policy.document.text)))
            }
            (None, None) => None,
        };
        let caller = self.caller.as_ref().map(|arn| caller_of(arn, facts)).transpose()?;
        if self.resource_policy.is_some() && caller.is_none() && !owner.is_some_and(Owner::is_user) {
            let text = "CallerArn is required with ResourcePolicy, unless the policies are a user's.";
            return Err(Error::InvalidInput(text.into()));
        }
        Ok(Simulated { owner, policies: IdentityPolicies::merge(policies), sources, boundary, caller })
    }

    fn explain(
        &self,
        action: Action,
        resource: &str,
        simulated: &Simulated<'_>,
        facts: &Facts<'_>,
    ) -> Result<Explained, Error> {
        let caller = simulated.caller.as_ref().or(simulated.owner);
        let principal = simulated.principal(facts);
        let context = Supposed::new(caller, None, &self.told, Untold::Absent);
        let request = Request { principal: &principal, action, context: &context };
        let asked = if resource == "*" { anything(action, facts) } else { Resource::Arn(&resource) };
        let Some(policy) = &self.resource_policy else {
            let explanation = explain_by_identity(&request, asked);
            let missing = context.missing(&explanation);
            return Ok(Explained { explanation, missing, by_side: None, work: 0 });
        };
        let explanation = self.with_resource_policy(policy, resource, &request, facts)?;
        let alone = explain_by_identity(&request, asked);
        let missing = context.missing(&explanation);
        let of_resource = side(&explanation, Layer::Resource);
        let by_side = Some([("IAM Policy", decision_name(alone.decision)), ("Resource-based Policy", of_resource)]);
        Ok(Explained { explanation, missing, by_side, work: alone.work })
    }

    fn with_resource_policy(
        &self,
        policy: &str,
        resource: &str,
        request: &Request<'_>,
        facts: &Facts<'_>,
    ) -> Result<Explanation, Error> {
        let refused = |error: claviger_policy::PolicyError| Error::InvalidInput(format!("ResourcePolicy: {error}"));
        let owned_by = |account| match self.resource_owner {
            Some(owner) if owner != account => {
                Err(Error::InvalidInput(format!("{resource} is not owned by account {owner}.")))
            }
            _ => Ok(()),
        };
        if let Some(arn) = wanted::key_arn(resource) {
            owned_by(arn.account)?;
            let document = KeyPolicyDocument::parse(policy).map_err(refused)?;
            let ids = principal_ids::ids_of(document.principals(), facts.view);
            let policy = document.compile(&ids).map_err(refused)?;
            return Ok(explain_on_key(request, &KeyResource { arn, policy: &policy, resource_control: &[] }, []));
        }
        match resource.parse::<PrincipalArn>() {
            Ok(arn @ PrincipalArn::Role { .. }) if wanted::resource_type(request.action) == ResourceType::Role => {
                let account = arn.account();
                owned_by(account)?;
                let document = TrustPolicyDocument::parse(policy).map_err(refused)?;
                let ids = principal_ids::ids_of(document.principals(), facts.view);
                let policy = document.compile(&ids).map_err(refused)?;
                let role = RoleResource { account, arn: &arn, policy: &policy, resource_control: &[] };
                Ok(explain_on_role(request, &role))
            }
            _ => Err(Error::InvalidInput(format!(
                "ResourcePolicy is simulated for keys and for roles that are assumed, each named in ResourceArns; {resource} is neither."
            ))),
        }
    }
}

/// A simulated decision.
struct Explained {
    explanation: Explanation,
    missing: Vec<String>,
    by_side: Option<[(&'static str, &'static str); 2]>,
    /// What it took to tell the sides apart.
    work: usize,
}

impl Simulated<'_> {
    /// Who asks: the caller, else the owner, else somebody whom no policy names. Its policies are the simulated ones.
    fn principal<'s>(&'s self, facts: &Facts<'s>) -> Principal<'s> {
        let principal = self.caller.as_ref().or(self.owner).and_then(|owner| owner.as_principal(facts.view));
        let nobody = Identity::User(UserId::from_random([0; 16]));
        Principal {
            account: principal.map_or(facts.account(), |principal| principal.account),
            identity: principal.map_or(nobody, |principal| principal.identity),
            policies: &self.policies,
            boundary: self.boundary.as_ref().map(|(policy, _)| &**policy),
            session_policies: None,
            service_control: principal.map_or(&[], |principal| principal.service_control),
        }
    }

    /// A result, and its weight: its bytes, and the work of finding it.
    fn evaluation(&self, action: &str, resource: &str, explained: Explained) -> (Evaluation, usize) {
        let Explained { explanation, missing, by_side, work } = explained;
        let decision = decision_name(explanation.decision);
        let boundary = self
            .boundary
            .as_ref()
            .map(|_| ByBoundary { allowed_by_permissions_boundary: side(&explanation, Layer::Boundary) == "allowed" });
        let organizations =
            explanation.statements.iter().any(|seen| matches!(seen.layer, Layer::ServiceControl { .. }));
        let by_control = matches!(
            explanation.decision,
            Decision::Deny(claviger_policy::Denial { layer: Layer::ServiceControl { .. }, .. })
        );
        let matched: Vec<Matched> = self.matched(&explanation);
        let bytes = matched.iter().map(|matched| RESULT_BYTES / 2 + matched.source_policy_id.len()).sum::<usize>()
            + missing.iter().map(|key| key.len()).sum::<usize>() * NAME_WEIGHT / 2;
        // All is in the result of the resource once more.
        let names = (action.len() + resource.len()) * NAME_WEIGHT;
        let weight = RESULT_BYTES + names + 2 * bytes + (explanation.work + work) / WORK_PER_WEIGHT;
        let details = by_side
            .map(|sides| Details { entry: sides.into_iter().map(|(key, value)| Detail { key, value }).collect() });
        let on_resource = OnResource {
            eval_resource_name: resource.to_owned(),
            eval_resource_decision: decision,
            matched_statements: matched.iter().cloned().collect(),
            missing_context_values: missing.iter().cloned().collect(),
            eval_decision_details: details.clone(),
            permissions_boundary_decision_detail: boundary,
        };
        let evaluation = Evaluation {
            eval_action_name: action.to_owned(),
            eval_resource_name: resource.to_owned(),
            eval_decision: decision,
            matched_statements: matched.into_iter().collect(),
            missing_context_values: missing.into_iter().collect(),
            organizations_decision_detail: organizations
                .then_some(ByOrganizations { allowed_by_organizations: !by_control }),
            permissions_boundary_decision_detail: boundary,
            eval_decision_details: details,
            resource_specific_results: (resource != "*").then_some(on_resource).into_iter().collect(),
        };
        (evaluation, weight)
    }

    /// The statements that make the decision: those that deny, or those that allow. An implicit denial has none.
    fn matched(&self, explanation: &Explanation) -> Vec<Matched> {
        let effect = match explanation.decision {
            Decision::Allow(_) => Effect::Allow,
            Decision::Deny(denial) if denial.statement.is_some() => Effect::Deny,
            Decision::Deny(_) | Decision::Depends => return Vec::new(),
        };
        let counts = |seen: &&SeenStatement| {
            seen.effect == effect
                && seen.result == Truth::Yes
                && (effect == Effect::Deny || matches!(seen.layer, Layer::Identity | Layer::Resource))
        };
        let shown = explanation.statements.iter().filter(counts).filter_map(|seen| self.shown(seen));
        shown.take(MATCHED_STATEMENTS_MAX).collect()
    }

    fn shown(&self, seen: &SeenStatement) -> Option<Matched> {
        let of = |source: &Source| {
            let span = source.spans.get(seen.id.statement).copied();
            Matched {
                source_policy_id: source.id.clone(),
                source_policy_type: source.kind,
                start_position: span.map(|(start, _)| start),
                end_position: span.map(|(_, end)| end),
            }
        };
        match seen.layer {
            Layer::Boundary => self.boundary.as_ref().map(|(_, source)| of(source)),
            Layer::Identity => self.sources.get(seen.id.policy).map(of),
            Layer::Resource => Some(Matched {
                source_policy_id: "ResourcePolicy".into(),
                source_policy_type: "resource",
                start_position: None,
                end_position: None,
            }),
            Layer::ResourceControl { .. } | Layer::ServiceControl { .. } | Layer::Session => None,
        }
    }
}

/// `ContextEntries`. Values are texts whatever type they are said to have: each operator reads them in its own way.
fn told(fields: &mut Fields) -> Result<Told, Error> {
    let mut entries = Vec::new();
    for mut entry in fields.structures("ContextEntries").unwrap_or_default() {
        let name = entry.string("ContextKeyName").unwrap_or_default();
        let values = entry.strings("ContextKeyValues").unwrap_or_default();
        let kind = entry.string("ContextKeyType").unwrap_or_default();
        if values.len() > 1 && !kind.ends_with("List") {
            let text = format!("The context key {name} is of type {kind} and has {} values.", values.len());
            return Err(Error::InvalidInput(text));
        }
        if let Some(bad) = values.iter().find(|value| !is_of(value, kind.trim_end_matches("List"))) {
            return Err(Error::InvalidInput(format!("The context key {name} is of type {kind}, and {bad} is not.")));
        }
        entries.push((name, values));
    }
    Told::new(entries, None)
}

fn is_of(value: &str, kind: &str) -> bool {
    match kind {
        "boolean" => value.eq_ignore_ascii_case("true") || value.eq_ignore_ascii_case("false"),
        "numeric" => value.parse::<f64>().is_ok_and(f64::is_finite),
        "ip" => value.split('/').next().is_some_and(|address| address.parse::<std::net::IpAddr>().is_ok()),
        _ => true,
    }
}

fn parse(text: &str, member: &str) -> Result<Arc<IdentityPolicy>, Error> {
    let policy = IdentityPolicy::parse(text).map_err(|error| Error::InvalidInput(format!("{member}: {error}")))?;
    Ok(Arc::new(policy))
}

/// The user of `CallerArn`, in the caller's own account: of others nothing is told.
fn caller_of(arn: &PrincipalArn, facts: &Facts<'_>) -> Result<Owner, Error> {
    let own = Some(arn).filter(|arn| arn.account() == facts.account());
    let found = own.and_then(|arn| PolicyOwner::find(arn, facts.view));
    Owner::new(found.ok_or_else(|| Error::NotFound(format!("The user {arn} does not exist.")))?)
}

/// Id and type of a policy as results name it.
fn source_of(name: Option<PolicyName>, kind: &'static str) -> (String, &'static str) {
    match name {
        Some(PolicyName::Inline(name)) => (name.to_string(), kind),
        Some(PolicyName::Managed(arn)) => {
            let kind = if arn.starts_with("arn:aws:iam::aws:") { "aws-managed" } else { "user-managed" };
            (arn.rsplit_once('/').map_or(arn.as_str(), |(_, name)| name).to_owned(), kind)
        }
        Some(PolicyName::OfGroup(_, name)) => (name.to_string(), "group"),
        Some(PolicyName::OfResource) | None => (String::new(), "none"),
    }
}

fn decision_name(decision: Decision) -> &'static str {
    match decision {
        Decision::Allow(_) => "allowed",
        Decision::Deny(denial) if denial.statement.is_some() => "explicitDeny",
        Decision::Deny(_) | Decision::Depends => "implicitDeny",
    }
}

/// What one layer says by itself.
fn side(explanation: &Explanation, layer: Layer) -> &'static str {
    let matching = |effect: Effect| {
        let of_layer = |seen: &&SeenStatement| seen.layer == layer && seen.effect == effect;
        explanation.statements.iter().filter(of_layer).any(|seen| seen.result == Truth::Yes)
    };
    match (matching(Effect::Deny), matching(Effect::Allow)) {
        (true, _) => "explicitDeny",
        (false, true) => "allowed",
        (false, false) => "implicitDeny",
    }
}
