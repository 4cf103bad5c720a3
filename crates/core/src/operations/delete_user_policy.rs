//! `DeleteUserPolicy`: an inline policy of a user goes. Source: IAM API reference, DeleteUserPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{inline, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteUserPolicy {
    user: UserPlace,
    policy_name: String,
}

impl Operation for DeleteUserPolicy {
    const NAME: &'static str = "DeleteUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)?, policy_name: inline::name(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for DeleteUserPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        Ok(inline::delete(target.existing()?, &self.policy_name)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn what_it_allowed_is_refused_at_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "kms:ListKeys", "*"));
        ann.ok("ListKeys", json!({}));
        let body = json!({"UserName": "ann", "PolicyName": "p"});
        assert_eq!(kms.ok("DeleteUserPolicy", body.clone()), Value::Null);
        let because = " on resource: * because no identity-based policy allows the kms:ListKeys action";
        assert_eq!(ann.call("ListKeys", json!({})), Err(ann.denied("kms:ListKeys", because)));
        let text = "The user policy with name p cannot be found.";
        assert_eq!(kms.call("DeleteUserPolicy", body), Err(refused("NoSuchEntity", text)));
    }
}
