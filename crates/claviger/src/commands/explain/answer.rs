//! The answer of ExplainAccess as a person reads it. It repeats what the server said, and judges nothing.
//! Source: models/claviger, ExplainAccessResponse.

use std::fmt;

use serde::Deserialize;

/// The answer.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Answer {
    principal_arn: String,
    action: String,
    resource: String,
    decision: String,
    reason: String,
    refusing_layer: Option<String>,
    deciding_statements: Vec<Statement>,
    deciding_grant_id: Option<String>,
    obstacles: Vec<Obstacle>,
    unknown_context_keys: Vec<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Statement {
    layer: String,
    level: Option<u64>,
    policy_name: Option<String>,
    policy_arn: Option<String>,
    group_name: Option<String>,
    sid: Option<String>,
    statement_index: u64,
    effect: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Obstacle {
    kind: String,
    layer: Option<String>,
    statements: Vec<Lacking>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lacking {
    statement: Statement,
    lacks: Vec<Lack>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Lack {
    kind: String,
    condition: Option<Condition>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Condition {
    operator: String,
    key: String,
    wanted: Vec<String>,
    found: String,
    #[serde(default)]
    found_values: Vec<String>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { decision, principal_arn, action, resource, .. } = self;
        writeln!(f, "{}: {principal_arn} {action} on {resource}", decision.to_uppercase())?;
        writeln!(f, "\nWhy: {}", self.why())?;
        for statement in &self.deciding_statements {
            writeln!(f, "  - {statement}, {}", effect(statement))?;
        }
        if let Some(grant) = &self.deciding_grant_id {
            writeln!(f, "  - the grant {grant}")?;
        }
        if !self.unknown_context_keys.is_empty() {
            writeln!(f, "\nNot known of the request: {}", self.unknown_context_keys.join(", "))?;
        }
        if self.obstacles.is_empty() {
            return Ok(());
        }
        writeln!(f, "\nTo be allowed, this would have to change:")?;
        self.obstacles.iter().try_for_each(|obstacle| obstacle.fmt(f))
    }
}

impl Answer {
    fn why(&self) -> String {
        let layer = self.refusing_layer.as_deref().map_or("policy", layer);
        match self.reason.as_str() {
            "AccountRoot" => "the account's root needs no identity policy.".to_owned(),
            "ExplicitDeny" => format!("a statement of {layer} denies it."),
            "Grant" => "a grant on the key allows it.".to_owned(),
            "IdentityPolicy" => "an identity policy allows it.".to_owned(),
            "ResourcePolicyOfAnotherAccount" => {
                "the principal's own side allows it; the other account's side must allow it too, and is not shown."
                    .to_owned()
            }
            "FirstAccountOnly" => "only the deployment's first account may do this.".to_owned(),
            "NoPermissionNeeded" => "no permission is needed, and no policy is asked.".to_owned(),
            "NotAcrossAccounts" => "it works in the principal's own account only.".to_owned(),
            "SessionCredentials" => "it is not called with session credentials of this kind.".to_owned(),
            "NothingAllows" => format!("no statement of {layer} allows it."),
            "ResourceAndIdentityPolicy" => {
                "the resource's policy allows the principal or its account, and an identity policy allows it."
                    .to_owned()
            }
            "ResourcePolicy" => "the resource's policy allows the principal itself.".to_owned(),
            "UnknownContext" => "it depends on what is not known of the request.".to_owned(),
            other => format!("{other}."),
        }
    }
}

impl fmt::Display for Statement {
    /// Which statement, in words.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.sid {
            Some(sid) => write!(f, "statement {sid}")?,
            None => write!(f, "statement {}", self.statement_index + 1)?,
        }
        write!(f, " of {}", layer(&self.layer))?;
        if let Some(level) = self.level {
            write!(f, " of level {level}")?;
        }
        match (&self.policy_arn, &self.policy_name, &self.group_name) {
            (Some(arn), _, _) => write!(f, " {arn}"),
            (None, Some(name), Some(group)) => write!(f, " {name} of the group {group}"),
            (None, Some(name), None) => write!(f, " {name}"),
            (None, None, _) => Ok(()),
        }
    }
}

impl fmt::Display for Obstacle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let layer = self.layer.as_deref().map_or("the policies", layer);
        match self.kind.as_str() {
            "Denies" => writeln!(f, "  - what denies must not match:")?,
            "ResourcePolicyOfAnotherAccount" => writeln!(f, "  - the other account must allow it, too")?,
            "MayNotAllow" => writeln!(f, "  - what may allow must match:")?,
            "FirstAccountOnly" => writeln!(f, "  - the principal must be one of the deployment's first account")?,
            "NotAcrossAccounts" => writeln!(f, "  - the principal must be one of the resource's account")?,
            "SessionCredentials" => {
                writeln!(f, "  - it must be called with the user's access key, or with a session that it answers")?;
            }
            "NothingAllows" if self.statements.is_empty() => writeln!(f, "  - a statement of {layer} must allow it")?,
            "NothingAllows" => writeln!(f, "  - a statement of {layer} must allow it; nearest comes:")?,
            other => writeln!(f, "  - {other}")?,
        }
        self.statements.iter().try_for_each(|lacking| lacking.fmt(f))
    }
}

impl fmt::Display for Lacking {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "      {}", self.statement)?;
        self.lacks.iter().try_for_each(|lack| lack.fmt(f))
    }
}

impl fmt::Display for Lack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.condition, self.kind.as_str()) {
            (Some(condition), _) => writeln!(f, "        {condition}"),
            (None, "Action") => writeln!(f, "        it does not speak of the action"),
            (None, "Principal") => writeln!(f, "        it does not speak of the principal"),
            (None, "Resource") => writeln!(f, "        it does not speak of the resource"),
            (None, other) => writeln!(f, "        {other}"),
        }
    }
}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} wants {} {}; the request has ", self.key, self.operator, self.wanted.join(" or "))?;
        match self.found.as_str() {
            "Absent" => f.write_str("none"),
            "Values" => f.write_str(&self.found_values.join(", ")),
            _ => f.write_str("what is not known"),
        }
    }
}

fn effect(statement: &Statement) -> &'static str {
    if statement.effect == "Deny" { "which denies" } else { "which allows" }
}

/// A layer in words.
fn layer(name: &str) -> &str {
    match name {
        "IdentityPolicy" => "the identity policy",
        "PermissionsBoundary" => "the permissions boundary",
        "ResourceControlPolicy" => "the resource control policy",
        "ResourcePolicy" => "the resource's policy",
        "ServiceControlPolicy" => "the service control policy",
        "SessionPolicy" => "the session policy",
        other => other,
    }
}
