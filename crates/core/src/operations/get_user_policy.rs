//! `GetUserPolicy`: an inline policy of a user, as it was put, percent-encoded. Source: IAM API reference,
//! GetUserPolicy.

use claviger_types::{ServiceName, UserName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::{documents, inline, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct GetUserPolicy {
    user: UserPlace,
    policy_name: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user_name: UserName,
    policy_name: String,
    policy_document: String,
}

impl Operation for GetUserPolicy {
    const NAME: &'static str = "GetUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for GetUserPolicy {
    fn run(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let policy = inline::find(user, &self.policy_name)?;
        Ok(Reply {
            user_name: user.name.clone(),
            policy_name: policy.name.to_string(),
            policy_document: documents::percent_encoded(&policy.document.text),
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn as_it_was_put_percent_encoded() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "Ann"}));
        let document = format!("{}\n", policy(&statement("Allow", "kms:*", "arn:aws:kms:*:*:alias/é")));
        kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "P", "PolicyDocument": document}));
        let reply = kms.ok("GetUserPolicy", json!({"UserName": "ANN", "PolicyName": "P"}));
        assert_eq!((&reply["UserName"], &reply["PolicyName"]), (&json!("Ann"), &json!("P")));
        let encoded = format!("x={}", reply["PolicyDocument"].as_str().unwrap());
        let (_, decoded) = form_urlencoded::parse(encoded.as_bytes()).next().unwrap();
        assert_eq!(decoded, document);
    }

    #[test]
    fn missing() {
        let kms = TestKms::new();
        for (user, text) in [
            ("admin", "The user policy with name none cannot be found."),
            ("bob", "The user with name bob cannot be found."),
        ] {
            let answer = kms.call("GetUserPolicy", json!({"UserName": user, "PolicyName": "none"}));
            assert_eq!(answer, Err(refused("NoSuchEntity", text)));
        }
    }
}
