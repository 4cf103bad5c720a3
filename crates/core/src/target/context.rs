//! What policies' conditions ask of a request. A key that cannot be answered truthfully is not known, never absent, and
//! a policy that asks for it is refused when it is put.
//!
//! Source: AWS KMS developer guide, "Condition keys for AWS KMS"; IAM user guide, "AWS global condition context keys".

use claviger_policy::{ConditionKey, Context, Values};

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::view::Key;

/// A request, and which of the things that it acts upon is asked about.
pub struct RequestContext<'a> {
    /// The request.
    pub facts: Facts<'a>,
    /// What is asked about.
    pub subject: Subject<'a>,
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

impl Context for RequestContext<'_> {
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
            ConditionKey::AwsUserId => Values::text(caller.id.as_str()),
            ConditionKey::AwsUserName => Values::text(caller.name.as_str()),
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
}

impl RequestContext<'_> {
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::test_kms::{TestKms, policy};

    /// A condition that holds whatever a key has, and whether it is there, does not hold if the answer is not known.
    #[test]
    fn what_is_accepted_is_answered() {
        let kms = TestKms::new();
        let (ann, key) = (kms.admin().user("ann", ""), kms.key());
        let mut accepted = 0;
        let named = ["aws:ResourceTag/team", "kms:EncryptionContext:a", "s3:prefix"].map(ConditionKey::parse);
        for condition_key in ConditionKey::PLAIN.iter().chain(&named) {
            let text = policy(&format!(
                r#"{{"Effect":"Allow","Action":"kms:*","Resource":"*",
                "Condition":{{"Null":{{"{condition_key}":["true","false"]}}}}}}"#
            ));
            let put = json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": text});
            if let Err(refusal) = kms.call("PutUserPolicy", put) {
                let want = if *condition_key == ConditionKey::KmsTrailingDaysWithoutKeyUsage {
                    "the condition key `kms:TrailingDaysWithoutKeyUsage` is not supported, at".to_owned()
                } else {
                    format!("the condition key `{condition_key}` is not supported")
                };
                assert_eq!(refusal.code, "MalformedPolicyDocument", "{condition_key}");
                assert!(refusal.message.starts_with(&want), "{}", refusal.message);
                continue;
            }
            accepted += 1;
            for (operation, body) in [("DescribeKey", json!({"KeyId": key})), ("ListKeys", json!({}))] {
                assert!(ann.call(operation, body).is_ok(), "{operation} with {condition_key}");
            }
        }
        assert_eq!(accepted, 30);
    }

    #[test]
    fn what_a_key_and_its_caller_have() {
        let kms = TestKms::new();
        let (ann, key) = (kms.admin().user("ann", ""), kms.key());
        kms.ok("CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": key}));
        kms.ok("TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "Team", "TagValue": "red"}]}));
        for (condition, want) in [
            (r#"{"StringEquals":{"aws:ResourceTag/team":"red"}}"#, true),
            (r#"{"StringEquals":{"aws:ResourceTag/team":"Red"}}"#, false),
            (r#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/app"}}"#, true),
            (r#"{"ForAnyValue:StringEquals":{"kms:ResourceAliases":"alias/other"}}"#, false),
            (r#"{"StringEquals":{"kms:KeySpec":"SYMMETRIC_DEFAULT","kms:KeyUsage":"ENCRYPT_DECRYPT"}}"#, true),
            (r#"{"StringEquals":{"kms:KeyOrigin":"EXTERNAL"}}"#, false),
            (r#"{"Bool":{"kms:MultiRegion":"false"}}"#, true),
            (r#"{"StringEquals":{"kms:CallerAccount":"${aws:PrincipalAccount}"}}"#, true),
            (r#"{"StringEquals":{"aws:ResourceAccount":"444455556666"}}"#, false),
            (r#"{"ArnLike":{"aws:PrincipalArn":"arn:aws:iam::*:user/${aws:username}"}}"#, true),
            (r#"{"StringLike":{"aws:userid":"AIDA*"}}"#, true),
            (r#"{"StringEqualsIfExists":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#, true),
            (r#"{"StringEquals":{"kms:ViaService":"s3.us-east-1.amazonaws.com"}}"#, false),
            (r#"{"DateLessThan":{"aws:CurrentTime":"2000-01-01T00:00:00Z"}}"#, false),
            (r#"{"NumericGreaterThan":{"aws:EpochTime":946684800}}"#, true),
        ] {
            let text = policy(&format!(
                r#"{{"Effect":"Allow","Action":"kms:DescribeKey","Resource":"*","Condition":{condition}}}"#
            ))
            .replacen('{', r#"{"Version":"2012-10-17","#, 1)
            .replacen(
                r#""Version":"2012-10-17","Version":"2012-10-17","#,
                r#""Version":"2012-10-17","#,
                1,
            );
            kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": text}));
            assert_eq!(ann.call("DescribeKey", json!({"KeyId": key})).is_ok(), want, "{condition}");
        }
    }
}
