//! `DeleteUser`: a user without access keys, policies, groups and MFA devices goes. Its unique id is never given again,
//! so that what names the user names nobody from then on. Source: IAM API reference, DeleteUser.

use claviger_keyring::Space;
use claviger_types::{PrincipalId, ServiceName};

use crate::error::Error;
use crate::identity::entities::{self, Entity};
use crate::identity::{attachments, users};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteUser {
    user: UserPlace,
}

impl Operation for DeleteUser {
    const NAME: &'static str = "DeleteUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)? })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for DeleteUser {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        if !user.access_keys.is_empty() {
            return Err(Error::DeleteConflict("Cannot delete entity, must remove access keys first.".into()));
        }
        entities::check_without_policies(user)?;
        if !user.groups.is_empty() {
            return Err(Error::DeleteConflict("Cannot delete entity, must remove users from group first.".into()));
        }
        if facts.view.mfa_devices_of(user.account, user.id, "").next().is_some() {
            return Err(Error::DeleteConflict("Cannot delete entity, must deactivate MFA devices first.".into()));
        }
        let changes = Changes::new(Space::Global).delete(user.record_path(), user.revision);
        let id = PrincipalId::User(user.id);
        let mut changes = entities::without_revocation(changes, user.account, id, facts.view);
        if let Some(boundary) = &user.boundary {
            changes = attachments::count_out(changes, &boundary.arn);
        }
        Ok(changes.count_out(paths::user_count(user.account)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn only_without_access_keys_and_policies() {
        let kms = TestKms::new();
        let user = kms.admin().user("ann", &statement("Allow", "kms:*", "*"));
        let delete = || kms.call("DeleteUser", json!({"UserName": "ANN"}));
        let conflict =
            |what: &str| Err(refused("DeleteConflict", &format!("Cannot delete entity, must {what} first.")));
        assert_eq!(delete(), conflict("remove access keys"));
        kms.ok("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": user.access_key_id.to_string()}));
        assert_eq!(delete(), conflict("delete policies"));
        kms.ok("DeleteUserPolicy", json!({"UserName": "ann", "PolicyName": "p"}));
        let attached = json!({"UserName": "ann", "PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"});
        kms.ok("AttachUserPolicy", attached.clone());
        assert_eq!(delete(), conflict("detach all policies"));
        kms.ok("DetachUserPolicy", attached);
        let member = json!({"UserName": "ann", "GroupName": "team"});
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("AddUserToGroup", member.clone());
        assert_eq!(delete(), conflict("remove users from group"));
        kms.ok("RemoveUserFromGroup", member);
        assert_eq!(delete(), Ok(Value::Null));
        assert_eq!(delete(), Err(refused("NoSuchEntity", "The user with name ANN cannot be found.")));
        let id = kms.ok("CreateUser", json!({"UserName": "ann"}))["User"]["UserId"].clone();
        assert_eq!(delete(), Ok(Value::Null));
        assert_ne!(kms.ok("CreateUser", json!({"UserName": "ann"}))["User"]["UserId"], id);
    }
}
