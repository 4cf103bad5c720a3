//! `GetUser`: what a user is; without a name, the caller. Source: IAM API reference, GetUser.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Operation, Read};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::users::{self, UserShown};
use crate::wire::Fields;

/// The request.
pub struct GetUser {
    user: UserPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user: UserShown,
}

impl Operation for GetUser {
    const NAME: &'static str = "GetUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user_or_caller(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Read for GetUser {
    fn run(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Reply, Error> {
        Ok(Reply { user: UserShown::from(target.existing()?) })
    }
}
