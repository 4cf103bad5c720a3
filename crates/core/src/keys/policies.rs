//! Key policies on their way in: parsed, bound to the users that they name, and checked against lock-out.

use claviger_policy::{Action, Decision, KeyPolicyDocument, KeyResource, PolicyError};
use claviger_types::{AccountId, KeyArn, PrincipalArn, ServiceName, UserId, limits};

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::records::KeyPolicyRecord;

/// The policy of a key that was given none. Source: developer guide, "Default key policy".
pub fn default_document(account: AccountId) -> String {
    format!(
        r#"{{
  "Version" : "2012-10-17",
  "Id" : "key-default-1",
  "Statement" : [ {{
    "Sid" : "Enable IAM User Permissions",
    "Effect" : "Allow",
    "Principal" : {{
      "AWS" : "arn:aws:iam::{account}:root"
    }},
    "Action" : "kms:*",
    "Resource" : "*"
  }} ]
}}"#
    )
}

/// Whether the lock-out check is made. Source: API reference, BypassPolicyLockoutSafetyCheck.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutCheck {
    /// The caller knows what it does.
    Bypassed,
    /// The caller must be able to change the policy again.
    Made,
}

/// The policy `document` as the key `arn` will store it.
pub fn accept(document: &str, arn: KeyArn, lockout: LockoutCheck, facts: &Facts<'_>) -> Result<KeyPolicyRecord, Error> {
    if document.len() > limits::KEY_POLICY_BYTES_MAX {
        let limit = limits::KEY_POLICY_BYTES_MAX;
        return Err(Error::LimitExceeded(format!("The policy is longer than {limit} bytes.")));
    }
    let parsed = KeyPolicyDocument::parse(document).map_err(refused)?;
    let users: Vec<(PrincipalArn, UserId)> = parsed.users().filter_map(|arn| bind(arn, facts)).collect();
    let compiled = parsed.compile(&users).map_err(refused)?;
    if lockout == LockoutCheck::Made {
        let action = Action { service: ServiceName::Kms, name: "PutKeyPolicy" };
        let resource = KeyResource { arn, policy: &compiled };
        if let Decision::Deny(_) = facts.caller.decide_on_key(action, resource) {
            let text = "The new key policy will not allow you to update the key policy in the future.";
            return Err(Error::MalformedPolicyDocument(text.into()));
        }
    }
    let users = users.iter().map(|(arn, id)| (arn.to_string(), id.to_string())).collect();
    Ok(KeyPolicyRecord { document: document.to_owned(), users })
}

/// The user of this ARN with its unique id; the path must be the user's own.
fn bind(arn: &PrincipalArn, facts: &Facts<'_>) -> Option<(PrincipalArn, UserId)> {
    let PrincipalArn::User { account, path, name } = arn else { return None };
    let user = facts.view.user(*account, name).filter(|user| user.path == *path && user.name == *name)?;
    Some((arn.clone(), user.id))
}

fn refused(error: PolicyError) -> Error {
    Error::MalformedPolicyDocument(match error {
        PolicyError::UnknownPrincipal { .. } => {
            "Policy contains a statement with one or more invalid principals.".into()
        }
        error @ (PolicyError::Malformed { .. } | PolicyError::TooLong { .. } | PolicyError::Unsupported { .. }) => {
            error.to_string()
        }
    })
}
