//! Role sessions under many policies, and keys under many grants, all made through the API.
//!
//! Each role has five policies of four statements. All that concern Encrypt have conditions that must be looked at: the
//! refusing ones do not hold, the allowing ones fail at one of their conditions, and only the very last statement allows.

use serde_json::{Value, json};

use crate::BenchError;
use crate::connection::Endpoint;
use crate::exchange::send_all;
use crate::setup::{BATCH, CONNECTIONS, Iam, create_users, created_key_id, credential};
use crate::sigv4::{Call, FORM, JSON, Signer, SigningTime};
use crate::targets::{Administrator, Targets};

/// Pairs of the encryption context that the policies ask for: which record, and to what purpose.
pub const CONTEXT_PAIRS: usize = 2;
/// Grants on each key.
pub const GRANTS_PER_KEY: usize = 1_000;
const STS_VERSION: &str = "2011-06-15";

/// Creates roles, a user for each who may assume it, and keys with their grants. The targets are those of the users.
pub async fn prepare(
    endpoint: &Endpoint,
    administrator: &Administrator,
    region: &str,
    roles: usize,
    keys: usize,
) -> Result<Targets, BenchError> {
    let account_id = administrator.account_id.clone();
    let names: Vec<_> = (0..roles).map(name).collect();
    let credentials = create_users(endpoint, administrator, &names, &assuming(&account_id)).await?;
    create_roles(endpoint, administrator, &names).await?;
    let place = Place { endpoint, administrator, region };
    let key_ids = place.create_keys(keys).await?;
    place.grant(&key_ids, &grantees(&account_id, &names)).await?;
    Ok(Targets { region: region.to_owned(), account_id, credentials, key_ids })
}

/// The same targets by sessions: each user assumes its role.
pub async fn assume(endpoint: &Endpoint, users: Targets) -> Result<Targets, BenchError> {
    let (Targets { region, account_id, credentials, key_ids }, time) = (users, SigningTime::now());
    let messages = credentials.iter().enumerate().map(|(index, user)| {
        let role_arn = format!("arn:aws:iam::{account_id}:role/{}", name(index));
        let mut form = form_urlencoded::Serializer::new(String::new());
        form.append_pair("Action", "AssumeRole").append_pair("Version", STS_VERSION);
        form.append_pair("RoleArn", &role_arn).append_pair("RoleSessionName", "bench");
        let (host, body) = (endpoint.host.as_str(), form.finish());
        let call = Call { host, content_type: FORM, target: None, body: body.as_bytes() };
        Signer::new(user, &time, &region, "sts").message(&call)
    });
    let replies = send_all(endpoint, "AssumeRole", messages.collect(), CONNECTIONS).await?;
    let sessions = replies.iter().map(|reply| credential(&String::from_utf8_lossy(reply)));
    let sessions = sessions.map(|session| session.filter(|session| session.session_token.is_some()));
    let credentials = sessions.collect::<Option<_>>().ok_or_else(|| BenchError::Reply("AssumeRole".to_owned()))?;
    Ok(Targets { region, account_id, credentials, key_ids })
}

async fn create_roles(endpoint: &Endpoint, administrator: &Administrator, names: &[String]) -> Result<(), BenchError> {
    let (iam, account_id) = (Iam { endpoint, administrator }, &administrator.account_id);
    let root = format!("arn:aws:iam::{account_id}:root");
    let trust = document(&json!([{"Effect": "Allow", "Principal": {"AWS": root}, "Action": "sts:AssumeRole"}]));
    let team = [("Tags.member.1.Key", "team"), ("Tags.member.1.Value", "payments")];
    let members = [&[("AssumeRolePolicyDocument", trust.as_str())], &team[..]].concat();
    iam.ask_each("CreateRole", "RoleName", names, &members).await?;
    for (number, statements) in policies(account_id).iter().enumerate() {
        let (policy, document) = (format!("bench-{number}"), document(statements));
        let arn = format!("arn:aws:iam::{account_id}:policy/{policy}");
        iam.ask_each("CreatePolicy", "PolicyName", &[policy], &[("PolicyDocument", &document)]).await?;
        iam.ask_each("AttachRolePolicy", "RoleName", names, &[("PolicyArn", &arn)]).await?;
    }
    Ok(())
}

