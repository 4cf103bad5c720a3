//! Two accounts, a key in the first, and callers; a question about them is a value with defaults.

use std::sync::Arc;

use claviger_policy::{
    Action, ConditionKey, Context, ControlPolicies, ControlPolicy, Decision, Denial, Explanation, Fact, GrantTerms,
    Identity, IdentityPolicies, IdentityPolicy, KeyPolicy, KeyPolicyDocument, KeyResource, Layer, Principal, Reason,
    Request, Resource, RoleResource, StatementId, TrustPolicyDocument, Values, decide_by_identity, decide_on_key,
    decide_on_role, explain_on_key,
};
use claviger_types::{
    AccountId, EncryptionContext, KeyArn, PrincipalArn, PrincipalId, RoleId, RoleSessionName, ServiceName, UserId,
};

pub const HOME: &str = "111122223333";
pub const AWAY: &str = "444455556666";
pub const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";

/// Statements, each with the principal or without.
pub const ROOT: &str =
    r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "111122223333"}}"#;
pub const AWAY_ROOT: &str = r#"{"Effect": "Allow", "Action": "kms:*", "Resource": "*", "Principal": {"AWS": "arn:aws:iam::444455556666:root"}}"#;
pub const ADMIN: &str = r#"{"Effect": "Allow", "Action": "*", "Resource": "*"}"#;
pub const NEVER: &str = r#"{"Effect": "Deny", "Action": "kms:Encrypt", "Resource": "*"}"#;
pub const ELSEWHERE: &str = r#"{"Effect": "Allow", "Action": "kms:Decrypt", "Resource": "*"}"#;

/// A statement on kms:Encrypt that speaks of a principal.
pub fn of(effect: &str, principal: &str) -> String {
    format!(r#"{{"Effect": "{effect}", "Action": "kms:Encrypt", "Resource": "*", {principal}}}"#)
}

/// A statement that allows all under a condition.
pub fn when(condition: &str) -> String {
    format!(r#"{{"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {condition}}}"#)
}

/// Who asks.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Ann,
    Bob,
    /// Of the role `r`.
    Session,
    /// Of the role `q`.
    OtherSession,
    Root,
}

/// A request's condition keys, by their texts; a key with `None` is not known.
pub type Keys<'a> = &'a [(&'a str, Option<&'a [&'a str]>)];

/// A question. The defaults: Ann of the first account wants to encrypt.
pub struct Asked<'a> {
    pub account: &'a str,
    pub who: Who,
    pub action: (ServiceName, &'a str),
    pub key: &'a [&'a str],
    pub identity: &'a [&'a [&'a str]],
    pub boundary: Option<&'a [&'a str]>,
    pub session: Option<&'a [&'a str]>,
    pub service_control: &'a [&'a [&'a str]],
    pub resource_control: &'a [&'a [&'a str]],
    pub grants: &'a [GrantTerms],
    pub keys: Keys<'a>,
    pub context: Option<EncryptionContext>,
    pub context_unknown: bool,
    pub new_grant: Option<GrantTerms>,
}

impl Default for Asked<'_> {
    fn default() -> Self {
        Self {
            account: HOME,
            who: Who::Ann,
            action: (ServiceName::Kms, "Encrypt"),
            key: &[],
            identity: &[],
            boundary: None,
            session: None,
            service_control: &[],
            resource_control: &[],
            grants: &[],
            keys: &[],
            context: None,
            context_unknown: false,
            new_grant: None,
        }
    }
}

impl Context for Asked<'_> {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        let found = self.keys.iter().find(|(text, _)| ConditionKey::parse(text) == *key);
        match found.map(|(_, values)| values) {
            None => Values::Absent,
            Some(None) => Values::Unknown,
            Some(Some([one])) => Values::text(*one),
            Some(Some(many)) => Values::Many(many.iter().map(|value| (*value).into()).collect()),
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        match &self.context {
            _ if self.context_unknown => Fact::Unknown,
            None => Fact::Absent,
            Some(context) => Fact::Known(context),
        }
    }

    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        self.new_grant.as_ref().map_or(Fact::Absent, Fact::Known)
    }
}

impl Asked<'_> {
    /// What is decided on the key, in words.
    pub fn on_key(&self) -> String {
        let decided = self.with_request(|request, key| decide_on_key(request, key, self.grants));
        let explained = self.explain();
        assert_eq!(decided, explained.decision, "an explanation decides otherwise");
        words(decided)
    }

    pub fn explain(&self) -> Explanation {
        self.with_request(|request, key| explain_on_key(request, key, self.grants))
    }

    /// What is decided without a key.
    pub fn by_identity(&self, resource: Resource<'_>) -> String {
        words(self.with_request(|request, _| decide_by_identity(request, resource)))
    }

    /// What is decided on a role of the first account whose trust policy holds `self.key`.
    pub fn on_role(&self) -> String {
        let trust = TrustPolicyDocument::parse(&document(self.key)).unwrap();
        let ids: Vec<_> = trust.principals().map(bound).collect();
        let trust = trust.compile(&ids).unwrap();
        let role = RoleResource {
            account: HOME.parse().unwrap(),
            arn: &"arn:aws:iam::111122223333:role/target",
            policy: &trust,
            resource_control: &[],
        };
        words(self.with_request_on(&key_policy(&[]), |request, _| decide_on_role(request, &role)))
    }

    pub fn with_request<T>(&self, ask: impl FnOnce(&Request<'_>, &KeyResource<'_>) -> T) -> T {
        self.with_request_on(&key_policy(self.key), ask)
    }

    fn with_request_on<T>(&self, policy: &KeyPolicy, ask: impl FnOnce(&Request<'_>, &KeyResource<'_>) -> T) -> T {
        let policies = IdentityPolicies::merge(self.identity.iter().map(|policy| identity(policy)).collect());
        let boundary = self.boundary.map(identity);
        let session = self.session.map(|session| IdentityPolicies::merge(vec![identity(session)]));
        let service_control: Vec<_> =
            self.service_control.iter().map(|level| Arc::new(IdentityPolicies::merge(vec![identity(level)]))).collect();
        let control = |level: &&[&str]| {
            let policy = ControlPolicy::parse(&document(level)).unwrap();
            Arc::new(ControlPolicies::merge(&[Arc::new(policy)]))
        };
        let resource_control: Vec<_> = self.resource_control.iter().map(control).collect();
        let session_name: RoleSessionName = "s1".parse().unwrap();
        let principal = Principal {
            account: self.account.parse().unwrap(),
            identity: match self.who {
                Who::Ann => Identity::User(user(1)),
                Who::Bob => Identity::User(user(2)),
                Who::OtherSession => Identity::RoleSession { role: role(2), name: &session_name },
                Who::Root => Identity::Root,
                Who::Session => Identity::RoleSession { role: role(1), name: &session_name },
            },
            policies: &policies,
            boundary: boundary.as_deref(),
            session_policies: session.as_ref(),
            service_control: &service_control,
        };
        let action = Action::of(self.action.0, self.action.1).unwrap();
        let key = KeyResource { arn: key_arn(), policy, resource_control: &resource_control };
        ask(&Request { principal: &principal, action, context: self }, &key)
    }
}

