//! What users, groups and roles have in common: a name in an account, a path, a record, policies inside and attached.

use std::fmt::Display;
use std::str::FromStr;
use std::sync::Arc;

use claviger_keyring::Space;
use claviger_policy::Action;
use claviger_storage::Revision;
use claviger_types::{AccountId, GroupName, PolicyArn, PrincipalId, RoleName, ServiceName, UserName, limits};

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::records::{GroupRecord, PoliciesRecord, Record, RoleRecord, UserRecord};
use crate::target::{EntityPlace, IamResource, Rename};
use crate::view::{Group, ManagedPolicy, Policies, Role, User, View};
use crate::wire::Fields;

/// A user, a group or a role.
pub trait Entity: Send + Sync + Sized + 'static {
    /// The type of its name.
    type Name: FromStr<Err: Display> + Display + Clone + Send + Sync;
    /// The type of its record.
    type Record: HoldsPolicies;
    /// What texts and ARNs call it.
    const KIND: &'static str;
    /// What texts that begin with it call it.
    const TITLE: &'static str;
    /// The member of a request that names it.
    const MEMBER: &'static str;
    /// Characters that its inline policies may have together.
    const INLINE_CHARS_MAX: usize;
    /// What the quota of managed policies attached to it is called.
    const ATTACHED_QUOTA: &'static str;

    /// What is asked for to tag it, if it can have tags.
    const TAG: Option<Action> = None;

    /// The one of this name; case does not count.
    fn find<'v>(view: &'v View, account: AccountId, name: &Self::Name) -> Option<&'v Arc<Self>>;

    /// The name of the caller, where a request that names nobody is about the caller.
    fn of_caller(_: &Facts<'_>) -> Option<Self::Name> {
        None
    }

    /// The ARN of its permissions boundary, if it has one.
    fn boundary_arn(&self) -> Option<&PolicyArn> {
        None
    }

    /// What conditions tell of it, its boundary left out.
    fn as_iam_resource(&self) -> IamResource<'_> {
        IamResource { account: self.account(), tags: None, boundary: None }
    }

    /// Whose it is.
    fn account(&self) -> AccountId;
    /// Its name as given.
    fn name(&self) -> &Self::Name;
    /// Its path.
    fn path(&self) -> &str;
    /// Its policies.
    fn policies(&self) -> &Policies;
    /// Where its record is.
    fn record_path(&self) -> String {
        Self::record_path_of(self.account(), self.name())
    }
    /// Where the record of what has this name is.
    fn record_path_of(account: AccountId, name: &Self::Name) -> String;
    /// When its record was written last.
    fn revision(&self) -> Revision;
    /// As stored.
    fn to_record(&self) -> Self::Record;
}

/// A record with policies.
pub trait HoldsPolicies: Record {
    /// Them.
    fn policies_mut(&mut self) -> &mut PoliciesRecord;
    /// Another name and path.
    fn rename(&mut self, name: String, path: String);
}

/// A user or a role: it can have a permissions boundary.
pub trait PrincipalEntity: Entity<Record: PrincipalRecord> {
    /// Its boundary.
    fn boundary(&self) -> Option<&ManagedPolicy>;
}

/// A record that can have a permissions boundary.
pub trait PrincipalRecord {
    /// The boundary's ARN.
    fn boundary_mut(&mut self) -> &mut Option<String>;
}

/// The ARN of what has this name, or would have.
pub fn arn<E: Entity>(account: AccountId, path: &str, name: &E::Name) -> String {
    format!("arn:aws:iam::{account}:{}{path}{name}", E::KIND)
}

/// The ARN of a user, a group or a role.
pub fn arn_of<E: Entity>(entity: &E) -> String {
    arn::<E>(entity.account(), entity.path(), entity.name())
}

/// The member that names an entity. The model lets names through that are longer than any: nobody has them.
pub fn named<E: Entity>(fields: &mut Fields) -> Result<EntityPlace<E>, Error> {
    name::<E>(fields).map(EntityPlace::Existing)
}

/// The name of an entity that is not the request's target.
pub fn name<E: Entity>(fields: &mut Fields) -> Result<E::Name, Error> {
    let name = fields.string(E::MEMBER).unwrap_or_default();
    name.parse().map_err(|_| Error::entity_not_found(E::KIND, name))
}

/// The entity of this name in the caller's account.
pub fn find<'f, E: Entity>(name: &E::Name, facts: &Facts<'f>) -> Result<&'f E, Error> {
    let found = E::find(facts.view, facts.account(), name);
    found.map(|entity| &**entity).ok_or_else(|| Error::entity_not_found(E::KIND, name))
}

/// A name and a path for what is to be made. INVARIANT: the model's constraints are those of the name.
pub fn new<E: Entity>(fields: &mut Fields) -> Result<(E::Name, Box<str>), Error> {
    let name = fields.string(E::MEMBER).unwrap_or_default();
    let name = name.parse().map_err(|_| Error::Internal(format!("{} {name} passed the constraints", E::MEMBER)))?;
    Ok((name, fields.string("Path").unwrap_or_else(|| "/".into()).into()))
}

/// The entity's record with one change, guarded by the revision that was decided on.
pub fn edit<E: Entity>(entity: &E, change: impl FnOnce(&mut E::Record)) -> Changes {
    let mut record = entity.to_record();
    change(&mut record);
    Changes::new(Space::Global).replace(entity.record_path(), entity.revision(), &record)
}