/// The account in one Region.
struct Place<'a> {
    endpoint: &'a Endpoint,
    administrator: &'a Administrator,
    region: &'a str,
}

impl Place<'_> {
    /// Keys with the tag and the alias that the policies ask for.
    async fn create_keys(&self, keys: usize) -> Result<Vec<String>, BenchError> {
        let tags = json!([{"TagKey": "team", "TagValue": "payments"}]);
        let replies = self.send("CreateKey", (0..keys).map(|_| json!({"Tags": tags})).collect()).await?;
        let key_ids = replies.iter().map(|reply| created_key_id(reply)).collect::<Result<Vec<_>, _>>()?;
        let aliases = key_ids
            .iter()
            .enumerate()
            .map(|(number, key_id)| json!({"AliasName": format!("alias/session/{number:04}"), "TargetKeyId": key_id}));
        self.send("CreateAlias", aliases.collect()).await?;
        Ok(key_ids)
    }

    /// Grants on each key for the grantees in turn, on an encryption context that no request has.
    async fn grant(&self, key_ids: &[String], grantees: &[String]) -> Result<(), BenchError> {
        for key_ids in key_ids.chunks(BATCH / GRANTS_PER_KEY) {
            let grants = key_ids.iter().flat_map(|key_id| {
                grantees.iter().cycle().take(GRANTS_PER_KEY).enumerate().map(move |(number, grantee)| {
                    json!({
                        "KeyId": key_id,
                        "GranteePrincipal": grantee,
                        "Operations": ["Decrypt", "Encrypt", "GenerateDataKey"],
                        "Constraints": {"EncryptionContextSubset": {"tenant": format!("tenant-{number:04}")}},
                        "Name": format!("grant-{number:04}"),
                    })
                })
            });
            self.send("CreateGrant", grants.collect()).await?;
        }
        Ok(())
    }

    async fn send(&self, operation: &str, bodies: Vec<Value>) -> Result<Vec<Vec<u8>>, BenchError> {
        let signer = Signer::new(&self.administrator.credential, &SigningTime::now(), self.region, "kms");
        let target = format!("TrentService.{operation}");
        let sign = |body: &Value| {
            let (host, target, body) = (self.endpoint.host.as_str(), Some(target.as_str()), body.to_string());
            signer.message(&Call { host, content_type: JSON, target, body: body.as_bytes() })
        };
        send_all(self.endpoint, operation, bodies.iter().map(sign).collect(), CONNECTIONS).await
    }
}

/// Users and roles have the same names, so that the user of an index assumes the role of that index.
fn name(index: usize) -> String {
    format!("bench-{index:04}")
}

/// Every user and every role, so that some grants on each key are for the one who asks, and most are not.
fn grantees(account_id: &str, names: &[String]) -> Vec<String> {
    let kinds = ["user", "role"].into_iter();
    kinds.flat_map(|kind| names.iter().map(move |name| format!("arn:aws:iam::{account_id}:{kind}/{name}"))).collect()
}

fn document(statements: &Value) -> String {
    json!({"Version": "2012-10-17", "Statement": statements}).to_string()
}

/// What each user may do: no more than assume the roles.
fn assuming(account_id: &str) -> String {
    let roles = format!("arn:aws:iam::{account_id}:role/bench-*");
    document(&json!([{"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": roles}]))
}

