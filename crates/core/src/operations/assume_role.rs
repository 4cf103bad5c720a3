//! `AssumeRole`: a session of a role, for whom its trust policy lets in. Nothing is written but that an MFA device's code
//! was used. Source: STS API reference, AssumeRole; IAM user guide, "Methods to assume a role".

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{PrincipalArn, PrincipalId, RoleSessionName, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::credentials::Credentials;
use crate::identity::mfa::PresentedCode;
use crate::identity::session_requests::{RequestedPolicies, RequestedTags};
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation, Sessions};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::records::SessionRecord;
use crate::target::{AssumedRole, AssumedRoleName, Authorized, SET_SOURCE_IDENTITY, TAG_SESSION};
use crate::view::{Role, User};
use crate::wire::Fields;

const SECONDS_DEFAULT: i64 = 3_600;

/// The request.
pub struct AssumeRole {
    role: AssumedRoleName,
    session_name: RoleSessionName,
    seconds: Option<i64>,
    policies: RequestedPolicies,
    tags: RequestedTags,
    external_id: Option<String>,
    source_identity: Option<String>,
    code: Option<PresentedCode>,
}

/// What is made once.
pub struct Prepared {
    credentials: Credentials,
    packed_policy_size: Option<usize>,
    source_identity: Option<String>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    credentials: Credentials,
    assumed_role_user: AssumedRoleUser,
    #[serde(skip_serializing_if = "Option::is_none")]
    packed_policy_size: Option<usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<String>,
    session_token_utilization: usize,
    session_token_size: usize,
}

/// Who the session is.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct AssumedRoleUser {
    assumed_role_id: String,
    arn: PrincipalArn,
}

impl Operation for AssumeRole {
    const NAME: &'static str = "AssumeRole";
    const SERVICE: ServiceName = ServiceName::Sts;
    const SESSIONS: Sessions = Sessions::All;
    const CROSS_ACCOUNT: bool = true;
    const ASKED_BESIDES: &'static [Action] = &[SET_SOURCE_IDENTITY, TAG_SESSION];
    type Target = AssumedRole;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let arn = fields.string("RoleArn").unwrap_or_default();
        let name = fields.string("RoleSessionName").unwrap_or_default();
        let tags = RequestedTags::parse(fields)?;
        let tagging = (!tags.is_empty()).then_some(TAG_SESSION);
        let source_identity = fields.string("SourceIdentity");
        Ok(Self {
            role: AssumedRoleName {
                // Source: text observed at AWS.
                arn: arn.parse().map_err(|_| Error::Validation(format!("{arn} is invalid")))?,
                besides: tagging.into_iter().chain(source_identity.as_ref().map(|_| SET_SOURCE_IDENTITY)).collect(),
            },
            // INVARIANT: the model's constraints are those of the name.
            session_name: name.parse().map_err(|_| Error::Internal("RoleSessionName passed the constraints".into()))?,
            seconds: fields.integer("DurationSeconds"),
            policies: RequestedPolicies::parse(fields)?,
            tags,
            external_id: fields.string("ExternalId"),
            source_identity,
            code: PresentedCode::parse(fields)?,
        })
    }

    fn target(&self) -> &AssumedRoleName {
        &self.role
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for AssumeRole {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::StsDurationSeconds => Values::optional(self.seconds.map(|seconds| seconds.to_string())),
            ConditionKey::StsExternalId => Values::optional(self.external_id.as_deref()),
            ConditionKey::StsRoleSessionName => Values::text(self.session_name.as_str()),
            ConditionKey::StsSourceIdentity => Values::optional(self.source_identity.as_deref()),
            key => self.tags.condition(key),
        }
    }

    fn presents_code(&self) -> bool {
        self.code.is_some()
    }
}

impl Command for AssumeRole {
    const READ_ONLY: bool = true;
    type Prepared = Prepared;