/// The entity gets another name, another path, or both. It stays the same: its unique id does.
pub fn rename<E: Entity>(entity: &E, rename: &Rename<E>, facts: &Facts<'_>) -> Result<Changes, Error> {
    let name = rename.name.as_ref().unwrap_or(entity.name());
    let path = rename.path.as_deref().unwrap_or(entity.path());
    let (from, to) = (entity.record_path(), E::record_path_of(entity.account(), name));
    let mut record = entity.to_record();
    record.rename(name.to_string(), path.to_owned());
    if from == to {
        return Ok(Changes::new(Space::Global).replace(from, entity.revision(), &record));
    }
    if E::find(facts.view, entity.account(), name).is_some() {
        return Err(already_exists::<E>(name));
    }
    Ok(Changes::new(Space::Global).delete(from, entity.revision()).create(to, &record))
}

/// The name is taken.
pub fn already_exists<E: Entity>(name: &E::Name) -> Error {
    Error::AlreadyExists(format!("{} with name {name} already exists.", E::TITLE))
}

/// Nothing may be left in what goes.
pub fn check_without_policies<E: Entity>(entity: &E) -> Result<(), Error> {
    let conflict = |what: &str| Error::DeleteConflict(format!("Cannot delete entity, must {what} first."));
    if !entity.policies().inline.is_empty() {
        return Err(conflict("delete policies"));
    }
    if entity.policies().attached.is_empty() { Ok(()) } else { Err(conflict("detach all policies")) }
}

/// The revocation of its sessions goes along with a user or role; if there is none, the first one at the same moment
/// must not outlive it.
pub fn without_revocation(changes: Changes, account: AccountId, id: PrincipalId, view: &View) -> Changes {
    let path = paths::session_revocation(account, id);
    match view.session_revocation(id) {
        Some(revoked) => changes.delete(path, revoked.revision),
        None => changes.absent(path),
    }
}

macro_rules! entity {
    (
        $view:ident, $name:ident, $record:ident, $kind:literal, $find:ident, $chars_max:ident, $quota:literal
        $(, $more:item)*
    ) => {
        impl Entity for $view {
            type Name = $name;
            type Record = $record;
            const KIND: &'static str = $kind;
            const TITLE: &'static str = stringify!($view);
            const MEMBER: &'static str = stringify!($name);
            const INLINE_CHARS_MAX: usize = limits::$chars_max;
            const ATTACHED_QUOTA: &'static str = $quota;

            fn find<'v>(view: &'v View, account: AccountId, name: &$name) -> Option<&'v Arc<Self>> {
                view.$find(account, name)
            }

            $($more)*

            fn account(&self) -> AccountId {
                self.account
            }

            fn name(&self) -> &$name {
                &self.name
            }

            fn path(&self) -> &str {
                &self.path
            }

            fn policies(&self) -> &Policies {
                &self.policies
            }

            fn record_path_of(account: AccountId, name: &$name) -> String {
                paths::$find(account, &name.folded())
            }

            fn revision(&self) -> Revision {
                self.revision
            }

            fn to_record(&self) -> $record {
                self.to_record()
            }
        }

        impl HoldsPolicies for $record {
            fn policies_mut(&mut self) -> &mut PoliciesRecord {
                &mut self.policies
            }

            fn rename(&mut self, name: String, path: String) {
                (self.name, self.path) = (name, path);
            }
        }
    };
}

entity!(
    User,
    UserName,
    UserRecord,
    "user",
    user,
    INLINE_POLICY_CHARS_PER_USER_MAX,
    "PoliciesPerUser",
    const TAG: Option<Action> = Action::of(ServiceName::Iam, "TagUser");,
    fn of_caller(facts: &Facts<'_>) -> Option<UserName> {
        facts.caller.as_user().map(|user| user.name.clone())
    },
    fn as_iam_resource(&self) -> IamResource<'_> {
        IamResource { account: self.account, tags: Some(&self.tags), boundary: None }
    },
    fn boundary_arn(&self) -> Option<&PolicyArn> {
        self.boundary().map(|policy| &policy.arn)
    }
);
entity!(Group, GroupName, GroupRecord, "group", group, INLINE_POLICY_CHARS_PER_GROUP_MAX, "PoliciesPerGroup");
entity!(
    Role,
    RoleName,
    RoleRecord,
    "role",
    role,
    INLINE_POLICY_CHARS_PER_ROLE_MAX,
    "PoliciesPerRole",
    const TAG: Option<Action> = Action::of(ServiceName::Iam, "TagRole");,
    fn as_iam_resource(&self) -> IamResource<'_> {
        IamResource::of_role(self)
    },
    fn boundary_arn(&self) -> Option<&PolicyArn> {
        self.boundary().map(|policy| &policy.arn)
    }
);

macro_rules! principal {
    ($view:ident, $record:ident) => {
        impl PrincipalEntity for $view {
            fn boundary(&self) -> Option<&ManagedPolicy> {
                self.boundary.as_deref()
            }
        }

        impl PrincipalRecord for $record {
            fn boundary_mut(&mut self) -> &mut Option<String> {
                &mut self.boundary
            }
        }
    };
}

principal!(User, UserRecord);
principal!(Role, RoleRecord);