/// The statements of the five policies.
fn policies(account_id: &str) -> [Value; 5] {
    let keys = format!("arn:aws:kms:*:{account_id}:key/*");
    let statement = |effect: &str, actions: Value, condition: Value| json!({"Effect": effect, "Action": actions, "Resource": keys, "Condition": condition});
    let deny = |actions: Value, condition: Value| statement("Deny", actions, condition);
    let allow = |actions: Value, condition: Value| statement("Allow", actions, condition);
    let (everything, encrypt) = (json!("kms:*"), json!("kms:Encrypt"));
    let sealing = json!(["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey*"]);
    let own_team = json!({"aws:ResourceTag/team": "${aws:PrincipalTag/team}"});
    let roles = format!("arn:aws:iam::{account_id}:role/bench-*");
    [
        json!([
            deny(everything.clone(), json!({"NotIpAddress": {"aws:SourceIp": ["10.0.0.0/8", "127.0.0.0/8"]}})),
            deny(everything.clone(), json!({"DateLessThan": {"aws:CurrentTime": "2024-01-01T00:00:00Z"}})),
            deny(everything.clone(), json!({"StringNotEquals": {"aws:RequestedRegion": ["us-east-1", "us-west-2"]}})),
            deny(everything.clone(), json!({"ArnNotLike": {"aws:PrincipalArn": &roles}})),
        ]),
        json!([
            deny(sealing.clone(), json!({"StringNotLike": {"kms:EncryptionContext:record": "customer-*"}})),
            deny(sealing.clone(), json!({"Null": {"kms:EncryptionContext:purpose-1": "true"}})),
            deny(
                sealing.clone(),
                json!({"ForAnyValue:StringNotEquals": {"kms:EncryptionContextKeys": ["purpose-1", "record"]}}),
            ),
            deny(sealing, json!({"StringEquals": {"kms:EncryptionContext:purpose-1": ["advertising", "resale"]}})),
        ]),
        json!([
            allow(encrypt.clone(), json!({"StringEquals": own_team, "StringLike": {"aws:PrincipalTag/job": "audit*"}})),
            allow(json!("kms:Decrypt"), json!({"StringEquals": own_team})),
            allow(json!("kms:DescribeKey"), json!({"StringEqualsIgnoreCase": {"aws:ResourceTag/team": "Payments"}})),
            deny(
                json!(["kms:DisableKey", "kms:ScheduleKeyDeletion"]),
                json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}),
            ),
        ]),
        json!([
            allow(
                encrypt.clone(),
                json!({"StringEquals": own_team, "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/archive/*"}}),
            ),
            allow(json!("kms:GenerateDataKey*"), json!({"StringEquals": {"kms:KeySpec": "SYMMETRIC_DEFAULT"}})),
            allow(json!("kms:ReEncrypt*"), json!({"Bool": {"kms:ReEncryptOnSameKey": "true"}})),
            allow(
                json!("kms:CreateGrant"),
                json!({"ForAllValues:StringEquals": {"kms:GrantOperations": ["Decrypt", "Encrypt"]}}),
            ),
        ]),
        json!([
            deny(everything, json!({"StringNotEquals": {"kms:CallerAccount": account_id}})),
            allow(
                encrypt.clone(),
                json!({"StringEquals": own_team, "NumericLessThan": {"aws:MultiFactorAuthAge": "300"}})
            ),
            allow(json!("kms:GetKeyPolicy"), json!({"StringLike": {"aws:userid": "*:bench"}})),
            allow(
                encrypt,
                json!({
                    "ArnLike": {"aws:PrincipalArn": roles},
                    "DateGreaterThan": {"aws:TokenIssueTime": "2024-01-01T00:00:00Z"},
                    "ForAnyValue:StringLike": {"kms:ResourceAliases": "alias/session/*"},
                    "IpAddress": {"aws:SourceIp": "127.0.0.0/8"},
                    "StringEquals": {
                        "aws:ResourceTag/team": "${aws:PrincipalTag/team}",
                        "kms:EncryptionContext:purpose-1": "quarterly-report",
                        "kms:KeySpec": "SYMMETRIC_DEFAULT",
                    },
                    "StringLike": {"kms:EncryptionContext:record": "customer-*"},
                }),
            ),
        ]),
    ]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn five_policies_have_twenty_statements_with_conditions_of_many_kinds() {
        let policies = policies("111122223333");
        let statements: Vec<_> = policies.iter().filter_map(Value::as_array).flatten().collect();
        assert_eq!((policies.len(), statements.len()), (5, 20));
        let mut operators = BTreeSet::new();
        for statement in statements {
            let condition = statement["Condition"].as_object().unwrap();
            assert!(!condition.is_empty(), "{statement}");
            operators.extend(condition.keys());
        }
        assert!(operators.len() >= 15, "{operators:?}");
        for policy in &policies {
            // The quota of a managed policy.
            assert!(document(policy).len() <= 6_144, "{policy}");
        }
    }

    #[test]
    fn every_key_has_grants_for_everybody() {
        let names: Vec<_> = (0..50).map(name).collect();
        let grantees = grantees("111122223333", &names);
        assert_eq!((grantees.len(), GRANTS_PER_KEY % grantees.len()), (100, 0));
        assert!(grantees.contains(&"arn:aws:iam::111122223333:role/bench-0049".to_owned()), "{grantees:?}");
    }
}
