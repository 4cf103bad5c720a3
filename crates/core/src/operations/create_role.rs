//! `CreateRole`: a new role, which may do nothing yet, and who may assume it. Source: IAM API reference, CreateRole.

use claviger_keyring::Space;
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{RoleId, RoleName, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::attachments::BoundaryArn;
use crate::identity::roles::{self, RoleShown};
use crate::identity::{attachments, entities, tags, trust};
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::pipeline::request::RequestContext;
use crate::records::{PoliciesRecord, RoleRecord, TagRecord};
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::view::Role;
use crate::wire::Fields;

/// The request.
pub struct CreateRole {
    name: RoleName,
    path: Box<str>,
    trust: String,
    description: Option<String>,
    session_seconds_max: u32,
    boundary: Option<BoundaryArn>,
    tags: Vec<TagRecord>,
    place: RolePlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    role: RoleShown,
}

impl Operation for CreateRole {
    const NAME: &'static str = "CreateRole";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let (name, path) = entities::new::<Role>(fields)?;
        let session_seconds_max = roles::session_seconds(fields)?.unwrap_or(limits::ROLE_SESSION_SECONDS_DEFAULT);
        Ok(Self {
            place: RolePlace::New(name.clone(), path.clone()),
            name,
            path,
            trust: fields.string("AssumeRolePolicyDocument").unwrap_or_default(),
            description: fields.string("Description"),
            session_seconds_max,
            boundary: attachments::boundary_from_request(fields)?,
            tags: tags::from_request(fields)?,
        })
    }

    fn target(&self) -> &RolePlace {
        &self.place
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for CreateRole {
    fn condition(&self, action: Action, key: &ConditionKey) -> Values<'_> {
        let boundary = self.boundary.as_ref().map_or(Values::Absent, |boundary| boundary.condition(action, key));
        if boundary == Values::Absent { tags::condition(&self.tags, key) } else { boundary }
    }
}

impl Command for CreateRole {
    type Prepared = RoleId;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<RoleTarget>, _: &Tools<'_>) -> Result<RoleId, Error> {
        Ok(RoleId::from_random(claviger_keyring::random()?))
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<RoleTarget>,
        prepared: &RoleId,
    ) -> Result<Outcome<Reply>, Error> {
        let (account, Self { name, boundary, .. }) = (facts.account(), self);
        if target.found.is_some() {
            return Err(entities::already_exists::<Role>(name));
        }
        let record = self.record(*prepared, facts)?;
        let mut changes = Changes::new(Space::Global).create(paths::role(account, &name.folded()), &record).count_in(
            paths::role_count(account),
            Quota::Roles,
            limits::ROLES_PER_ACCOUNT_MAX,
        );
        if let Some(BoundaryArn(arn)) = boundary {
            changes = attachments::count_in(changes, attachments::attachable(arn, facts)?);
        }
        Ok(changes.reply(Reply { role: RoleShown::new(account, name, *prepared, &record) }))
    }
}

impl CreateRole {
    fn record(&self, id: RoleId, facts: &Facts<'_>) -> Result<RoleRecord, Error> {
        Ok(RoleRecord {
            id: id.to_string(),
            name: self.name.to_string(),
            path: self.path.to_string(),
            created_at: facts.now.as_millis(),
            policies: PoliciesRecord::default(),
            trust: trust::accept(&self.trust, facts)?,
            boundary: self.boundary.as_ref().map(|BoundaryArn(arn)| arn.to_string()),
            tags: self.tags.clone(),
            description: self.description.clone(),
            session_seconds_max: self.session_seconds_max,
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{HOME, TestKms, policy, refused, statement, trust};

    #[test]
    fn what_is_made_is_answered() {
        let kms = TestKms::new();
        let boundary = kms.policy("p", &statement("Allow", "kms:*", "*"));
        let body = json!({
            "RoleName": "Build", "Path": "/ci/", "AssumeRolePolicyDocument": trust(HOME), "Description": "d",
            "MaxSessionDuration": 43200, "PermissionsBoundary": boundary, "Tags": [{"Key": "a", "Value": "b"}],
        });
        let made = kms.ok("CreateRole", body.clone())["Role"].clone();
        assert_eq!(made["Arn"], "arn:aws:iam::111122223333:role/ci/Build");
        assert!(made["RoleId"].as_str().unwrap().starts_with("AROA"));
        assert_eq!((&made["MaxSessionDuration"], &made["Description"]), (&json!(43200), &json!("d")));
        let mut found = kms.ok("GetRole", json!({"RoleName": "build"}))["Role"].clone();
        assert_eq!(found.as_object_mut().unwrap().remove("RoleLastUsed"), Some(json!({})));
        assert_eq!(found, made);
        let text = "Role with name Build already exists.";
        assert_eq!(kms.call("CreateRole", body), Err(refused("EntityAlreadyExists", text)));
        assert_eq!(kms.call("DeletePolicy", json!({"PolicyArn": boundary})).unwrap_err().code, "DeleteConflict");
        let short = json!({"RoleName": "short", "AssumeRolePolicyDocument": trust(HOME)});
        assert_eq!(kms.ok("CreateRole", short)["Role"]["MaxSessionDuration"], 3600);
    }

    /// A role trusts the user that there was when it was put, by its unique id.
    #[test]
    fn trusted_principals_are_bound() {
        let kms = TestKms::new();
        let id = kms.ok("CreateUser", json!({"UserName": "ann"}))["User"]["UserId"].clone();
        let arn = "arn:aws:iam::111122223333:user/ann";
        kms.ok("CreateRole", json!({"RoleName": "r", "AssumeRolePolicyDocument": trust(arn)}));
        let view = kms.view();
        let role = view.role(HOME.parse().unwrap(), &"r".parse().unwrap()).unwrap();
        assert_eq!(role.trust.record.principals, [(arn.to_owned(), id.as_str().unwrap().to_owned())]);
        let none = trust("arn:aws:iam::111122223333:user/none");
        let text = r#"Invalid principal in policy: "AWS":"arn:aws:iam::111122223333:user/none""#;
        let answer = kms.call("CreateRole", json!({"RoleName": "s", "AssumeRolePolicyDocument": none}));
        assert_eq!(answer, Err(refused("MalformedPolicyDocument", text)));
    }

    #[test]
    fn refused_requests() {
        let kms = TestKms::new();
        let resource = policy(r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole","Resource":"*"}"#);
        let (long, none) = (trust(&"1".repeat(2048)), policy(&statement("Allow", "sts:AssumeRole", "*")));
        for (document, code) in [
            ("{", "MalformedPolicyDocument"),
            ("{}", "MalformedPolicyDocument"),
            (&*resource, "MalformedPolicyDocument"),
            (&none, "MalformedPolicyDocument"),
            (&long, "LimitExceeded"),
        ] {
            let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": document});
            assert_eq!(kms.call("CreateRole", body).unwrap_err().code, code, "{document}");
        }
        for seconds in [3599, 43201] {
            let body = json!({"RoleName": "r", "AssumeRolePolicyDocument": trust(HOME), "MaxSessionDuration": seconds});
            assert_eq!(kms.call("CreateRole", body).unwrap_err().code, "ValidationError", "{seconds}");
        }
    }
}
