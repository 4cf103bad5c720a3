//! `UpdateRole`: a role gets another description or longest session. What the request does not name stays. Source: IAM
//! API reference, UpdateRole.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::{entities, roles};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct UpdateRole {
    role: RolePlace,
    description: Option<String>,
    session_seconds_max: Option<u32>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {}

impl Operation for UpdateRole {
    const NAME: &'static str = "UpdateRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            role: entities::named(fields)?,
            description: fields.string("Description"),
            session_seconds_max: roles::session_seconds(fields)?,
        })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for UpdateRole {
    fn decide(&self, _: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<Reply>, Error> {
        let changes = entities::edit(target.existing()?, |record| {
            if let Some(description) = &self.description {
                record.description = Some(description.clone());
            }
            if let Some(seconds) = self.session_seconds_max {
                record.session_seconds_max = seconds;
            }
        });
        Ok(changes.reply(Reply {}))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::TestKms;

    #[test]
    fn what_is_named_changes() {
        let kms = TestKms::new();
        kms.role("x");
        let shown = |role: Value| (role["Role"]["Description"].clone(), role["Role"]["MaxSessionDuration"].clone());
        for (body, want) in [
            (json!({"RoleName": "x", "Description": "a"}), (json!("a"), json!(3600))),
            (json!({"RoleName": "X", "MaxSessionDuration": 7200}), (json!("a"), json!(7200))),
            (json!({"RoleName": "x", "Description": "b", "MaxSessionDuration": 3600}), (json!("b"), json!(3600))),
        ] {
            assert_eq!(kms.ok("UpdateRole", body.clone()), json!({}), "{body}");
            assert_eq!(shown(kms.ok("GetRole", json!({"RoleName": "x"}))), want, "{body}");
        }
    }
}
