//! An explanation as ExplainAccess answers it. Source: models/claviger, ExplainAccess.

use claviger_policy::{
    Decision, Effect, Explanation, Found, Lack, Layer, Naming, Obstacle, Reason, SeenCondition, SeenStatement,
    StatementId, Truth,
};
use serde::Serialize;

use super::besides::Besides;
use super::owner::{Owner, PolicyName};
use crate::view::{Grant, View};

/// A decision with all that it stands on.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Report {
    decision: &'static str,
    reason: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    refusing_layer: Option<&'static str>,
    deciding_statements: Vec<StatementShown>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deciding_grant_id: Option<String>,
    statements: Vec<SeenShown>,
    #[serde(skip_serializing_if = "is_zero")]
    statements_left_out: usize,
    grants: Vec<GrantShown>,
    #[serde(skip_serializing_if = "is_zero")]
    grants_left_out: usize,
    obstacles: Vec<ObstacleShown>,
    unknown_context_keys: Vec<String>,
}

/// The other account must allow it too; what it says is not shown.
const OF_ANOTHER_ACCOUNT: &str = "ResourcePolicyOfAnotherAccount";

/// Which statement.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StatementShown {
    layer: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    level: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy_arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group_name: Option<String>,
    policy_index: usize,
    #[serde(skip_serializing_if = "Option::is_none")]
    sid: Option<String>,
    statement_index: usize,
    effect: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct SeenShown {
    statement: StatementShown,
    #[serde(skip_serializing_if = "Option::is_none")]
    named_as: Option<Vec<&'static str>>,
    action: bool,
    resource: &'static str,
    resources: Vec<String>,
    conditions: Vec<ConditionShown>,
    result: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ConditionShown {
    operator: String,
    key: String,
    wanted: Vec<String>,
    found: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    found_values: Vec<String>,
    result: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct GrantShown {
    grant_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    operation: bool,
    constraints: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct ObstacleShown {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    layer: Option<&'static str>,
    statements: Vec<LackingShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LackingShown {
    statement: StatementShown,
    lacks: Vec<LackShown>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct LackShown {
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    condition: Option<ConditionShown>,
}

impl Report {
    /// What is answered of `explanation`; `grants` are those that it was made with, `unknown` the keys that nobody
    /// told.
    pub(crate) fn new(
        explanation: &Explanation,
        owner: &Owner,
        view: &View,
        grants: &[&Grant],
        unknown: Vec<String>,
        besides: Besides,
    ) -> Self {
        let shower = Shower { explanation, owner, view };
        let (decision, reason) = verdict(explanation.decision, besides);
        let mut obstacles = shower.obstacles();
        obstacles.extend(
            match besides {
                Besides::Nothing => None,
                Besides::OtherAccount => Some(OF_ANOTHER_ACCOUNT),
                Besides::Refusal(refusal) => Some(refusal.name()),
            }
            .map(|kind| ObstacleShown { kind, layer: None, statements: Vec::new() }),
        );
        let (refusing, deciding, grant) = match (explanation.decision, besides) {
            (_, Besides::Refusal(_)) | (Decision::Depends, _) => (None, Vec::new(), None),
            (Decision::Allow(reason), _) => (None, allowing(reason), grant_of(reason)),
            (Decision::Deny(denial), _) => {
                let statement = denial.statement.map(|statement| (denial.layer, statement));
                (Some(layer_name(denial.layer)), statement.into_iter().collect(), None)
            }
        };
        Self {
            decision,
            reason,
            refusing_layer: refusing,
            deciding_statements: deciding.into_iter().filter_map(|(layer, id)| shower.find(layer, id)).collect(),
            deciding_grant_id: grant.and_then(|at| grants.get(at)).map(|grant| grant.id.to_string()),
            statements: explanation.statements.iter().map(|seen| shower.seen(seen)).collect(),
            statements_left_out: explanation.statements_left_out,
            grants: grants_shown(explanation, grants),
            grants_left_out: explanation.grants_left_out,
            obstacles,
            unknown_context_keys: unknown,
        }
    }

    /// What is answered of an action for which no policy is asked.
    pub(crate) fn of_free_action() -> Self {
        Self {
            decision: "Allow",
            reason: "NoPermissionNeeded",
            refusing_layer: None,
            deciding_statements: Vec::new(),
            deciding_grant_id: None,
            statements: Vec::new(),
            statements_left_out: 0,
            grants: Vec::new(),
            grants_left_out: 0,
            obstacles: Vec::new(),
            unknown_context_keys: Vec::new(),
        }
    }
}

/// The decision and why it is so, in words of the model.
fn verdict(decision: Decision, besides: Besides) -> (&'static str, &'static str) {
    match (decision, besides) {
        (_, Besides::Refusal(refusal)) => ("Deny", refusal.name()),
        (Decision::Deny(denial), _) if denial.statement.is_some() => ("Deny", "ExplicitDeny"),
        (Decision::Deny(_), _) => ("Deny", "NothingAllows"),
        (Decision::Allow(_), Besides::OtherAccount) => ("Depends", OF_ANOTHER_ACCOUNT),
        (Decision::Depends, _) => ("Depends", "UnknownContext"),
        (Decision::Allow(reason), Besides::Nothing) => (
            "Allow",
            match reason {
                Reason::AccountRoot => "AccountRoot",
                Reason::Grant { .. } => "Grant",
                Reason::Identity(_) => "IdentityPolicy",
                Reason::Resource { .. } => "ResourcePolicy",
                Reason::ResourceAndIdentity { .. } => "ResourceAndIdentityPolicy",
                Reason::Retiring => "RetiringPrincipal",
            },
        ),
    }
}

fn allowing(reason: Reason) -> Vec<(Layer, StatementId)> {
    let of_resource = |statement| (Layer::Resource, StatementId { policy: 0, statement });
    match reason {
        Reason::AccountRoot | Reason::Grant { .. } | Reason::Retiring => Vec::new(),
        Reason::Identity(identity) => vec![(Layer::Identity, identity)],
        Reason::Resource { statement } => vec![of_resource(statement)],
        Reason::ResourceAndIdentity { statement, identity } => {
            vec![of_resource(statement), (Layer::Identity, identity)]
        }
    }
}

fn grant_of(reason: Reason) -> Option<usize> {
    if let Reason::Grant { grant } = reason { Some(grant) } else { None }
}

fn grants_shown(explanation: &Explanation, grants: &[&Grant]) -> Vec<GrantShown> {
    let shown = explanation.grants.iter().filter_map(|seen| {
        let grant = grants.get(seen.grant)?;
        Some(GrantShown {
            grant_id: grant.id.to_string(),
            name: grant.name.as_ref().map(|name| name.name.clone()),
            operation: seen.operation,
            constraints: truth_name(seen.constraints),
        })
    });
    shown.collect()
}

/// Names statements by the policies of their owner.
struct Shower<'a> {
    explanation: &'a Explanation,
    owner: &'a Owner,
    view: &'a View,
}

impl Shower<'_> {
    fn find(&self, layer: Layer, id: StatementId) -> Option<StatementShown> {
        let seen = self.explanation.statements.iter().find(|seen| (seen.layer, seen.id) == (layer, id))?;
        Some(self.statement(seen))
    }

    fn statement(&self, seen: &SeenStatement) -> StatementShown {
        let (mut policy_name, mut policy_arn, mut group_name) = (None, None, None);
        match self.owner.policy_name(seen.layer, seen.id.policy, self.view) {
            Some(PolicyName::Inline(name)) => policy_name = Some(name.to_string()),
            Some(PolicyName::Managed(arn)) => policy_arn = Some(arn),
            Some(PolicyName::OfGroup(group, name)) => {
                policy_name = Some(name.to_string());
                group_name = Some(group);
            }
            Some(PolicyName::OfResource) | None => {}
        }
        StatementShown {
            layer: layer_name(seen.layer),
            level: match seen.layer {
                Layer::ResourceControl { level } | Layer::ServiceControl { level } => Some(level),
                Layer::Boundary | Layer::Identity | Layer::Resource | Layer::Session => None,
            },
            policy_name,
            policy_arn,
            group_name,
            policy_index: seen.id.policy,
            sid: seen.sid.clone(),
            statement_index: seen.id.statement,
            effect: match seen.effect {
                Effect::Allow => "Allow",
                Effect::Deny => "Deny",
            },
        }
    }

    fn seen(&self, seen: &SeenStatement) -> SeenShown {
        let naming = |naming: &Naming| match naming {
            Naming::Account => "Account",
            Naming::Itself => "Itself",
            Naming::Role => "Role",
        };
        SeenShown {
            statement: self.statement(seen),
            named_as: seen.namings.as_ref().map(|namings| namings.iter().map(naming).collect()),
            action: seen.action,
            resource: truth_name(seen.resource),
            resources: seen.resources.clone(),
            conditions: seen.conditions.iter().map(condition).collect(),
            result: truth_name(seen.result),
        }
    }

    fn obstacles(&self) -> Vec<ObstacleShown> {
        let shown = |obstacle: Obstacle<'_>| match obstacle {
            Obstacle::Denies(seen) => ObstacleShown {
                kind: "Denies",
                layer: Some(layer_name(seen.layer)),
                statements: vec![self.lacking(seen)],
            },
            Obstacle::NothingAllows { layer, nearest } => ObstacleShown {
                kind: "NothingAllows",
                layer: Some(layer_name(layer)),
                statements: nearest.into_iter().map(|seen| self.lacking(seen)).collect(),
            },
        };
        let mut obstacles: Vec<_> = self.explanation.obstacles().into_iter().map(shown).collect();
        if self.explanation.decision == Decision::Depends {
            let may = |seen: &&SeenStatement| seen.effect == Effect::Allow && seen.result == Truth::Unknown;
            let may = self.explanation.statements.iter().filter(may).map(|seen| ObstacleShown {
                kind: "MayNotAllow",
                layer: Some(layer_name(seen.layer)),
                statements: vec![self.lacking(seen)],
            });
            obstacles.extend(may);
        }
        obstacles
    }

    fn lacking(&self, seen: &SeenStatement) -> LackingShown {
        let lack = |lack: Lack<'_>| match lack {
            Lack::Action => LackShown { kind: "Action", condition: None },
            Lack::Condition(seen) => LackShown { kind: "Condition", condition: Some(condition(seen)) },
            Lack::Principal => LackShown { kind: "Principal", condition: None },
            Lack::Resource => LackShown { kind: "Resource", condition: None },
        };
        LackingShown { statement: self.statement(seen), lacks: seen.lacks().into_iter().map(lack).collect() }
    }
}

fn condition(seen: &SeenCondition) -> ConditionShown {
    let (found, found_values) = match &seen.found {
        Found::Absent => ("Absent", Vec::new()),
        Found::TooLong => ("TooLong", Vec::new()),
        Found::Unknown => ("Unknown", Vec::new()),
        Found::Values(values) => ("Values", values.clone()),
    };
    ConditionShown {
        operator: seen.operator.clone(),
        key: seen.key.to_string(),
        wanted: seen.wanted.clone(),
        found,
        found_values,
        result: truth_name(seen.result),
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde asks by reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}

fn truth_name(truth: Truth) -> &'static str {
    match truth {
        Truth::No => "No",
        Truth::Unknown => "Unknown",
        Truth::Yes => "Yes",
    }
}

fn layer_name(layer: Layer) -> &'static str {
    match layer {
        Layer::Boundary => "PermissionsBoundary",
        Layer::Identity => "IdentityPolicy",
        Layer::Resource => "ResourcePolicy",
        Layer::ResourceControl { .. } => "ResourceControlPolicy",
        Layer::ServiceControl { .. } => "ServiceControlPolicy",
        Layer::Session => "SessionPolicy",
    }
}
