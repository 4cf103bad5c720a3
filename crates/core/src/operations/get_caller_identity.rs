//! `GetCallerIdentity`: who am I. No policy can forbid it. Source: STS API reference, GetCallerIdentity.

use claviger_types::{AccountId, PrincipalArn, ServiceName};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read, Sessions};
use crate::target::{Authorized, Everybody};
use crate::wire::Fields;

/// The request.
pub struct GetCallerIdentity;

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user_id: String,
    account: AccountId,
    arn: PrincipalArn,
}

impl Operation for GetCallerIdentity {
    const NAME: &'static str = "GetCallerIdentity";
    const SERVICE: ServiceName = ServiceName::Sts;
    const SESSIONS: Sessions = Sessions::All;
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
        Ok(Reply { user_id: caller.user_id(), account: caller.account, arn: caller.arn() })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, statement};

    /// Source: STS API reference, GetCallerIdentity: no permission is needed, and none can be taken away.
    #[test]
    fn whoever_asks_is_told() {
        let kms = TestKms::new();
        let denied = statement("Deny", "*", "*");
        for (number, session) in [(0, kms.admin()), (1, kms.away())] {
            let caller = session.user(&format!("user-{number}"), &denied);
            let user = session.ok("GetUser", json!({"UserName": format!("user-{number}")}))["User"].clone();
            let account = caller.account().to_string();
            let want = json!({"UserId": user["UserId"], "Account": account, "Arn": user["Arn"]});
            assert_eq!(caller.ok("GetCallerIdentity", json!({})), want);
        }
    }
}
