//! An account's users, groups, roles and policies with all that they hold, as GetAccountAuthorizationDetails shows
//! them. Source: IAM API reference, the types UserDetail, GroupDetail, RoleDetail, ManagedPolicyDetail.

use claviger_types::{GroupId, GroupName, PolicyArn, PolicyId, RoleId, RoleName, Timestamp, UserId, UserName};
use serde::Serialize;

use crate::identity::attachments::{self, AttachedPolicy, Boundary};
use crate::identity::documents;
use crate::identity::entities::{self, Entity};
use crate::identity::listing::{self, Members};
use crate::identity::policies::{self, VersionShown};
use crate::identity::roles::NeverUsed;
use crate::identity::tags::{self, TagShown};
use crate::identity::trust;
use crate::pipeline::call::Facts;
use crate::view::{Group, ManagedPolicy, Role, User};

/// `UserDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserDetail {
    path: Box<str>,
    user_name: UserName,
    user_id: UserId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    user_policy_list: Members<PolicyDetail>,
    group_list: Members<GroupName>,
    attached_managed_policies: Members<AttachedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<TagShown>>,
}

/// `GroupDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupDetail {
    path: Box<str>,
    group_name: GroupName,
    group_id: GroupId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    group_policy_list: Members<PolicyDetail>,
    attached_managed_policies: Members<AttachedPolicy>,
}

/// `RoleDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleDetail {
    path: Box<str>,
    role_name: RoleName,
    role_id: RoleId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    assume_role_policy_document: String,
    instance_profile_list: Members<()>,
    role_policy_list: Members<PolicyDetail>,
    attached_managed_policies: Members<AttachedPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<TagShown>>,
    role_last_used: NeverUsed,
}

/// `ManagedPolicyDetail`.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct ManagedPolicyDetail {
    policy_name: String,
    policy_id: PolicyId,
    arn: PolicyArn,
    path: Box<str>,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    #[serde(serialize_with = "listing::iso_8601")]
    update_date: Timestamp,
    policy_version_list: Members<VersionShown>,
}

/// `PolicyDetail`: an inline policy.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyDetail {
    policy_name: String,
    policy_document: String,
}

impl UserDetail {
    /// All of a user.
    pub fn new(user: &User, facts: &Facts<'_>) -> Self {
        let groups = user.groups.iter().filter_map(|id| facts.view.group_by_id(*id));
        Self {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id,
            arn: entities::arn_of(user),
            create_date: user.created_at,
            user_policy_list: inline(user),
            group_list: groups.map(|group| group.name.clone()).collect(),
            attached_managed_policies: attached(user),
            permissions_boundary: attachments::boundary_shown(user.boundary.as_deref()),
            tags: tags::shown(&user.tags),
        }
    }
}

impl From<&Group> for GroupDetail {
    fn from(group: &Group) -> Self {
        Self {
            path: group.path.clone(),
            group_name: group.name.clone(),
            group_id: group.id,
            arn: entities::arn_of(group),
            create_date: group.created_at,
            group_policy_list: inline(group),
            attached_managed_policies: attached(group),
        }
    }
}

impl RoleDetail {
    /// All of a role.
    pub fn new(role: &Role, facts: &Facts<'_>) -> Self {
        Self {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id,
            arn: entities::arn_of(role),
            create_date: role.created_at,
            assume_role_policy_document: trust::shown(role, facts.view),
            instance_profile_list: std::iter::empty().collect(),
            role_policy_list: inline(role),
            attached_managed_policies: attached(role),
            permissions_boundary: attachments::boundary_shown(role.boundary.as_deref()),
            tags: tags::shown(&role.tags),
            role_last_used: NeverUsed {},
        }
    }
}

impl ManagedPolicyDetail {
    /// All of a managed policy.
    pub fn new(policy: &ManagedPolicy, facts: &Facts<'_>) -> Self {
        let (view, account) = (facts.view, facts.account());
        let versions = policy.versions.iter().rev();
        Self {
            policy_name: policy.arn.name.to_string(),
            policy_id: policy.id,
            arn: policy.arn.clone(),
            path: policy.arn.path.clone(),
            default_version_id: policies::version_id(policy.default_version),
            attachment_count: view.attachment_count(account, &policy.arn),
            permissions_boundary_usage_count: view.boundary_count(account, &policy.arn),
            is_attachable: true,
            description: policy.description.as_ref().map(ToString::to_string),
            create_date: policy.created_at,
            update_date: policy.updated_at,
            policy_version_list: versions.map(|version| VersionShown::whole(version, policy.default_version)).collect(),
        }
    }
}

