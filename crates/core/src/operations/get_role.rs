//! `GetRole`: what a role is. Source: IAM API reference, GetRole.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::roles::RoleShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct GetRole {
    role: RolePlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    role: RoleShown,
}

impl Operation for GetRole {
    const NAME: &'static str = "GetRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)? })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl Read for GetRole {
    fn run(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Reply, Error> {
        Ok(Reply { role: RoleShown::whole(target.existing()?, facts.view) })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{HOME, TestKms, refused, statement, trust};

    /// What is said to a caller without permission is the same whether or not there is such a role, and where.
    #[test]
    fn nobody_learns_of_roles_without_permission() {
        let kms = TestKms::new();
        let body = json!({"RoleName": "there", "Path": "/secret/", "AssumeRolePolicyDocument": trust(HOME)});
        kms.ok("CreateRole", body);
        let caller = kms.admin().user("caller", &statement("Allow", "iam:GetRole", "arn:aws:iam::*:role/team/*"));
        for name in ["there", "missing"] {
            let rest =
                format!(" on resource: role {name} because no identity-based policy allows the iam:GetRole action");
            let answer = caller.call("GetRole", json!({"RoleName": name}));
            assert_eq!(answer, Err(caller.denied("iam:GetRole", &rest)), "{name}");
        }
        let text = "The role with name missing cannot be found.";
        assert_eq!(kms.call("GetRole", json!({"RoleName": "missing"})), Err(refused("NoSuchEntity", text)));
        assert_eq!(kms.ok("GetRole", json!({"RoleName": "THERE"}))["Role"]["RoleName"], "there");
    }
}
