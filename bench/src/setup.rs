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
pub(crate) const BATCH: usize = 10_000;
/// A server that commits in groups is at its best with many writers.
pub(crate) const CONNECTIONS: usize = 256;

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
    let credentials = create_users(endpoint, administrator, &names, &policy).await?;
    let key_ids = create_keys(endpoint, administrator, region, keys).await?;
    Ok(Targets { region: region.to_owned(), account_id, credentials, key_ids })
}

/// Users with this one policy and an access key each, which are given back.
pub async fn create_users(
    endpoint: &Endpoint,
    administrator: &Administrator,
    names: &[String],
    policy: &str,
) -> Result<Vec<Credential>, BenchError> {
    let iam = Iam { endpoint, administrator };
    iam.ask_each("CreateUser", "UserName", names, &[]).await?;
    let members = [("PolicyName", "bench"), ("PolicyDocument", policy)];
    iam.ask_each("PutUserPolicy", "UserName", names, &members).await?;
    let replies = iam.ask_each("CreateAccessKey", "UserName", names, &[]).await?;
    let credentials = replies.iter().map(|xml| credential(xml)).collect::<Option<Vec<_>>>();
    credentials.ok_or_else(|| BenchError::Reply("CreateAccessKey".to_owned()))
}

/// IAM, asked by the administrator.
pub struct Iam<'a> {
    /// Where.
    pub endpoint: &'a Endpoint,
    /// By whom.
    pub administrator: &'a Administrator,
}

impl Iam<'_> {
    /// Sends one action for each name, which is the member `name_member` of its request; gives the XML replies.
    pub async fn ask_each(
        &self,
        action: &str,
        name_member: &str,
        names: &[String],
        members: &[(&str, &str)],
    ) -> Result<Vec<String>, BenchError> {
        let signer = Signer::new(&self.administrator.credential, &SigningTime::now(), IAM_REGION, "iam");
        let messages = names
            .iter()
            .map(|name| {
                let mut form = form_urlencoded::Serializer::new(String::new());
                form.append_pair("Action", action).append_pair("Version", IAM_VERSION);
                form.append_pair(name_member, name).extend_pairs(members);
                let (host, body) = (self.endpoint.host.as_str(), form.finish());
                signer.message(&Call { host, content_type: FORM, target: None, body: body.as_bytes() })
            })
            .collect();
        let replies = send_all(self.endpoint, action, messages, CONNECTIONS).await?;
        Ok(replies.into_iter().map(|reply| String::from_utf8_lossy(&reply).into_owned()).collect())
    }
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

/// The credential in the reply of CreateAccessKey or AssumeRole.
pub fn credential(xml: &str) -> Option<Credential> {
    Some(Credential {
        access_key_id: element(xml, "AccessKeyId")?.to_owned(),
        secret_access_key: SecretText::new(element(xml, "SecretAccessKey")?.to_owned()),
        session_token: element(xml, "SessionToken").map(|token| SecretText::new(token.to_owned())),
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
        assert!(read.session_token.is_none());
        let session = xml.replace("<Status>Active</Status>", "<SessionToken>t/+=</SessionToken>");
        assert_eq!(credential(&session).unwrap().session_token.unwrap().expose(), "t/+=");
        assert!(credential("<ErrorResponse></ErrorResponse>").is_none());
    }
}
