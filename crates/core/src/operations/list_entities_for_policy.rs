//! `ListEntitiesForPolicy`: the users, groups and roles that have a managed policy, attached or as their boundary.
//! Source: IAM API reference, ListEntitiesForPolicy.

use claviger_types::ServiceName;
use serde::Serialize;

use crate::error::Error;
use crate::identity::holders::{self, HolderFound, PolicyGroup, PolicyRole, PolicyUser};
use crate::identity::listing::{self, Members};
use crate::identity::policies;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::pipeline::page::Page;
use crate::target::{Authorized, PolicyPlace, PolicyTarget};
use crate::wire::Fields;

/// The request.
pub struct ListEntitiesForPolicy {
    policy: PolicyPlace,
    kind: Option<String>,
    usage: Option<String>,
    path_prefix: String,
    page: Page,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    policy_groups: Members<PolicyGroup>,
    policy_users: Members<PolicyUser>,
    policy_roles: Members<PolicyRole>,
    is_truncated: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    marker: Option<String>,
}

impl Operation for ListEntitiesForPolicy {
    const NAME: &'static str = "ListEntitiesForPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = PolicyTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            policy: policies::place(fields)?,
            kind: fields.string("EntityFilter"),
            usage: fields.string("PolicyUsageFilter"),
            path_prefix: fields.string("PathPrefix").unwrap_or_else(|| "/".into()),
            page: listing::page(fields),
        })
    }

    fn target(&self) -> &PolicyPlace {
        &self.policy
    }
}

impl Read for ListEntitiesForPolicy {
    fn run(&self, facts: &Facts<'_>, target: Authorized<PolicyTarget>) -> Result<Reply, Error> {
        let policy = target.existing(facts)?;
        let (kind, usage) = (self.kind.as_deref().unwrap_or_default(), self.usage.as_deref().unwrap_or_default());
        let filter = format!("{} {kind} {usage} {}", policy.id, self.path_prefix);
        let users = holders::of_policy(policy, usage, facts).into_iter().filter(|(_, holder)| self.wants(holder));
        let page = listing::take_sorted::<Self, _>(&self.page, facts, &filter, users)?;
        let mut reply = Reply {
            policy_groups: page.items.iter().filter_map(HolderFound::group_shown).collect(),
            policy_users: page.items.iter().filter_map(HolderFound::user_shown).collect(),
            policy_roles: page.items.iter().filter_map(HolderFound::role_shown).collect(),
            is_truncated: page.next.is_some(),
            marker: None,
        };
        reply.marker = page.next;
        Ok(reply)
    }
}

impl ListEntitiesForPolicy {
    /// `EntityFilter` has values for policies too, which are no entities.
    fn wants(&self, holder: &HolderFound<'_>) -> bool {
        self.kind.as_deref().is_none_or(|kind| kind == holder.kind()) && holder.path().starts_with(&self.path_prefix)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, statement};

    #[test]
    fn pages_and_filters() {
        let kms = TestKms::new();
        let arn = kms.policy("p", &statement("Allow", "kms:*", "*"));
        for name in ["a", "b"] {
            kms.ok("CreateUser", json!({"UserName": name, "Path": "/team/"}));
            kms.ok("AttachUserPolicy", json!({"UserName": name, "PolicyArn": arn}));
        }
        kms.ok("CreateGroup", json!({"GroupName": "g"}));
        kms.ok("AttachGroupPolicy", json!({"GroupName": "g", "PolicyArn": arn}));
        kms.role("r");
        kms.ok("PutRolePermissionsBoundary", json!({"RoleName": "r", "PermissionsBoundary": arn}));
        // Twice the same user is one.
        kms.ok("PutUserPermissionsBoundary", json!({"UserName": "a", "PermissionsBoundary": arn}));
        for items in [1, 2, 3, 4] {
            let names = |list: &str, member: &str, mut body: Value| {
                body["PolicyArn"] = json!(arn);
                body["MaxItems"] = json!(items);
                kms.admin().all_pages("ListEntitiesForPolicy", list, member, body)
            };
            for (body, users, groups, roles) in [
                (json!({}), &["a", "b"][..], &["g"][..], &["r"][..]),
                (json!({"EntityFilter": "User"}), &["a", "b"], &[], &[]),
                (json!({"EntityFilter": "LocalManagedPolicy"}), &[], &[], &[]),
                (json!({"PathPrefix": "/team/"}), &["a", "b"], &[], &[]),
                (json!({"PolicyUsageFilter": "PermissionsBoundary"}), &["a"], &[], &["r"]),
                (json!({"PolicyUsageFilter": "PermissionsPolicy"}), &["a", "b"], &["g"], &[]),
            ] {
                assert_eq!(names("PolicyUsers", "UserName", body.clone()), users, "{items} {body}");
                assert_eq!(names("PolicyGroups", "GroupName", body.clone()), groups, "{items} {body}");
                assert_eq!(names("PolicyRoles", "RoleName", body.clone()), roles, "{items} {body}");
            }
        }
    }
}
