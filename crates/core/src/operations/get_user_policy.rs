//! `GetUserPolicy`: an inline policy of a user, as it was put, percent-encoded. Source: IAM API reference,
//! GetUserPolicy.

use claviger_types::{ServiceName, UserName};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Operation, Read};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users;
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
        Ok(Self { user: users::named_user(fields)?, policy_name: fields.string("PolicyName").unwrap_or_default() })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for GetUserPolicy {
    fn run(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        let user = target.existing()?;
        let policy = user.policies.iter().find(|policy| policy.name == self.policy_name);
        let policy = policy.ok_or_else(|| Error::user_policy_not_found(&self.policy_name))?;
        Ok(Reply {
            user_name: user.name.clone(),
            policy_name: policy.name.clone(),
            policy_document: users::percent_encoded(&policy.document),
        })
    }
}
