//! `PutUserPermissionsBoundary`: a managed policy bounds what a user may do. Source: IAM API reference,
//! PutUserPermissionsBoundary.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::attachments::BoundaryArn;
use crate::identity::{attachments, entities, policies};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct PutUserPermissionsBoundary {
    user: UserPlace,
    policy: BoundaryArn,
}

impl Operation for PutUserPermissionsBoundary {
    const NAME: &'static str = "PutUserPermissionsBoundary";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let policy = policies::parse_arn(&fields.string("PermissionsBoundary").unwrap_or_default())?;
        Ok(Self { user: entities::named(fields)?, policy: BoundaryArn(policy) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.policy
    }
}

impl PlainCommand for PutUserPermissionsBoundary {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::set_boundary(target.existing()?, &self.policy.0, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    /// It takes away what it does not allow, and gives nothing.
    #[test]
    fn it_bounds_at_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        ann.ok("ListAliases", json!({}));
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "ann", "PermissionsBoundary": arn}));
        ann.ok("ListKeys", json!({}));
        assert!(ann.call("ListAliases", json!({})).is_err());
        let bob = kms.admin().user("bob", "");
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "bob", "PermissionsBoundary": arn}));
        assert!(bob.call("ListKeys", json!({})).is_err());
        kms.ok("DeleteUserPermissionsBoundary", json!({"UserName": "ann"}));
        ann.ok("ListAliases", json!({}));
    }

    #[test]
    fn it_is_set_and_replaced() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "x"}));
        let (a, b) =
            (kms.policy("a", &statement("Allow", "kms:*", "*")), kms.policy("b", &statement("Allow", "kms:*", "*")));
        for (arn, uses) in
            [(&*a, [1, 0]), (&a, [1, 0]), (&b, [0, 1]), ("arn:aws:iam::aws:policy/ReadOnlyAccess", [0, 0])]
        {
            let body = json!({"UserName": "x", "PermissionsBoundary": arn});
            assert_eq!(kms.ok("PutUserPermissionsBoundary", body), Value::Null, "{arn}");
            let shown = json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn});
            assert_eq!(kms.ok("GetUser", json!({"UserName": "x"}))["User"]["PermissionsBoundary"], shown);
            for (policy, uses) in [&a, &b].into_iter().zip(uses) {
                let count =
                    &kms.ok("GetPolicy", json!({"PolicyArn": policy}))["Policy"]["PermissionsBoundaryUsageCount"];
                assert_eq!(count, uses, "{arn} {policy}");
            }
        }
        let none = "arn:aws:iam::111122223333:policy/none";
        let text = format!("Policy {none} does not exist or is not attachable.");
        let answer = kms.call("PutUserPermissionsBoundary", json!({"UserName": "x", "PermissionsBoundary": none}));
        assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
    }
}
