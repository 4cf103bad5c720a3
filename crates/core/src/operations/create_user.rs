//! `CreateUser`: a new user, who may do nothing yet. Source: IAM API reference, CreateUser.

use claviger_keyring::Space;
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{ServiceName, UserId, UserName};
use serde::Serialize;

use crate::error::Error;
use crate::identity::attachments::BoundaryArn;
use crate::identity::users::UserShown;
use crate::identity::{attachments, entities, tags};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::pipeline::request::RequestContext;
use crate::records::{PoliciesRecord, TagRecord, UserRecord};
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::view::User;
use crate::wire::Fields;

/// The request.
pub struct CreateUser {
    name: UserName,
    path: Box<str>,
    boundary: Option<BoundaryArn>,
    tags: Vec<TagRecord>,
    place: UserPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    user: UserShown,
}

impl Operation for CreateUser {
    const NAME: &'static str = "CreateUser";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let (name, path) = entities::new::<User>(fields)?;
        let (boundary, tags) = (attachments::boundary_from_request(fields)?, tags::from_request(fields)?);
        Ok(Self { place: UserPlace::New(name.clone(), path.clone()), name, path, boundary, tags })
    }

    fn target(&self) -> &UserPlace {
        &self.place
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for CreateUser {
    fn condition(&self, action: Action, key: &ConditionKey) -> Values<'_> {
        let boundary = self.boundary.as_ref().map_or(Values::Absent, |boundary| boundary.condition(action, key));
        if boundary == Values::Absent { tags::condition(&self.tags, key) } else { boundary }
    }
}

impl Command for CreateUser {
    type Prepared = UserId;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>, _: &Tools<'_>) -> Result<UserId, Error> {
        Ok(UserId::from_random(claviger_keyring::random()?))
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>, id: &UserId) -> Result<Outcome<Reply>, Error> {
        let (account, Self { name, path, boundary, .. }) = (facts.account(), self);
        if target.found.is_some() {
            return Err(entities::already_exists::<User>(name));
        }
        let record = UserRecord {
            id: id.to_string(),
            name: name.to_string(),
            path: path.to_string(),
            created_at: facts.now.as_millis(),
            policies: PoliciesRecord::default(),
            access_keys: Vec::new(),
            groups: Vec::new(),
            boundary: boundary.as_ref().map(|BoundaryArn(arn)| arn.to_string()),
            tags: self.tags.clone(),
        };
        let mut changes = Changes::new(Space::Global).create(paths::user(account, &name.folded()), &record);
        if let Some(BoundaryArn(arn)) = boundary {
            changes = attachments::count_in(changes, attachments::attachable(arn, facts)?);
        }
        Ok(changes.count_user_in(account).reply(Reply { user: UserShown::new(account, name, *id, &record) }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn what_is_made_is_answered() {
        let kms = TestKms::new();
        let made = kms.ok("CreateUser", json!({"UserName": "Ann.B+c=d,e@f-g_1", "Path": "/a/b/"}));
        assert_eq!(made["User"]["Arn"], "arn:aws:iam::111122223333:user/a/b/Ann.B+c=d,e@f-g_1");
        assert_eq!(made, kms.ok("GetUser", json!({"UserName": "Ann.B+c=d,e@f-g_1"})));
        assert_eq!(kms.ok("CreateUser", json!({"UserName": "bob"}))["User"]["Path"], "/");
    }

    #[test]
    fn with_boundary_and_tags() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        let body = json!({"UserName": "ann", "PermissionsBoundary": arn, "Tags": [{"Key": "a", "Value": "b"}]});
        let made = kms.ok("CreateUser", body);
        let boundary = json!({"PermissionsBoundaryType": "PermissionsBoundaryPolicy", "PermissionsBoundaryArn": arn});
        assert_eq!(made["User"]["PermissionsBoundary"], boundary);
        assert_eq!(made["User"]["Tags"], json!([{"Key": "a", "Value": "b"}]));
        assert_eq!(made, kms.ok("GetUser", json!({"UserName": "ann"})));
        assert_eq!(kms.call("DeletePolicy", json!({"PolicyArn": arn})).unwrap_err().code, "DeleteConflict");
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        kms.ok("DeletePolicy", json!({"PolicyArn": arn}));
        let none = json!({"UserName": "bob", "PermissionsBoundary": arn});
        assert_eq!(kms.call("CreateUser", none).unwrap_err().code, "NoSuchEntity");
    }

    #[test]
    fn names_are_unique_whatever_their_case() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        for name in ["ann", "ANN", "Admin"] {
            let text = format!("User with name {name} already exists.");
            let answer = kms.call("CreateUser", json!({"UserName": name, "Path": "/other/"}));
            assert_eq!(answer, Err(refused("EntityAlreadyExists", &text)));
        }
        kms.away().ok("CreateUser", json!({"UserName": "ann"}));
    }

    /// Nobody is told of a user before the permission to make one was found.
    #[test]
    fn permission_comes_first() {
        let kms = TestKms::new();
        let caller =
            kms.admin().user("caller", &statement("Allow", "iam:CreateUser", "arn:aws:iam::111122223333:user/team/*"));
        for (name, path) in [("admin", "/"), ("new", "/"), ("new", "/other/")] {
            let rest = format!(
                " on resource: arn:aws:iam::111122223333:user{path}{name} because no identity-based policy allows the \
                 iam:CreateUser action"
            );
            let answer = caller.call("CreateUser", json!({"UserName": name, "Path": path}));
            assert_eq!(answer, Err(caller.denied("iam:CreateUser", &rest)), "{name} {path}");
        }
        caller.ok("CreateUser", json!({"UserName": "new", "Path": "/team/"}));
    }

    #[test]
    fn bad_names_and_paths() {
        let kms = TestKms::new();
        let long = "a".repeat(65);
        for (name, path) in [
            ("", "/"),
            (&*long, "/"),
            ("a b", "/"),
            ("a/b", "/"),
            ("é", "/"),
            ("a", ""),
            ("a", "x"),
            ("a", "/x"),
            ("a", "/x y/"),
        ] {
            let refusal = kms.call("CreateUser", json!({"UserName": name, "Path": path})).unwrap_err();
            assert_eq!(refusal.code, "ValidationError", "{name} {path}");
        }
    }
}