pub fn key_arn() -> KeyArn {
    let account: AccountId = HOME.parse().unwrap();
    KeyArn { region: "us-east-1".parse().unwrap(), account, id: KEY.rsplit('/').next().unwrap().parse().unwrap() }
}

pub fn user(number: u8) -> UserId {
    UserId::from_random([number; 16])
}

pub fn role(number: u8) -> RoleId {
    RoleId::from_random([number; 16])
}

pub fn key_policy(statements: &[&str]) -> KeyPolicy {
    // No policy is without statements; this one is about another service.
    let silent = r#"{"Effect": "Deny", "Action": "s3:*", "Resource": "*", "Principal": "*"}"#;
    let statements = if statements.is_empty() { &[silent] } else { statements };
    let document = KeyPolicyDocument::parse(&document(statements)).unwrap();
    let ids: Vec<_> = document.principals().map(bound).collect();
    document.compile(&ids).unwrap()
}

/// `ann` and `r` of each account have the same number, all others another.
fn bound(arn: &PrincipalArn) -> (PrincipalArn, PrincipalId) {
    let id = match arn {
        PrincipalArn::User { name, .. } => PrincipalId::User(user(if name.as_str() == "ann" { 1 } else { 2 })),
        PrincipalArn::Role { name, .. } | PrincipalArn::Session { role: name, .. } => {
            PrincipalId::Role(role(if name.as_str() == "r" { 1 } else { 2 }))
        }
        PrincipalArn::Root(_) => panic!("a root is no principal to be bound"),
    };
    (arn.clone(), id)
}

fn identity(statements: &[&str]) -> Arc<IdentityPolicy> {
    Arc::new(IdentityPolicy::parse(&document(statements)).unwrap())
}

fn document(statements: &[&str]) -> String {
    format!(r#"{{"Version": "2012-10-17", "Statement": [{}]}}"#, statements.join(","))
}

fn words(decision: Decision) -> String {
    let at = |at: StatementId| format!("{}.{}", at.policy, at.statement);
    match decision {
        Decision::Allow(Reason::AccountRoot) => "allow: account root".into(),
        Decision::Allow(Reason::Grant { grant }) => format!("allow: grant {grant}"),
        Decision::Allow(Reason::Identity(identity)) => format!("allow: identity {}", at(identity)),
        Decision::Allow(Reason::Resource { statement }) => format!("allow: resource {statement}"),
        Decision::Allow(Reason::ResourceAndIdentity { statement, identity }) => {
            format!("allow: resource {statement}, identity {}", at(identity))
        }
        Decision::Allow(Reason::Retiring) => "allow: retiring".into(),
        Decision::Deny(Denial { layer, statement: Some(statement) }) => {
            format!("deny: {} {}", name(layer), at(statement))
        }
        Decision::Deny(Denial { layer, statement: None }) => format!("no: {}", name(layer)),
        Decision::Depends => "depends".into(),
    }
}

fn name(layer: Layer) -> String {
    match layer {
        Layer::Boundary => "boundary".into(),
        Layer::Identity => "identity".into(),
        Layer::Resource => "resource".into(),
        Layer::ResourceControl { level } => format!("resource control {level}"),
        Layer::ServiceControl { level } => format!("service control {level}"),
        Layer::Session => "session".into(),
    }
}