/// One of all that an account has.
pub enum Detail<'v> {
    /// A group.
    Group(&'v Group),
    /// A managed policy: the account's own, or one of the service's that somebody has.
    Policy(&'v ManagedPolicy),
    /// A role.
    Role(&'v Role),
    /// A user.
    User(&'v User),
}

/// All that an account has, each after what a marker remembers of it; those after `after`.
pub fn all_after<'f>(facts: &Facts<'f>, after: String) -> impl Iterator<Item = (String, Detail<'f>)> + use<'f> {
    let (view, account) = (facts.view, facts.account());
    let rest = |section: &str| rest_of(section, &after);
    let users = rest("1/").map(|name| view.users_after(account, &name));
    let users = users.into_iter().flatten().map(|user| (format!("1/{}", user.name.folded()), Detail::User(user)));
    let groups = rest("2/").map(|name| view.groups_after(account, &name));
    let groups = groups.into_iter().flatten().map(|group| (format!("2/{}", group.name.folded()), Detail::Group(group)));
    let roles = rest("3/").map(|name| view.roles_after(account, &name));
    let roles = roles.into_iter().flatten().map(|role| (format!("3/{}", role.name.folded()), Detail::Role(role)));
    let used = move |policy: &ManagedPolicy| {
        let uses = view.attachment_count(account, &policy.arn) + view.boundary_count(account, &policy.arn);
        !policy.is_of_service() || uses > 0
    };
    let policies = rest("4/").map(|name| policies::all_after(facts, &name)).into_iter().flatten();
    let policies = policies.filter(move |(_, policy)| used(policy));
    let policies = policies.map(|(name, policy)| (format!("4/{name}"), Detail::Policy(policy)));
    users.chain(groups).chain(roles).chain(policies)
}

/// Where a section begins: at its start if the marker lies before it, behind the marker if it lies in it, nowhere if
/// it lies behind.
fn rest_of(section: &str, after: &str) -> Option<String> {
    match after.strip_prefix(section) {
        Some(name) => Some(name.to_owned()),
        None => (after < section).then(String::new),
    }
}

impl Detail<'_> {
    /// What `Filter` calls it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Group(_) => "Group",
            Self::Policy(policy) if policy.is_of_service() => "AWSManagedPolicy",
            Self::Policy(_) => "LocalManagedPolicy",
            Self::Role(_) => "Role",
            Self::User(_) => "User",
        }
    }

    /// If it is a group.
    pub fn group(&self) -> Option<GroupDetail> {
        if let Self::Group(group) = self { Some(GroupDetail::from(*group)) } else { None }
    }

    /// If it is a managed policy.
    pub fn policy(&self, facts: &Facts<'_>) -> Option<ManagedPolicyDetail> {
        if let Self::Policy(policy) = self { Some(ManagedPolicyDetail::new(policy, facts)) } else { None }
    }

    /// If it is a role.
    pub fn role(&self, facts: &Facts<'_>) -> Option<RoleDetail> {
        if let Self::Role(role) = self { Some(RoleDetail::new(role, facts)) } else { None }
    }

    /// If it is a user.
    pub fn user(&self, facts: &Facts<'_>) -> Option<UserDetail> {
        if let Self::User(user) = self { Some(UserDetail::new(user, facts)) } else { None }
    }
}

fn inline<E: Entity>(entity: &E) -> Members<PolicyDetail> {
    let detail = |policy: &crate::view::InlinePolicy| PolicyDetail {
        policy_name: policy.name.to_string(),
        policy_document: documents::percent_encoded(&policy.document.text),
    };
    entity.policies().inline.iter().map(detail).collect()
}

fn attached<E: Entity>(entity: &E) -> Members<AttachedPolicy> {
    attachments::shown(entity, "/").map(|(_, policy)| policy).collect()
}
