//! `userIdentity`: who called, as the recipient of the record may know it.
//! Source: CloudTrail user guide, "CloudTrail userIdentity element".

use claviger_types::{AccountId, Timestamp};
use serde::Serialize;

use super::iso8601;
use crate::records::{CallerKind, CallerRecord, EventKind, EventRecord, SessionContextRecord};

/// Who called.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UserIdentity<'e> {
    #[serde(rename = "type", skip_serializing_if = "Option::is_none")]
    kind: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    principal_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    arn: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    access_key_id: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    user_name: Option<&'e str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    session_context: Option<SessionContext<'e>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invoked_by: Option<&'static str>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext<'e> {
    #[serde(skip_serializing_if = "Option::is_none")]
    session_issuer: Option<SessionIssuer<'e>>,
    attributes: Attributes,
    #[serde(skip_serializing_if = "Option::is_none")]
    source_identity: Option<&'e str>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct SessionIssuer<'e> {
    #[serde(rename = "type")]
    kind: &'static str,
    principal_id: &'e str,
    arn: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    account_id: Option<String>,
    user_name: &'e str,
}

/// CloudTrail writes truth as text here.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
struct Attributes {
    #[serde(serialize_with = "iso8601")]
    creation_date: Timestamp,
    mfa_authenticated: &'static str,
}

impl<'e> UserIdentity<'e> {
    /// The access key that signed.
    pub(super) fn access_key_id(&self) -> Option<&'e str> {
        self.access_key_id
    }

    /// The name of the user, or of the role's session; another account's has none here.
    pub(super) fn username(&self) -> Option<&str> {
        let session = || self.session_context.as_ref()?.session_issuer.as_ref();
        let of_role = || session().and_then(|_| self.principal_id.as_deref()?.split_once(':').map(|(_, name)| name));
        self.user_name.or_else(of_role)
    }

    /// Another account than the caller's sees no more than its account and unique id.
    pub(super) fn of(event: &EventRecord<'e>, recipient: Option<AccountId>) -> Self {
        let account = event.account.and_then(AccountId::from_u64);
        let account_id = account.map(|account| account.to_string());
        let Some(caller) = &event.caller else {
            let invoked_by = (event.kind == EventKind::Job).then_some(super::INTERNAL);
            let kind = invoked_by.is_none().then_some("Unknown");
            return Self { kind, account_id, invoked_by, ..Self::default() };
        };
        let principal_id = (!caller.id.is_empty()).then(|| principal_id(caller));
        if recipient != account {
            return Self { kind: Some("AWSAccount"), principal_id, account_id, ..Self::default() };
        }
        let role = caller.kind == CallerKind::RoleSession;
        let user_name = matches!(caller.kind, CallerKind::User | CallerKind::UserSession).then_some(caller.name);
        Self {
            kind: Some(match caller.kind {
                CallerKind::User | CallerKind::UserSession => "IAMUser",
                CallerKind::RoleSession => "AssumedRole",
                CallerKind::Unknown => "Unknown",
            }),
            principal_id,
            arn: account_id.as_deref().and_then(|account| arn(caller, account)),
            access_key_id: Some(caller.access_key_id).filter(|id| !id.is_empty()),
            user_name,
            session_context: caller.session.as_ref().map(|session| SessionContext {
                session_issuer: role.then(|| issuer(caller, account_id.clone())),
                attributes: attributes(session),
                source_identity: session.source_identity,
            }),
            account_id,
            invoked_by: None,
        }
    }
}

/// A role's sessions are told apart by their names.
fn principal_id(caller: &CallerRecord<'_>) -> String {
    match caller.session_name {
        Some(session) => format!("{}:{session}", caller.id),
        None => caller.id.to_owned(),
    }
}

fn arn(caller: &CallerRecord<'_>, account: &str) -> Option<String> {
    let CallerRecord { kind, path, name, session_name, .. } = caller;
    match (kind, session_name) {
        (CallerKind::User | CallerKind::UserSession, _) => Some(format!("arn:aws:iam::{account}:user{path}{name}")),
        (CallerKind::RoleSession, Some(session)) => {
            Some(format!("arn:aws:sts::{account}:assumed-role/{name}/{session}"))
        }
        (CallerKind::RoleSession, None) | (CallerKind::Unknown, _) => None,
    }
}

fn issuer<'e>(caller: &CallerRecord<'e>, account_id: Option<String>) -> SessionIssuer<'e> {
    let account = account_id.as_deref().unwrap_or_default();
    let arn = format!("arn:aws:iam::{account}:role{}{}", caller.path, caller.name);
    SessionIssuer { kind: "Role", principal_id: caller.id, arn, account_id, user_name: caller.name }
}

fn attributes(session: &SessionContextRecord<'_>) -> Attributes {
    let mfa_authenticated = if session.mfa_at.is_some() { "true" } else { "false" };
    Attributes { creation_date: Timestamp::from_millis(session.created_at), mfa_authenticated }
}
