//! `UpdateUser`: a user gets another name or path. It stays the same for its access keys, groups and policies. Source:
//! IAM API reference, UpdateUser.

use claviger_types::{ServiceName, UserName};

use crate::error::Error;
use crate::identity::entities;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::records::AccessKeyOwnerRecord;
use crate::target::{Authorized, Rename, RenameTarget};
use crate::view::User;
use crate::wire::Fields;

/// The request.
pub struct UpdateUser {
    rename: Rename<User>,
}

impl Operation for UpdateUser {
    const NAME: &'static str = "UpdateUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RenameTarget<User>;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = fields.string("NewUserName").map(|name| name.parse()).transpose();
        let name = name.map_err(|error: claviger_types::Malformed| Error::Internal(error.to_string()))?;
        let path = fields.string("NewPath").map(Into::into);
        Ok(Self { rename: Rename { from: entities::named(fields)?, name, path } })
    }

    fn target(&self) -> &Rename<User> {
        &self.rename
    }
}

impl PlainCommand for UpdateUser {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RenameTarget<User>>) -> Result<Outcome<()>, Error> {
        let user = target.from.existing()?;
        let mut changes = entities::rename(user, &self.rename, facts)?;
        let folded = self.rename.name.as_ref().map_or_else(|| user.name.folded(), UserName::folded);
        if folded != user.name.folded() {
            let owner = AccessKeyOwnerRecord { account: user.account.as_u64(), user: folded };
            for access_key in user.access_keys.iter() {
                let id = access_key.id.parse();
                let id = id.map_err(|_| Error::Internal(format!("{} is no access key id", access_key.id)))?;
                changes = changes.put(paths::access_key(id), &owner);
            }
        }
        Ok(changes.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn it_stays_the_same() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "kms:ListKeys", "*"));
        kms.ok("CreateGroup", json!({"GroupName": "team"}));
        kms.ok("AddUserToGroup", json!({"GroupName": "team", "UserName": "ann"}));
        let id = kms.ok("GetUser", json!({"UserName": "ann"}))["User"]["UserId"].clone();
        for (old, body) in [
            ("ann", json!({"NewUserName": "Bob", "NewPath": "/team/"})),
            ("bob", json!({"NewUserName": "BOB"})),
            ("bob", json!({"NewPath": "/"})),
            ("bob", json!({})),
        ] {
            let mut request = body.clone();
            request["UserName"] = json!(old);
            assert_eq!(kms.ok("UpdateUser", request), Value::Null, "{body}");
            assert_eq!(kms.ok("GetUser", json!({"UserName": "bob"}))["User"]["UserId"], id, "{body}");
            ann.ok("ListKeys", json!({}));
            assert_eq!(kms.ok("GetGroup", json!({"GroupName": "team"}))["Users"][0]["UserId"], id, "{body}");
        }
        assert_eq!(ann.ok("GetCallerIdentity", json!({}))["Arn"], "arn:aws:iam::111122223333:user/BOB");
        assert!(kms.call("GetUser", json!({"UserName": "ann"})).is_err());
        let text = "User with name Admin already exists.";
        let answer = kms.call("UpdateUser", json!({"UserName": "bob", "NewUserName": "Admin"}));
        assert_eq!(answer, Err(refused("EntityAlreadyExists", text)));
    }

    /// Source: IAM user guide, "Renaming an IAM user": the permission is needed for both names.
    #[test]
    fn permission_for_both() {
        let kms = TestKms::new();
        let resource = "arn:aws:iam::111122223333:user/team/*";
        let caller = kms.admin().user("caller", &statement("Allow", "iam:UpdateUser", resource));
        kms.ok("CreateUser", json!({"UserName": "ann", "Path": "/team/"}));
        let rest = " on resource: user ann because no identity-based policy allows the iam:UpdateUser action";
        let answer = caller.call("UpdateUser", json!({"UserName": "ann", "NewPath": "/"}));
        assert_eq!(answer, Err(caller.denied("iam:UpdateUser", rest)));
        caller.ok("UpdateUser", json!({"UserName": "ann", "NewUserName": "bob"}));
    }
}
