//! `UpdateRoleDescription`: a role gets another description. Source: IAM API reference, UpdateRoleDescription.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::roles::RoleShown;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::view::Role;
use crate::wire::Fields;

/// The request.
pub struct UpdateRoleDescription {
    role: RolePlace,
    description: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    role: RoleShown,
}

impl Operation for UpdateRoleDescription {
    const NAME: &'static str = "UpdateRoleDescription";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, description: fields.string("Description").unwrap_or_default() })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for UpdateRoleDescription {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<Reply>, Error> {
        let role = target.existing()?;
        let changes = entities::edit(role, |record| record.description = Some(self.description.clone()));
        let role = Role { description: Some(self.description.as_str().into()), ..role.clone() };
        Ok(changes.reply(Reply { role: RoleShown::whole(&role, facts.view) }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::TestKms;

    #[test]
    fn it_is_answered() {
        let kms = TestKms::new();
        kms.role("x");
        let answer = kms.ok("UpdateRoleDescription", json!({"RoleName": "X", "Description": "new"}));
        assert_eq!(answer["Role"]["Description"], "new");
        assert_eq!(answer, kms.ok("GetRole", json!({"RoleName": "x"})));
    }
}
