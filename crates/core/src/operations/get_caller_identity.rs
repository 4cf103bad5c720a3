//! `GetCallerIdentity`: who am I. No policy can forbid it. Source: STS API reference, GetCallerIdentity.

use claviger_types::{AccountId, PrincipalArn, ServiceName, UserId};
use serde::Serialize;

use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Operation, Read};
use crate::target::{Authorized, Everybody};
use crate::wire::Fields;

/// The request.
pub struct GetCallerIdentity;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user_id: UserId,
    account: AccountId,
    arn: PrincipalArn,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    const SERVICE: ServiceName = ServiceName::Sts;
    type Target = Everybody;
    type Reply = Reply;

    fn parse(_: &mut Fields) -> Result<Self, Error> {
        Ok(Self)
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for GetCallerIdentity {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Everybody>) -> Result<Reply, Error> {
        let caller = facts.caller;
        Ok(Reply { user_id: caller.id, account: caller.account, arn: caller.arn() })
    }
}
