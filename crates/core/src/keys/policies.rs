//! Key policies on their way in: parsed, bound to the users and roles that they name, and checked against lock-out.

use claviger_policy::{Action, KeyPolicy, KeyPolicyDocument, PolicyError, Values};
use claviger_types::{AccountId, KeyArn, ServiceName, limits};

use crate::error::Error;
use crate::identity::principal_ids;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::action;
use crate::records::KeyPolicyRecord;
use crate::target::{Subject, decision};

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

impl LockoutCheck {
    /// `kms:BypassPolicyLockoutSafetyCheck`.
    pub fn condition(self) -> Values<'static> {
        Values::boolean(self == Self::Bypassed)
    }
}

/// The policy `document` as the key `arn` will store it.
pub fn accept(document: &str, arn: KeyArn, lockout: LockoutCheck, facts: &Facts<'_>) -> Result<KeyPolicyRecord, Error> {
    if document.len() > limits::KEY_POLICY_BYTES_MAX {
        let limit = limits::KEY_POLICY_BYTES_MAX;
        return Err(Error::LimitExceeded(format!("The policy is longer than {limit} bytes.")));
    }
    let parsed = KeyPolicyDocument::parse(document).map_err(refused)?;
    let ids = principal_ids::ids_of(parsed.principals(), facts.view);
    let compiled = parsed.compile(&ids).map_err(refused)?;
    if lockout == LockoutCheck::Made && !lets_caller_put(&compiled, arn, facts) {
        let text = "The new key policy will not allow you to update the key policy in the future.";
        return Err(Error::MalformedPolicyDocument(text.into()));
    }
    Ok(KeyPolicyRecord { document: document.to_owned(), principals: principal_ids::to_record(&ids) })
}

const PUT_KEY_POLICY: Action = action!(ServiceName::Kms, "PutKeyPolicy");

/// Whether the caller may change the key's policy again.
fn lets_caller_put(policy: &KeyPolicy, arn: KeyArn, facts: &Facts<'_>) -> bool {
    let subject = facts.view.key(arn.region, arn.id).map_or(Subject::NewKey, |key| Subject::Key(key));
    decision::by_key_policy(policy, arn, PUT_KEY_POLICY, subject, facts).is_ok()
}

fn refused(error: PolicyError) -> Error {
    Error::MalformedPolicyDocument(match error {
        PolicyError::UnknownPrincipal { .. } => {
            "Policy contains a statement with one or more invalid principals.".into()
        }
        error @ (PolicyError::Malformed { .. }
        | PolicyError::OverlyPermissiveCondition { .. }
        | PolicyError::TooLong { .. }
        | PolicyError::Unsupported { .. }) => error.to_string(),
    })
}