    fn prepare(
        &self,
        facts: &Facts<'_>,
        target: &Authorized<AssumedRole>,
        tools: &Tools<'_>,
    ) -> Result<Prepared, Error> {
        let role = target.role()?;
        let tags = self.tags.join(&facts.caller)?;
        let packed_policy_size = self.policies.packed_size(&tags)?;
        let issued_at = facts.wall_now().as_millis();
        let record = SessionRecord {
            account: role.account.as_u64(),
            principal: role.id.to_string(),
            role_session_name: Some(self.session_name.to_string()),
            issued_at,
            expires_at: issued_at.saturating_add(self.seconds(role, facts)?.saturating_mul(1000)),
            mfa_at: self.code.is_some().then_some(issued_at),
            source_identity: self.source_identity(facts)?,
            tags,
            policy: self.policies.document().cloned(),
            policy_arns: self.policies.arns_in(facts.view, role.account)?,
            assumed_through: assumed_through(facts)?,
        };
        // A code is tried, and counted if it is wrong, only once nothing else is wrong.
        if let Some(code) = &self.code {
            code.try_out(facts, tools, user_with_code(facts)?)?;
        }
        let credentials = Credentials::seal(facts.view, &record)?;
        Ok(Prepared { credentials, packed_policy_size, source_identity: record.source_identity })
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<AssumedRole>,
        prepared: &Prepared,
    ) -> Result<Outcome<Reply>, Error> {
        let role = target.role()?;
        let session_token_size = prepared.credentials.token_chars();
        let reply = Reply {
            credentials: prepared.credentials.clone(),
            assumed_role_user: AssumedRoleUser {
                assumed_role_id: format!("{}:{}", role.id, self.session_name),
                arn: role.session_arn(&self.session_name),
            },
            packed_policy_size: prepared.packed_policy_size,
            source_identity: prepared.source_identity.clone(),
            session_token_utilization: session_token_size * 100 / limits::SESSION_TOKEN_CHARS_MAX,
            session_token_size,
        };
        match &self.code {
            Some(code) => Ok(code.accept(facts, user_with_code(facts)?)?.reply(reply)),
            None => Ok(Outcome::unwritten(reply)),
        }
    }
}

impl AssumeRole {
    /// How long the session lasts. Source of the texts: observed at AWS.
    fn seconds(&self, role: &Role, facts: &Facts<'_>) -> Result<i64, Error> {
        let seconds = self.seconds.unwrap_or(SECONDS_DEFAULT);
        if seconds > i64::from(role.session_seconds_max) {
            let text = "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.";
            return Err(Error::Validation(text.into()));
        }
        let is_chained = facts.caller.role_session_name().is_some();
        if is_chained && seconds > limits::CHAINED_SESSION_SECONDS_MAX {
            let text =
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining";
            return Err(Error::Validation(text.into()));
        }
        Ok(seconds)
    }

    /// Who is behind the session. Once said, it stays so. Source: IAM user guide, "Monitor and control actions taken with
    /// assumed roles".
    fn source_identity(&self, facts: &Facts<'_>) -> Result<Option<String>, Error> {
        let inherited = facts.caller.session.and_then(|session| session.source_identity.as_deref());
        match (inherited, &self.source_identity) {
            (Some(inherited), Some(wanted)) if inherited != wanted => {
                Err(Error::Forbidden("The source identity of a session cannot be changed.".into()))
            }
            (Some(inherited), _) => Ok(Some(inherited.to_owned())),
            (None, wanted) => Ok(wanted.clone()),
        }
    }
}

/// Those with whom the session will die: the caller, and those on whom the caller's session stands. Each once: who goes
/// round in circles must not make tokens longer and longer.
fn assumed_through(facts: &Facts<'_>) -> Result<Vec<String>, Error> {
    let before = facts.caller.session.map_or(&[][..], |session| &*session.assumed_through);
    let mut through: Vec<PrincipalId> = before.to_vec();
    let caller = facts.caller.principal_id();
    if !through.contains(&caller) {
        through.push(caller);
    }
    if through.len() > limits::SESSION_CHAIN_MAX {
        let limit = limits::SESSION_CHAIN_MAX;
        return Err(Error::Forbidden(format!("A session cannot come to be through more than {limit} principals.")));
    }
    Ok(through.iter().map(ToString::to_string).collect())
}

/// The user whose device's code is presented: roles have no devices.
fn user_with_code<'a>(facts: &Facts<'a>) -> Result<&'a User, Error> {
    facts.caller.as_user().ok_or_else(PresentedCode::not_validated)
}
