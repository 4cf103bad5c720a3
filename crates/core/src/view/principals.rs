//! Users, groups, roles and managed policies as the View holds them: each with what allows and denies it ready at hand.

use std::sync::Arc;

use claviger_policy::IdentityPolicies;
use claviger_storage::Revision;
use claviger_types::{
    AccessKeyId, AccountId, GroupArn, GroupId, GroupName, PolicyArn, PolicyId, PrincipalArn, PrincipalId, RoleId,
    RoleName, RoleSessionName, Timestamp, UserId, UserName,
};

use super::policies::{IdentityDocument, TrustDocument};
use crate::records::{
    AccessKeyRecord, GroupRecord, InlinePolicyRecord, ManagedPolicyRecord, PoliciesRecord, PolicyVersionRecord,
    RoleRecord, TagRecord, UserRecord,
};

/// A user with its policies and access keys. Cheap to copy: a change of a policy copies all who have it.
#[derive(Clone)]
pub struct User {
    /// Whose user.
    pub account: AccountId,
    /// Unique id.
    pub id: UserId,
    /// Name as given.
    pub name: UserName,
    /// IAM path.
    pub path: Box<str>,
    /// Its ARN, as conditions compare it.
    pub arn_text: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Policies inside and attached.
    pub policies: Arc<Policies>,
    /// Access keys as stored.
    pub access_keys: Arc<[AccessKeyRecord]>,
    /// The groups that it is in.
    pub groups: Arc<[GroupId]>,
    /// Its permissions boundary.
    pub boundary: Option<Arc<ManagedPolicy>>,
    /// Tags in order of their keys.
    pub tags: Tags,
    /// Its own policies, then those of its groups.
    pub effective: EffectivePolicies,
    /// The same, as decided upon.
    pub identity: Arc<IdentityPolicies>,
    /// When its record was written last.
    pub revision: Revision,
}

/// A user or a role.
#[derive(Clone)]
pub enum IamPrincipal {
    /// A role.
    Role(Arc<Role>),
    /// A user.
    User(Arc<User>),
}

/// A group. Who is in it, the View tells.
#[derive(Clone)]
pub struct Group {
    /// Whose group.
    pub account: AccountId,
    /// Unique id.
    pub id: GroupId,
    /// Name as given.
    pub name: GroupName,
    /// IAM path.
    pub path: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Policies inside and attached.
    pub policies: Arc<Policies>,
    /// The same, ready for its users.
    pub effective: EffectivePolicies,
    /// When its record was written last.
    pub revision: Revision,
}

/// A role.
#[derive(Clone)]
pub struct Role {
    /// Whose role.
    pub account: AccountId,
    /// Unique id.
    pub id: RoleId,
    /// Name as given.
    pub name: RoleName,
    /// IAM path.
    pub path: Box<str>,
    /// Its ARN, as conditions compare it.
    pub arn_text: Box<str>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Policies inside and attached.
    pub policies: Arc<Policies>,
    /// Who may assume it.
    pub trust: Arc<TrustDocument>,
    /// Its permissions boundary.
    pub boundary: Option<Arc<ManagedPolicy>>,
    /// Tags in order of their keys.
    pub tags: Tags,
    /// Free text.
    pub description: Option<Arc<str>>,
    /// How long a session may last.
    pub session_seconds_max: u32,
    /// Its policies, ready for its sessions.
    pub effective: EffectivePolicies,
    /// The same, as decided upon.
    pub identity: Arc<IdentityPolicies>,
    /// When its record was written last.
    pub revision: Revision,
}

/// What a user, a group or a role has of its own.
#[derive(Default)]
pub struct Policies {
    /// Policies inside, in order of their names.
    pub inline: Box<[InlinePolicy]>,
    /// Managed policies attached, in the order in which they were.
    pub attached: Box<[PolicyArn]>,
}

/// A policy inside a user, a group or a role.
pub struct InlinePolicy {
    /// Its name.
    pub name: Box<str>,
    /// Its text, with what it was compiled to.
    pub document: Arc<IdentityDocument>,
}

/// Keys with values, in order of the keys.
pub type Tags = Arc<[(Box<str>, Box<str>)]>;

/// The identity policies that a principal has by whatever way, shared as far as they are the same.
#[derive(Clone, Default)]
pub struct EffectivePolicies(pub(super) Arc<[Arc<EffectivePolicy>]>);

/// An identity policy with where it comes from.
pub struct EffectivePolicy {
    /// Where it comes from.
    pub source: PolicySource,
    /// Its text, with what it was compiled to.
    pub document: Arc<IdentityDocument>,
}

/// Where an identity policy comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PolicySource {
    /// It is inside the group of this name.
    Group(GroupName, Box<str>),
    /// It is inside the user or the role.
    Inline(Box<str>),
    /// It is attached, to the principal or to one of its groups.
    Managed(PolicyArn),
}

