//! `UpdateGroup`: a group gets another name or path. It stays the same for its users and policies. Source: IAM API
//! reference, UpdateGroup.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::entities;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, Rename, RenameTarget};
use crate::view::Group;
use crate::wire::Fields;

/// The request.
pub struct UpdateGroup {
    rename: Rename<Group>,
}

impl Operation for UpdateGroup {
    const NAME: &'static str = "UpdateGroup";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RenameTarget<Group>;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = fields.string("NewGroupName").map(|name| name.parse()).transpose();
        let name = name.map_err(|error: claviger_types::Malformed| Error::Internal(error.to_string()))?;
        let path = fields.string("NewPath").map(Into::into);
        Ok(Self { rename: Rename { from: entities::named(fields)?, name, path } })
    }

    fn target(&self) -> &Rename<Group> {
        &self.rename
    }
}

impl PlainCommand for UpdateGroup {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RenameTarget<Group>>) -> Result<Outcome<()>, Error> {
        Ok(entities::rename(target.from.existing()?, &self.rename, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn its_users_and_policies_stay() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        kms.ok("AttachGroupPolicy", json!({"GroupName": "team", "PolicyArn": arn}));
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "ann"}));
        for (old, new, path) in [("team", "Crew", "/a/"), ("crew", "CREW", "/a/"), ("crew", "Crew", "/")] {
            let body = json!({"GroupName": old, "NewGroupName": new, "NewPath": path});
            assert_eq!(kms.ok("UpdateGroup", body), Value::Null, "{old} {new}");
            let group = kms.ok("GetGroup", json!({"GroupName": "crew"}));
            assert_eq!(group["Group"]["Arn"], format!("arn:aws:iam::111122223333:group{path}{new}"));
            assert_eq!(group["Users"][0]["UserName"], "ann");
            ann.ok("ListKeys", json!({}));
        }
        let entities = kms.ok("ListEntitiesForPolicy", json!({"PolicyArn": arn}));
        assert_eq!(entities["PolicyGroups"][0]["GroupName"], "Crew");
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        let text = "Group with name Team already exists.";
        let answer = kms.call("UpdateGroup", json!({"GroupName": "crew", "NewGroupName": "Team"}));
        assert_eq!(answer, Err(refused("EntityAlreadyExists", text)));
    }
}
