//! Prepares a KMS endpoint for a bench: IAM users with one small policy each, and keys.

use serde::Deserialize;

use crate::BenchError;
use crate::connection::Endpoint;
use crate::exchange::send_all;
use crate::sigv4::{Call, FORM, JSON, Signer, SigningTime};
use crate::targets::{Administrator, Credential, SecretText, Targets};

/// IAM is global; its requests are signed for this Region.
const IAM_REGION: &str = "us-east-1";
const IAM_VERSION: &str = "2010-05-08";
/// Signatures live for 5 minutes: each batch is signed when it is sent.
const BATCH: usize = 10_000;
/// A server that commits in groups is at its best with many writers.
const CONNECTIONS: usize = 256;

/// Creates users with an access key each, and keys; gives the targets for the load generator.
pub async fn prepare(
    endpoint: &Endpoint,
    administrator: &Administrator,
    region: &str,
    users: usize,
    keys: usize,
) -> Result<Targets, BenchError> {
    let account_id = administrator.account_id.clone();
    let names: Vec<_> = (0..users).map(|index| format!("bench-{index:04}")).collect();
    let policy = policy(&account_id);
    ask_iam(endpoint, administrator, "CreateUser", &names, &[]).await?;
    let policy_members = [("PolicyName", "use-keys"), ("PolicyDocument", policy.as_str())];
    ask_iam(endpoint, administrator, "PutUserPolicy", &names, &policy_members).await?;
    let access_keys = ask_iam(endpoint, administrator, "CreateAccessKey", &names, &[]).await?;
    let credentials = access_keys.iter().map(|xml| credential(xml)).collect::<Option<Vec<_>>>();
    let credentials = credentials.ok_or_else(|| BenchError::Reply("CreateAccessKey".to_owned()))?;
    let key_ids = create_keys(endpoint, administrator, region, keys).await?;
    Ok(Targets { region: region.to_owned(), account_id, credentials, key_ids })
}

/// The id in a reply of CreateKey.
pub fn created_key_id(reply: &[u8]) -> Result<String, BenchError> {
    let reply: CreateKeyReply = serde_json::from_slice(reply).map_err(|_| BenchError::Reply("CreateKey".to_owned()))?;
    Ok(reply.key_metadata.key_id)
}

async fn create_keys(
    endpoint: &Endpoint,
    administrator: &Administrator,
    region: &str,
    keys: usize,
) -> Result<Vec<String>, BenchError> {
    let mut key_ids = Vec::with_capacity(keys);
    while key_ids.len() < keys {
        let signer = Signer::new(&administrator.credential, &SigningTime::now(), region, "kms");
        let batch = (key_ids.len()..keys.min(key_ids.len() + BATCH))
            .map(|index| {
                let body = format!(r#"{{"Description":"bench {index}"}}"#);
                let target = Some("TrentService.CreateKey");
                signer.message(&Call { host: &endpoint.host, content_type: JSON, target, body: body.as_bytes() })
            })
            .collect();
        for reply in send_all(endpoint, "CreateKey", batch, CONNECTIONS).await? {
            key_ids.push(created_key_id(&reply)?);
        }
    }
    Ok(key_ids)
}

/// Sends one IAM action for each user; gives the XML replies.
async fn ask_iam(
    endpoint: &Endpoint,
    administrator: &Administrator,
    action: &str,
    user_names: &[String],
    members: &[(&str, &str)],
) -> Result<Vec<String>, BenchError> {
    let signer = Signer::new(&administrator.credential, &SigningTime::now(), IAM_REGION, "iam");
    let messages = user_names
        .iter()
        .map(|user_name| {
            let mut form = form_urlencoded::Serializer::new(String::new());
            form.append_pair("Action", action).append_pair("Version", IAM_VERSION);
            form.append_pair("UserName", user_name).extend_pairs(members);
            let body = form.finish();
            signer.message(&Call { host: &endpoint.host, content_type: FORM, target: None, body: body.as_bytes() })
        })
        .collect();
    let replies = send_all(endpoint, action, messages, CONNECTIONS).await?;
    Ok(replies.into_iter().map(|reply| String::from_utf8_lossy(&reply).into_owned()).collect())
}

/// What each user may do: exactly what the load generator asks.
fn policy(account_id: &str) -> String {
    serde_json::json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"],
            "Resource": format!("arn:aws:kms:*:{account_id}:key/*"),
        }],
    })
    .to_string()
}

fn credential(xml: &str) -> Option<Credential> {
    Some(Credential {
        access_key_id: element(xml, "AccessKeyId")?.to_owned(),
        secret_access_key: SecretText::new(element(xml, "SecretAccessKey")?.to_owned()),
    })
}

/// The text of the first element of this name. Access keys hold nothing that XML escapes.
fn element<'a>(xml: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|(text, _)| text)
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CreateKeyReply {
    key_metadata: KeyMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    key_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_access_key_is_read_from_its_reply() {
        let xml = "<CreateAccessKeyResponse xmlns=\"https://iam.amazonaws.com/doc/2010-05-08/\"><CreateAccessKeyResult>\
                   <AccessKey><UserName>bench-0001</UserName><AccessKeyId>AKIA234567ABCDEFGHIJ</AccessKeyId>\
                   <Status>Active</Status><SecretAccessKey>a/b+c=</SecretAccessKey></AccessKey>\
                   </CreateAccessKeyResult></CreateAccessKeyResponse>";
        let read = credential(xml).unwrap();
        assert_eq!(read.access_key_id, "AKIA234567ABCDEFGHIJ");
        assert_eq!(read.secret_access_key.expose(), "a/b+c=");
        assert!(credential("<ErrorResponse></ErrorResponse>").is_none());
    }
}
