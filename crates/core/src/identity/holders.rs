//! Who has a managed policy, as ListEntitiesForPolicy shows it. Source: IAM API reference, ListEntitiesForPolicy.

use std::collections::BTreeSet;

use claviger_types::{GroupId, GroupName, RoleId, RoleName, UserId, UserName};
use serde::Serialize;

use crate::pipeline::call::Facts;
use crate::view::{Group, Holder, ManagedPolicy, Role, User};

/// A group, role or user that has a managed policy.
pub enum HolderFound<'v> {
    /// A group.
    Group(&'v Group),
    /// A role.
    Role(&'v Role),
    /// A user.
    User(&'v User),
}

/// `PolicyGroup`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyGroup {
    group_name: GroupName,
    group_id: GroupId,
}

/// `PolicyRole`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyRole {
    role_name: RoleName,
    role_id: RoleId,
}

/// `PolicyUser`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyUser {
    user_name: UserName,
    user_id: UserId,
}

/// Who has a policy in the caller's account, each after what a marker remembers of it. `usage` is PermissionsPolicy,
/// PermissionsBoundary, or anything else for both.
pub fn of_policy<'f>(policy: &ManagedPolicy, usage: &str, facts: &Facts<'f>) -> Vec<(String, HolderFound<'f>)> {
    let (view, account) = (facts.view, facts.account());
    let attached = view.attached_to(account, &policy.arn).filter(|_| usage != "PermissionsBoundary");
    let bounded = view.bounded_by(account, &policy.arn).filter(|_| usage != "PermissionsPolicy");
    let holders: BTreeSet<&Holder> = attached.chain(bounded).collect();
    let found = |holder: &Holder| {
        Some(match holder {
            Holder::Group(name) => {
                (format!("group/{name}"), HolderFound::Group(view.group(account, &name.parse().ok()?)?))
            }
            Holder::Role(name) => (format!("role/{name}"), HolderFound::Role(view.role(account, &name.parse().ok()?)?)),
            Holder::User(name) => (format!("user/{name}"), HolderFound::User(view.user(account, &name.parse().ok()?)?)),
        })
    };
    holders.into_iter().filter_map(found).collect()
}

impl HolderFound<'_> {
    /// What `EntityFilter` calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "Group",
            Self::Role(_) => "Role",
            Self::User(_) => "User",
        }
    }

    /// Its path.
    pub fn path(&self) -> &str {
        match self {
            Self::Group(group) => &group.path,
            Self::Role(role) => &role.path,
            Self::User(user) => &user.path,
        }
    }

    /// If it is a group.
    pub fn group_shown(&self) -> Option<PolicyGroup> {
        let Self::Group(group) = self else { return None };
        Some(PolicyGroup { group_name: group.name.clone(), group_id: group.id })
    }

    /// If it is a role.
    pub fn role_shown(&self) -> Option<PolicyRole> {
        let Self::Role(role) = self else { return None };
        Some(PolicyRole { role_name: role.name.clone(), role_id: role.id })
    }

    /// If it is a user.
    pub fn user_shown(&self) -> Option<PolicyUser> {
        let Self::User(user) = self else { return None };
        Some(PolicyUser { user_name: user.name.clone(), user_id: user.id })
    }
}
