//! `CreateGroup`: a new group, without users and policies. Source: IAM API reference, CreateGroup.

use claviger_keyring::Space;
use claviger_types::{GroupId, GroupName, ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::entities;
use crate::identity::groups::GroupShown;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::records::{GroupRecord, PoliciesRecord};
use crate::target::{Authorized, GroupPlace, GroupTarget};
use crate::view::Group;
use crate::wire::Fields;

/// The request.
pub struct CreateGroup {
    name: GroupName,
    path: Box<str>,
    place: GroupPlace,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    group: GroupShown,
}

impl Operation for CreateGroup {
    const NAME: &'static str = "CreateGroup";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = GroupTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let (name, path) = entities::new::<Group>(fields)?;
        Ok(Self { place: GroupPlace::New(name.clone(), path.clone()), name, path })
    }

    fn target(&self) -> &GroupPlace {
        &self.place
    }
}

impl Command for CreateGroup {
    type Prepared = GroupId;

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<GroupTarget>, _: &Tools<'_>) -> Result<GroupId, Error> {
        Ok(GroupId::from_random(claviger_keyring::random()?))
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<GroupTarget>,
        prepared: &GroupId,
    ) -> Result<Outcome<Reply>, Error> {
        let (account, Self { name, path, .. }) = (facts.account(), self);
        if target.found.is_some() {
            return Err(entities::already_exists::<Group>(name));
        }
        let record = GroupRecord {
            id: prepared.to_string(),
            name: name.to_string(),
            path: path.to_string(),
            created_at: facts.now.as_millis(),
            policies: PoliciesRecord::default(),
        };
        let changes = Changes::new(Space::Global).create(paths::group(account, &name.folded()), &record).count_in(
            paths::group_count(account),
            Quota::Groups,
            limits::GROUPS_PER_ACCOUNT_MAX,
        );
        let arn = entities::arn::<Group>(account, path, name);
        Ok(changes.reply(Reply { group: GroupShown::new(path.clone(), name.clone(), *prepared, arn, facts.now) }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn what_is_made_is_answered() {
        let kms = TestKms::new();
        let made = kms.ok("CreateGroup", json!({"GroupName": "Team", "Path": "/a/b/"}))["Group"].clone();
        assert_eq!(made["Arn"], "arn:aws:iam::111122223333:group/a/b/Team");
        assert!(made["GroupId"].as_str().unwrap().starts_with("AGPA"));
        assert_eq!(kms.ok("GetGroup", json!({"GroupName": "team"}))["Group"], made);
        assert_eq!(kms.store.counter("counters/global/groups/111122223333"), 1);
        for name in ["Team", "TEAM"] {
            let text = format!("Group with name {name} already exists.");
            let answer = kms.call("CreateGroup", json!({"GroupName": name}));
            assert_eq!(answer, Err(refused("EntityAlreadyExists", &text)));
        }
        kms.away().ok("CreateGroup", json!({"GroupName": "team"}));
    }

    #[test]
    fn permission_is_asked_for_the_path() {
        let kms = TestKms::new();
        let resource = "arn:aws:iam::111122223333:group/team/*";
        let caller = kms.admin().user("caller", &statement("Allow", "iam:CreateGroup", resource));
        let rest = " on resource: arn:aws:iam::111122223333:group/g because no identity-based policy allows the \
            iam:CreateGroup action";
        let answer = caller.call("CreateGroup", json!({"GroupName": "g"}));
        assert_eq!(answer, Err(caller.denied("iam:CreateGroup", rest)));
        caller.ok("CreateGroup", json!({"GroupName": "g", "Path": "/team/"}));
    }
}
