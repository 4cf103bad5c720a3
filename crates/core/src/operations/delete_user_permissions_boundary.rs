//! `DeleteUserPermissionsBoundary`: nothing bounds what the policies of a user allow. Source: IAM API reference,
//! DeleteUserPermissionsBoundary.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{attachments, entities};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteUserPermissionsBoundary {
    user: UserPlace,
}

impl Operation for DeleteUserPermissionsBoundary {
    const NAME: &'static str = "DeleteUserPermissionsBoundary";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: entities::named(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for DeleteUserPermissionsBoundary {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::delete_boundary(target.existing()?)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn once() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "x"}));
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "x", "PermissionsBoundary": arn}));
        let body = json!({"UserName": "X"});
        assert_eq!(kms.ok("DeleteUserPermissionsBoundary", body.clone()), Value::Null);
        assert!(kms.ok("GetUser", body.clone())["User"].get("PermissionsBoundary").is_none());
        let text = "The user with name x has no permissions boundary.";
        assert_eq!(kms.call("DeleteUserPermissionsBoundary", body), Err(refused("NoSuchEntity", text)));
        kms.ok("DeletePolicy", json!({"PolicyArn": arn}));
    }
}
