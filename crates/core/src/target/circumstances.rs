//! What policies' conditions ask of a request. A key that cannot be answered truthfully is not known, never absent, and
//! a policy that asks for it is refused when it is put.
//!
//! Source: AWS KMS developer guide, "Condition keys for AWS KMS"; IAM user guide, "AWS global condition context keys".

use claviger_policy::{Action, ConditionKey, Context, Fact, GrantTerms, Values};
use claviger_types::EncryptionContext;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::Key;

/// A request, and which of the things that it acts upon is asked about.
pub(super) struct Circumstances<'a> {
    /// The request.
    pub(super) facts: Facts<'a>,
    /// What is asked for.
    pub(super) action: Action,
    /// What is asked about.
    pub(super) subject: Subject<'a>,
}

/// What is asked about, as far as conditions tell it.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// Something of the caller's account that has no condition keys of its own.
    Account,
    /// A key.
    Key(&'a Key),
    /// A key that is to be made: what the request says of it is not told here.
    NewKey,
}

impl Context for Circumstances<'_> {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        let Facts { now, call, caller, .. } = &self.facts;
        match key {
            ConditionKey::AwsCurrentTime => Values::text(now.to_iso8601()),
            ConditionKey::AwsEpochTime => Values::text(now.as_millis().div_euclid(1000).to_string()),
            ConditionKey::AwsPrincipalAccount => Values::text(caller.account.to_string()),
            ConditionKey::AwsPrincipalArn => Values::text(caller.arn().to_string()),
            ConditionKey::AwsPrincipalType => Values::text("User"),
            ConditionKey::AwsRequestedRegion => Values::text(call.region.as_str()),
            ConditionKey::AwsSecureTransport => Values::boolean(call.tls),
            ConditionKey::AwsSourceIp => Values::optional(call.source_ip.map(|address| address.to_string())),
            ConditionKey::AwsUserAgent => Values::optional(call.user_agent),
            ConditionKey::AwsUserId => Values::text(caller.user_id()),
            ConditionKey::AwsUserName => Values::optional(caller.as_user().map(|user| user.name.as_str())),
            // Nobody calls on behalf of a principal, and no service calls for itself.
            ConditionKey::AwsPrincipalIsAwsService | ConditionKey::AwsViaAwsService => Values::boolean(false),
            ConditionKey::AwsCalledVia
            | ConditionKey::AwsCalledViaFirst
            | ConditionKey::AwsCalledViaLast
            | ConditionKey::AwsSourceAccount
            | ConditionKey::AwsSourceArn
            | ConditionKey::KmsViaService
            | ConditionKey::Unknown(_) => Values::Absent,
            key => self.of_subject(key),
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        self.facts.request.encryption_context(self.action).map_or(Fact::Absent, Fact::Known)
    }

    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        self.facts.request.new_grant().map_or(Fact::Absent, Fact::Known)
    }
}

impl Circumstances<'_> {
    fn of_subject(&self, asked: &ConditionKey) -> Values<'_> {
        match (asked, self.subject) {
            (ConditionKey::AwsResourceAccount, Subject::Key(key)) => Values::text(key.arn.account.to_string()),
            (ConditionKey::AwsResourceAccount, Subject::Account | Subject::NewKey) => {
                Values::text(self.facts.account().to_string())
            }
            (ConditionKey::AwsResourceTag(name), Subject::Key(key)) => tag(key, name),
            (ConditionKey::KmsCallerAccount, Subject::Key(_)) => Values::text(self.facts.account().to_string()),
            (ConditionKey::KmsCustomerMasterKeySpec | ConditionKey::KmsKeySpec, Subject::Key(key)) => {
                Values::text(key.spec.as_str())
            }
            (ConditionKey::KmsCustomerMasterKeyUsage | ConditionKey::KmsKeyUsage, Subject::Key(key)) => {
                Values::text(key.spec.usage().as_str())
            }
            (ConditionKey::KmsKeyOrigin, Subject::Key(_)) => Values::text("AWS_KMS"),
            (ConditionKey::KmsMultiRegion, Subject::Key(key)) => Values::boolean(key.arn.id.is_multi_region()),
            (ConditionKey::KmsResourceAliases, Subject::Key(key)) => {
                let aliases = self.facts.view.aliases_of_key(key.arn.region, key, None);
                Values::Many(aliases.map(|alias| alias.name.as_str().into()).collect())
            }
            (
                ConditionKey::AwsResourceTag(_) | ConditionKey::KmsResourceAliases,
                Subject::Account | Subject::NewKey,
            )
            | (
                ConditionKey::KmsCallerAccount
                | ConditionKey::KmsCustomerMasterKeySpec
                | ConditionKey::KmsCustomerMasterKeyUsage
                | ConditionKey::KmsKeyOrigin
                | ConditionKey::KmsKeySpec
                | ConditionKey::KmsKeyUsage
                | ConditionKey::KmsMultiRegion,
                Subject::Account,
            ) => Values::Absent,
            _ => Values::Unknown,
        }
    }
}

/// Tag keys of condition keys ignore case. Two tags that differ in nothing else are two values.
fn tag<'k>(key: &'k Key, name: &str) -> Values<'k> {
    let mut values = key.tags.iter().filter(|(tag, _)| tag.eq_ignore_ascii_case(name)).map(|(_, value)| &**value);
    match (values.next(), values.next()) {
        (None, _) => Values::Absent,
        (Some(value), None) => Values::text(value),
        (Some(value), Some(other)) => Values::Many([value, other].into_iter().chain(values).map(Into::into).collect()),
    }
}

/// Refuses a policy that asks for what no request is told about yet.
pub fn unanswered(keys: Vec<ConditionKey>) -> Result<(), Error> {
    let known = |key: &ConditionKey| {
        matches!(
            key,
            ConditionKey::AwsCalledVia
                | ConditionKey::AwsCalledViaFirst
                | ConditionKey::AwsCalledViaLast
                | ConditionKey::AwsCurrentTime
                | ConditionKey::AwsEpochTime
                | ConditionKey::AwsPrincipalAccount
                | ConditionKey::AwsPrincipalArn
                | ConditionKey::AwsPrincipalIsAwsService
                | ConditionKey::AwsPrincipalType
                | ConditionKey::AwsRequestedRegion
                | ConditionKey::AwsResourceAccount
                | ConditionKey::AwsResourceTag(_)
                | ConditionKey::AwsSecureTransport
                | ConditionKey::AwsSourceAccount
                | ConditionKey::AwsSourceArn
                | ConditionKey::AwsSourceIp
                | ConditionKey::AwsUserAgent
                | ConditionKey::AwsUserId
                | ConditionKey::AwsUserName
                | ConditionKey::AwsViaAwsService
                | ConditionKey::KmsCallerAccount
                | ConditionKey::KmsCustomerMasterKeySpec
                | ConditionKey::KmsCustomerMasterKeyUsage
                | ConditionKey::KmsKeyOrigin
                | ConditionKey::KmsKeySpec
                | ConditionKey::KmsKeyUsage
                | ConditionKey::KmsMultiRegion
                | ConditionKey::KmsResourceAliases
                | ConditionKey::KmsViaService
                | ConditionKey::Unknown(_)
        )
    };
    match keys.into_iter().find(|key| !known(key)) {
        Some(key) => Err(Error::MalformedPolicyDocument(format!("the condition key `{key}` is not supported"))),
        None => Ok(()),
    }
}