/// A managed policy: a customer's, or one of the service's own.
#[derive(Clone)]
pub struct ManagedPolicy {
    /// Account, path and name.
    pub arn: PolicyArn,
    /// Unique id.
    pub id: PolicyId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When a version was added or made the default.
    pub updated_at: Timestamp,
    /// Free text.
    pub description: Option<Box<str>>,
    /// Tags in order of their keys.
    pub tags: Tags,
    /// Versions as stored, oldest first.
    pub versions: Box<[PolicyVersionRecord]>,
    /// The version that counts.
    pub default_version: u32,
    /// How many versions there ever were.
    pub versions_made: u32,
    /// The version that counts, with what it was compiled to.
    pub document: Arc<IdentityDocument>,
    /// When its record was written last; of no meaning for the service's own.
    pub revision: Revision,
}

/// An access key with the user whom it speaks for.
pub struct Credential {
    /// `AKIA…`.
    pub access_key_id: AccessKeyId,
    /// The user.
    pub user: Arc<User>,
    /// Which version of the account's global domain key wraps the secret.
    pub domain_key_version: u32,
    /// Wrapped secret access key.
    pub wrapped_secret: Box<[u8]>,
    /// Whether it may sign requests.
    pub active: bool,
}

impl EffectivePolicies {
    /// All of them, with their sources.
    pub fn iter(&self) -> impl Iterator<Item = &EffectivePolicy> {
        self.0.iter().map(|policy| &**policy)
    }

    /// All of them, as decided upon: where one stands here, it stands there.
    pub fn merge(&self) -> Arc<IdentityPolicies> {
        let compiled = self.iter().map(|policy| Arc::clone(&policy.document.compiled)).collect();
        Arc::new(IdentityPolicies::merge(compiled))
    }
}

impl User {
    /// The user's ARN.
    pub fn arn(&self) -> PrincipalArn {
        PrincipalArn::User { account: self.account, path: self.path.clone(), name: self.name.clone() }
    }

    /// As stored.
    pub fn to_record(&self) -> UserRecord {
        UserRecord {
            id: self.id.to_string(),
            name: self.name.to_string(),
            path: self.path.to_string(),
            created_at: self.created_at.as_millis(),
            policies: self.policies.to_record(),
            access_keys: self.access_keys.to_vec(),
            groups: self.groups.iter().map(ToString::to_string).collect(),
            boundary: self.boundary.as_ref().map(|policy| policy.arn.to_string()),
            tags: tag_records(&self.tags),
        }
    }
}

impl IamPrincipal {
    /// Its unique id.
    pub fn id(&self) -> PrincipalId {
        match self {
            Self::Role(role) => PrincipalId::Role(role.id),
            Self::User(user) => PrincipalId::User(user.id),
        }
    }
}

impl Group {
    /// The group's ARN.
    pub fn arn(&self) -> GroupArn {
        GroupArn { account: self.account, path: self.path.clone(), name: self.name.clone() }
    }

    /// As stored.
    pub fn to_record(&self) -> GroupRecord {
        GroupRecord {
            id: self.id.to_string(),
            name: self.name.to_string(),
            path: self.path.to_string(),
            created_at: self.created_at.as_millis(),
            policies: self.policies.to_record(),
        }
    }
}

impl Role {
    /// The role's ARN.
    pub fn arn(&self) -> PrincipalArn {
        PrincipalArn::Role { account: self.account, path: self.path.clone(), name: self.name.clone() }
    }

    /// The ARN of a session of the role: its path is left out.
    pub fn session_arn(&self, session: &RoleSessionName) -> PrincipalArn {
        PrincipalArn::Session { account: self.account, role: self.name.clone(), session: session.clone() }
    }

    /// As stored.
    pub fn to_record(&self) -> RoleRecord {
        RoleRecord {
            id: self.id.to_string(),
            name: self.name.to_string(),
            path: self.path.to_string(),
            created_at: self.created_at.as_millis(),
            policies: self.policies.to_record(),
            trust: self.trust.record.clone(),
            boundary: self.boundary.as_ref().map(|policy| policy.arn.to_string()),
            tags: tag_records(&self.tags),
            description: self.description.as_ref().map(ToString::to_string),
            session_seconds_max: self.session_seconds_max,
        }
    }
}

impl Policies {
    /// As stored.
    pub fn to_record(&self) -> PoliciesRecord {
        let inline = |policy: &InlinePolicy| InlinePolicyRecord {
            name: policy.name.to_string(),
            document: policy.document.text.to_string(),
        };
        PoliciesRecord {
            inline: self.inline.iter().map(inline).collect(),
            attached: self.attached.iter().map(ToString::to_string).collect(),
        }
    }
}

impl ManagedPolicy {
    /// Whether the service has it, not a customer.
    pub fn is_of_service(&self) -> bool {
        self.arn.account.is_none()
    }

    /// As stored. Only customers' are.
    pub fn to_record(&self) -> ManagedPolicyRecord {
        ManagedPolicyRecord {
            id: self.id.to_string(),
            name: self.arn.name.to_string(),
            path: self.arn.path.to_string(),
            created_at: self.created_at.as_millis(),
            updated_at: self.updated_at.as_millis(),
            description: self.description.as_ref().map(ToString::to_string),
            tags: tag_records(&self.tags),
            versions: self.versions.to_vec(),
            default_version: self.default_version,
            versions_made: self.versions_made,
        }
    }
}

fn tag_records(tags: &Tags) -> Vec<TagRecord> {
    tags.iter().map(|(key, value)| TagRecord { key: key.to_string(), value: value.to_string() }).collect()
}
