//! A large deployment, made through the API: two accounts, five Regions, keys with an alias and two tags each, and
//! at most 1,000 distinct key policies.

use std::path::Path;
use std::process::Command;

use serde::Deserialize;

use crate::BenchError;
use crate::connection::Endpoint;
use crate::exchange::send_all;
use crate::setup::created_key_id;
use crate::sigv4::{Call, JSON, Signer, SigningTime};
use crate::targets::{Administrator, Credential, SecretText};

/// Where the keys are.
const REGIONS: [&str; 5] = ["ap-southeast-2", "eu-central-1", "eu-west-1", "us-east-1", "us-west-2"];
/// Distinct policies of each of the two accounts.
const POLICIES: usize = 500;
const SECOND_ACCOUNT: &str = "222233334444";
/// Signatures live for 5 minutes: each batch is signed when it is sent.
const BATCH: usize = 10_000;
const CONNECTIONS: usize = 256;

/// Creates that many keys, spread evenly; `tell` gets a line now and then.
pub async fn populate(
    endpoint: &Endpoint,
    administrators: &[Administrator; 2],
    keys: usize,
    mut tell: impl FnMut(&str),
) -> Result<(), BenchError> {
    let here = keys / (administrators.len() * REGIONS.len());
    for administrator in administrators {
        for region in REGIONS {
            let place = Place { endpoint, administrator, region };
            for start in (0..here).step_by(BATCH) {
                place.create(start..here.min(start + BATCH)).await?;
            }
            tell(&format!("{here} keys created in {region} for {}", administrator.account_id));
        }
    }
    Ok(())
}

/// Creates a second account with the product's own command line, and gives its administrator.
pub fn create_account(program: &Path, endpoint: &Endpoint, credentials: &Path) -> Result<Administrator, BenchError> {
    let mut command = Command::new(program);
    command.args(["account", "create", "--id", SECOND_ACCOUNT, "--name", "bench", "--output", "json"]);
    for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"] {
        command.env_remove(name);
    }
    command.env("AWS_SHARED_CREDENTIALS_FILE", credentials).env("AWS_REGION", "us-east-1");
    command.env("AWS_ENDPOINT_URL", format!("http://{}", endpoint.host));
    let output = command.output().map_err(|error| BenchError::file(program, error))?;
    if !output.status.success() {
        return Err(BenchError::Process(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    let unclear = |_| BenchError::Reply("account create".to_owned());
    let reply: CreateAccountReply = serde_json::from_slice(&output.stdout).map_err(unclear)?;
    Ok(Administrator {
        account_id: reply.account.id,
        credential: Credential {
            access_key_id: reply.access_key.access_key_id,
            secret_access_key: reply.access_key.secret_access_key,
            session_token: None,
        },
    })
}

/// One account in one Region.
struct Place<'a> {
    endpoint: &'a Endpoint,
    administrator: &'a Administrator,
    region: &'a str,
}

impl Place<'_> {
    async fn create(&self, numbers: std::ops::Range<usize>) -> Result<(), BenchError> {
        let bodies = numbers.clone().map(|number| create_key_body(&self.administrator.account_id, number));
        let replies = self.send("CreateKey", bodies.collect()).await?;
        let key_ids = replies.iter().map(|reply| created_key_id(reply)).collect::<Result<Vec<_>, _>>()?;
        let bodies = numbers.zip(&key_ids).map(|(number, key_id)| {
            serde_json::json!({"AliasName": format!("alias/service/{number:06}"), "TargetKeyId": key_id}).to_string()
        });
        self.send("CreateAlias", bodies.collect()).await?;
        Ok(())
    }

    async fn send(&self, operation: &str, bodies: Vec<String>) -> Result<Vec<Vec<u8>>, BenchError> {
        let signer = Signer::new(&self.administrator.credential, &SigningTime::now(), self.region, "kms");
        let target = format!("TrentService.{operation}");
        let sign = |body: &String| {
            let (host, target) = (self.endpoint.host.as_str(), Some(target.as_str()));
            signer.message(&Call { host, content_type: JSON, target, body: body.as_bytes() })
        };
        send_all(self.endpoint, operation, bodies.iter().map(sign).collect(), CONNECTIONS).await
    }
}

fn create_key_body(account_id: &str, number: usize) -> String {
    let team = number % POLICIES;
    let policy = serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "account",
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account_id}:root")},
                "Action": "kms:*",
                "Resource": "*",
            },
            {
                "Sid": format!("team{team:04}"),
                "Effect": "Allow",
                "Principal": {"AWS": format!("arn:aws:iam::{account_id}:user/admin")},
                "Action": ["kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey"],
                "Resource": "*",
            },
        ],
    });
    serde_json::json!({
        "Description": format!("service {number}"),
        "Policy": policy.to_string(),
        "Tags": [
            {"TagKey": "team", "TagValue": format!("team-{team:04}")},
            {"TagKey": "environment", "TagValue": if number.is_multiple_of(3) { "production" } else { "test" }},
        ],
    })
    .to_string()
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateAccountReply {
    account: CreatedAccount,
    access_key: CreatedAccessKey,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedAccount {
    id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreatedAccessKey {
    access_key_id: String,
    secret_access_key: SecretText,
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn two_accounts_have_at_most_a_thousand_policies_and_each_key_two_tags() {
        let mut policies = HashSet::new();
        for account_id in ["111122223333", SECOND_ACCOUNT] {
            for number in 0..2_000 {
                let body: serde_json::Value = serde_json::from_str(&create_key_body(account_id, number)).unwrap();
                assert_eq!(body["Tags"].as_array().map(Vec::len), Some(2), "{body}");
                policies.insert(body["Policy"].as_str().unwrap().to_owned());
            }
        }
        assert_eq!(policies.len(), 1_000);
    }
}
