//! What policies' conditions ask of a request. A key that cannot be answered truthfully is not known, never absent, and
//! a policy that asks for it is refused when it is put.
//!
//! Source: AWS KMS developer guide, "Condition keys for AWS KMS"; IAM user guide, "AWS global condition context keys".

use claviger_policy::{Action, ConditionKey, Context, Fact, GrantTerms, Values};
use claviger_types::{EncryptionContext, Timestamp};

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
            ConditionKey::AwsMultiFactorAuthAge
            | ConditionKey::AwsMultiFactorAuthPresent
            | ConditionKey::AwsSourceIdentity
            | ConditionKey::AwsTokenIssueTime => self.of_session(key),
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
    /// What an access key of a user's own does not have. Their times are the wall clock's, as the session's are.
    fn of_session(&self, asked: &ConditionKey) -> Values<'_> {
        let Some(session) = self.facts.caller.session else { return Values::Absent };
        match asked {
            ConditionKey::AwsMultiFactorAuthAge => {
                let age = |at: Timestamp| (self.facts.wall_now().as_millis() - at.as_millis()).div_euclid(1000);
                Values::optional(session.mfa_at.map(|at| age(at).to_string()))
            }
            ConditionKey::AwsMultiFactorAuthPresent => Values::boolean(session.mfa_at.is_some()),
            ConditionKey::AwsSourceIdentity => Values::optional(session.source_identity.as_deref()),
            ConditionKey::AwsTokenIssueTime => Values::text(session.issued_at.to_iso8601()),
            _ => Values::Unknown,
        }
    }

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
                | ConditionKey::AwsMultiFactorAuthAge
                | ConditionKey::AwsMultiFactorAuthPresent
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
                | ConditionKey::AwsSourceIdentity
                | ConditionKey::AwsSourceIp
                | ConditionKey::AwsTokenIssueTime
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::Opened;

    /// Source: IAM user guide, `aws:MultiFactorAuthPresent` and `aws:MultiFactorAuthAge`: a user's own access key has
    /// neither, a session without a code has the first one as `false`.
    #[test]
    fn what_sessions_have_and_access_keys_have_not() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let plain = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        let with_code = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        for (condition, want) in [
            (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), [false, false, true]),
            (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), [false, true, false]),
            (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), [true, false, true]),
            (json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}), [true, false, false]),
            (json!({"Null": {"aws:MultiFactorAuthAge": "true"}}), [true, true, false]),
            (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), [false, false, true]),
            (json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}}), [false, false, false]),
            (json!({"Null": {"aws:TokenIssueTime": "false"}}), [false, true, true]),
            (json!({"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}), [false, true, true]),
            (json!({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}), [false, false, false]),
            (json!({"Null": {"aws:SourceIdentity": "true"}}), [true, true, true]),
        ] {
            let statement =
                json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*", "Condition": condition});
            let document = policy(&statement.to_string());
            kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document}));
            let by_access_key = ann.call("ListKeys", json!({})).is_ok();
            let by_session = [&plain, &with_code].map(|session| session.call("ListKeys", json!({})).is_ok());
            assert_eq!([by_access_key, by_session[0], by_session[1]], want, "{condition}");
        }
    }
}
