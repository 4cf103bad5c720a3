//! `GetUser`: what a user is; without a name, the caller. Source: IAM API reference, GetUser.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::users::{self, UserShown};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, UserPlace, UserTarget};
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
        Ok(Reply { user: UserShown::whole(target.existing()?) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn a_user_by_name_or_the_caller() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "Ann", "Path": "/team/"}));
        let by_name = kms.ok("GetUser", json!({"UserName": "aNN"}));
        assert_eq!(by_name["User"]["UserName"], "Ann");
        assert_eq!(by_name["User"]["Path"], "/team/");
        assert_eq!(by_name["User"]["Arn"], "arn:aws:iam::111122223333:user/team/Ann");
        assert!(by_name["User"]["UserId"].as_str().unwrap().starts_with("AIDA"));
        assert_eq!(kms.ok("GetUser", json!({}))["User"]["UserName"], "admin");
        let missing = |name: &str| refused("NoSuchEntity", &format!("The user with name {name} cannot be found."));
        for name in ["bob", &"b".repeat(65)] {
            assert_eq!(kms.call("GetUser", json!({"UserName": name})), Err(missing(name)));
        }
        assert_eq!(kms.away().call("GetUser", json!({"UserName": "Ann"})), Err(missing("Ann")));
    }

    /// What is said to a caller without permission is the same whether or not there is such a user, and where.
    #[test]
    fn nobody_learns_of_users_without_permission() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "there", "Path": "/secret/"}));
        let caller = kms.admin().user("caller", &statement("Allow", "iam:GetUser", "arn:aws:iam::*:user/team/*"));
        for name in ["there", "missing"] {
            let rest =
                format!(" on resource: user {name} because no identity-based policy allows the iam:GetUser action");
            let answer = caller.call("GetUser", json!({"UserName": name}));
            assert_eq!(answer, Err(caller.denied("iam:GetUser", &rest)), "{name}");
        }
        kms.ok("CreateUser", json!({"UserName": "member", "Path": "/team/"}));
        assert_eq!(caller.ok("GetUser", json!({"UserName": "member"}))["User"]["Path"], "/team/");
    }
}
