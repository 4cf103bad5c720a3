//! Users, groups, roles and policies, indexed by what requests ask for and by what depends on what.
//!
//! What a principal may do is put together when something of it changes, never when it is asked for: a change of a
//! managed policy goes through its groups, roles and users, one of a group through its users. Compiled policies are
//! shared, so that each of them costs a small copy and no parsing.

use std::collections::BTreeSet;
use std::ops::Bound::{Excluded, Unbounded};
use std::sync::Arc;

use claviger_types::{
    AccessKeyId, AccountId, GroupId, GroupName, PolicyArn, PrincipalArn, RoleId, RoleName, UserId, UserName,
};
use imbl::{OrdMap, OrdSet};

use super::principals::{
    Credential, EffectivePolicies, EffectivePolicy, Group, IamPrincipal, ManagedPolicy, Policies, PolicySource, Role,
    User,
};
use super::{View, service_policies};

/// An account, and a name in lower case.
type Named = (AccountId, String);

/// The state of IAM.
#[derive(Clone, Default)]
pub(super) struct Identities {
    users: OrdMap<Named, Arc<User>>,
    users_by_id: OrdMap<UserId, Arc<User>>,
    credentials: OrdMap<AccessKeyId, Arc<Credential>>,
    groups: OrdMap<Named, Arc<Group>>,
    groups_by_id: OrdMap<GroupId, Arc<Group>>,
    /// The users of each group, by their names in lower case.
    members: OrdMap<GroupId, OrdSet<String>>,
    roles: OrdMap<Named, Arc<Role>>,
    roles_by_id: OrdMap<RoleId, Arc<Role>>,
    customer_policies: OrdMap<Named, Arc<ManagedPolicy>>,
    /// Who has a managed policy attached, in each account.
    attachments: OrdMap<(AccountId, PolicyArn), OrdSet<Holder>>,
    /// Whose boundary a managed policy is, in each account.
    boundaries: OrdMap<(AccountId, PolicyArn), OrdSet<Holder>>,
}

/// A group, role or user of an account, by its name in lower case.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Holder {
    /// A group.
    Group(String),
    /// A role.
    Role(String),
    /// A user.
    User(String),
}

/// What an entity refers to is not there.
pub(super) struct Dangling(pub(super) String);

impl View {
    /// A user by name; case does not count.
    pub fn user(&self, account: AccountId, name: &UserName) -> Option<&Arc<User>> {
        self.identities.users.get(&(account, name.folded()))
    }

    /// A user by unique id.
    pub fn user_by_id(&self, id: UserId) -> Option<&Arc<User>> {
        self.identities.users_by_id.get(&id)
    }

    /// The users of an account in order of their names, those after `after` (in lower case) if it is given.
    pub fn users_after<'v>(&'v self, account: AccountId, after: &str) -> impl Iterator<Item = &'v Arc<User>> + use<'v> {
        in_account(&self.identities.users, account, after)
    }

    /// The credential of an access key that may sign requests: it is active, and its account is not closed.
    pub fn credential(&self, id: AccessKeyId) -> Option<&Arc<Credential>> {
        self.access_key(id).filter(|credential| credential.active && !self.is_closed(credential.user.account))
    }

    /// An access key, active or not.
    pub fn access_key(&self, id: AccessKeyId) -> Option<&Arc<Credential>> {
        self.identities.credentials.get(&id)
    }

    /// A group by name; case does not count.
    pub fn group(&self, account: AccountId, name: &GroupName) -> Option<&Arc<Group>> {
        self.identities.groups.get(&(account, name.folded()))
    }

    /// A group by unique id.
    pub fn group_by_id(&self, id: GroupId) -> Option<&Arc<Group>> {
        self.identities.groups_by_id.get(&id)
    }

    /// The groups of an account in order of their names, those after `after` (in lower case) if it is given.
    pub fn groups_after<'v>(
        &'v self,
        account: AccountId,
        after: &str,
    ) -> impl Iterator<Item = &'v Arc<Group>> + use<'v> {
        in_account(&self.identities.groups, account, after)
    }

    /// The users in a group in order of their names, those after `after` (in lower case) if it is given.
    pub fn members_after<'v>(&'v self, group: &Group, after: &str) -> impl Iterator<Item = &'v Arc<User>> + use<'v> {
        let (account, from) = (group.account, (Excluded(after.to_owned()), Unbounded));
        let names = self.identities.members.get(&group.id).into_iter().flat_map(move |names| names.range(from.clone()));
        names.filter_map(move |name| self.identities.users.get(&(account, name.clone())))
    }

    /// How many users are in a group.
    pub fn member_count(&self, group: &Group) -> usize {
        self.identities.members.get(&group.id).map_or(0, OrdSet::len)
    }

    /// A role by name; case does not count.
    pub fn role(&self, account: AccountId, name: &RoleName) -> Option<&Arc<Role>> {
        self.identities.roles.get(&(account, name.folded()))
    }

    /// A role by unique id.
    pub fn role_by_id(&self, id: RoleId) -> Option<&Arc<Role>> {
        self.identities.roles_by_id.get(&id)
    }

    /// The roles of an account in order of their names, those after `after` (in lower case) if it is given.
    pub fn roles_after<'v>(&'v self, account: AccountId, after: &str) -> impl Iterator<Item = &'v Arc<Role>> + use<'v> {
        in_account(&self.identities.roles, account, after)
    }

    /// The user or role of this ARN, path and case included; for a session its role, whose path its ARN leaves out.
    pub fn principal(&self, arn: &PrincipalArn) -> Option<IamPrincipal> {
        match arn {
            PrincipalArn::Root(_) => None,
            PrincipalArn::User { account, name, .. } => {
                let user = self.user(*account, name).filter(|user| user.arn() == *arn)?;
                Some(IamPrincipal::User(Arc::clone(user)))
            }
            PrincipalArn::Role { account, name, .. } => {
                let role = self.role(*account, name).filter(|role| role.arn() == *arn)?;
                Some(IamPrincipal::Role(Arc::clone(role)))
            }
            PrincipalArn::Session { account, role: name, .. } => {
                let role = self.role(*account, name).filter(|role| role.name == *name)?;
                Some(IamPrincipal::Role(Arc::clone(role)))
            }
        }
    }

    /// A managed policy, a customer's or the service's. Case counts, and so does the path.
    pub fn managed_policy(&self, arn: &PolicyArn) -> Option<&Arc<ManagedPolicy>> {
        self.identities.managed_policy(arn)
    }

    /// A customer managed policy by name; case does not count.
    pub fn customer_policy(&self, account: AccountId, folded_name: &str) -> Option<&Arc<ManagedPolicy>> {
        self.identities.customer_policies.get(&(account, folded_name.to_owned()))
    }

    /// The customer managed policies of an account in order of their names, those after `after` (in lower case) if it
    /// is given.
    pub fn customer_policies_after<'v>(
        &'v self,
        account: AccountId,
        after: &str,
    ) -> impl Iterator<Item = &'v Arc<ManagedPolicy>> + use<'v> {
        in_account(&self.identities.customer_policies, account, after)
    }

    /// Who has a managed policy attached in an account.
    pub fn attached_to(&self, account: AccountId, policy: &PolicyArn) -> impl Iterator<Item = &Holder> {
        self.identities.attachments.get(&(account, policy.clone())).into_iter().flatten()
    }

    /// How many have a managed policy attached in an account.
    pub fn attachment_count(&self, account: AccountId, policy: &PolicyArn) -> usize {
        self.identities.attachments.get(&(account, policy.clone())).map_or(0, OrdSet::len)
    }

    /// Whose boundary a managed policy is in an account.
    pub fn bounded_by(&self, account: AccountId, policy: &PolicyArn) -> impl Iterator<Item = &Holder> {
        self.identities.boundaries.get(&(account, policy.clone())).into_iter().flatten()
    }

    /// How many have a managed policy as their boundary in an account.
    pub fn boundary_count(&self, account: AccountId, policy: &PolicyArn) -> usize {
        self.identities.boundaries.get(&(account, policy.clone())).map_or(0, OrdSet::len)
    }
}

fn in_account<'v, T>(
    entities: &'v OrdMap<Named, T>,
    account: AccountId,
    after: &str,
) -> impl Iterator<Item = &'v T> + use<'v, T> {
    let from = (Excluded((account, after.to_owned())), Unbounded);
    entities.range(from).take_while(move |((owner, _), _)| *owner == account).map(|(_, entity)| entity)
}

impl Identities {
    pub(super) fn managed_policy(&self, arn: &PolicyArn) -> Option<&Arc<ManagedPolicy>> {
        match arn.account {
            Some(account) => {
                let policy = self.customer_policies.get(&(account, arn.name.folded()));
                policy.filter(|policy| policy.arn == *arn)
            }
            None => service_policies::find(arn),
        }
    }

    pub(super) fn put_user(&mut self, mut user: User) -> Result<(), Dangling> {
        let key = (user.account, user.name.folded());
        user.effective = self.effective_of_user(&user)?;
        user.identity = user.effective.merge();
        self.remove_user(key.0, &key.1);
        for arn in &user.policies.attached {
            add(&mut self.attachments, (user.account, arn.clone()), Holder::User(key.1.clone()));
        }
        if let Some(boundary) = &user.boundary {
            add(&mut self.boundaries, (user.account, boundary.arn.clone()), Holder::User(key.1.clone()));
        }
        for group in user.groups.iter() {
            add(&mut self.members, *group, key.1.clone());
        }
        self.insert_user(key, user)
    }

    /// Only where the user is looked up, not what depends on it.
    fn insert_user(&mut self, key: Named, user: User) -> Result<(), Dangling> {
        let user = Arc::new(user);
        for access_key in user.access_keys.iter() {
            let access_key_id: AccessKeyId =
                access_key.id.parse().map_err(|_| Dangling(format!("`{}` is no access key id", access_key.id)))?;
            let credential = Credential {
                access_key_id,
                user: Arc::clone(&user),
                domain_key_version: access_key.domain_key_version,
                wrapped_secret: access_key.wrapped_secret.as_slice().into(),
                active: access_key.active,
            };
            self.credentials.insert(access_key_id, Arc::new(credential));
        }
        self.users_by_id.insert(user.id, Arc::clone(&user));
        self.users.insert(key, user);
        Ok(())
    }

    pub(super) fn remove_user(&mut self, account: AccountId, folded: &str) {
        let Some(user) = self.users.remove(&(account, folded.to_owned())) else { return };
        self.users_by_id.remove(&user.id);
        for id in user.access_keys.iter().filter_map(|access_key| access_key.id.parse::<AccessKeyId>().ok()) {
            self.credentials.remove(&id);
        }
        let holder = Holder::User(folded.to_owned());
        for arn in &user.policies.attached {
            take(&mut self.attachments, &(account, arn.clone()), &holder);
        }
        if let Some(boundary) = &user.boundary {
            take(&mut self.boundaries, &(account, boundary.arn.clone()), &holder);
        }
        for group in user.groups.iter() {
            take(&mut self.members, group, &folded.to_owned());
        }
    }

    pub(super) fn put_group(&mut self, mut group: Group) -> Result<(), Dangling> {
        let key = (group.account, group.name.folded());
        group.effective = self.effective_of_group(&group)?;
        self.remove_group(key.0, &key.1);
        for arn in &group.policies.attached {
            add(&mut self.attachments, (group.account, arn.clone()), Holder::Group(key.1.clone()));
        }
        let id = group.id;
        self.insert_group(key.clone(), group);
        let users = self.members_of(key.0, id);
        self.rebuild(key.0, users)
    }

    fn insert_group(&mut self, key: Named, group: Group) {
        let group = Arc::new(group);
        self.groups_by_id.insert(group.id, Arc::clone(&group));
        self.groups.insert(key, group);
    }

    /// Its users keep it by its unique id: a group that got another name is put again at once.
    pub(super) fn remove_group(&mut self, account: AccountId, folded: &str) {
        let Some(group) = self.groups.remove(&(account, folded.to_owned())) else { return };
        self.groups_by_id.remove(&group.id);
        for arn in &group.policies.attached {
            take(&mut self.attachments, &(account, arn.clone()), &Holder::Group(folded.to_owned()));
        }
    }

    pub(super) fn put_role(&mut self, mut role: Role) -> Result<(), Dangling> {
        let key = (role.account, role.name.folded());
        role.effective = self.effective_of_role(&role)?;
        role.identity = role.effective.merge();
        self.remove_role(key.0, &key.1);
        for arn in &role.policies.attached {
            add(&mut self.attachments, (role.account, arn.clone()), Holder::Role(key.1.clone()));
        }
        if let Some(boundary) = &role.boundary {
            add(&mut self.boundaries, (role.account, boundary.arn.clone()), Holder::Role(key.1.clone()));
        }
        self.insert_role(key, role);
        Ok(())
    }

    fn insert_role(&mut self, key: Named, role: Role) {
        let role = Arc::new(role);
        self.roles_by_id.insert(role.id, Arc::clone(&role));
        self.roles.insert(key, role);
    }

    pub(super) fn remove_role(&mut self, account: AccountId, folded: &str) {
        let Some(role) = self.roles.remove(&(account, folded.to_owned())) else { return };
        self.roles_by_id.remove(&role.id);
        let holder = Holder::Role(folded.to_owned());
        for arn in &role.policies.attached {
            take(&mut self.attachments, &(account, arn.clone()), &holder);
        }
        if let Some(boundary) = &role.boundary {
            take(&mut self.boundaries, &(account, boundary.arn.clone()), &holder);
        }
    }

    pub(super) fn put_customer_policy(&mut self, account: AccountId, policy: ManagedPolicy) -> Result<(), Dangling> {
        let policy = Arc::new(policy);
        let before = self.customer_policies.insert((account, policy.arn.name.folded()), Arc::clone(&policy));
        if before.is_some() { self.rebuild(account, self.dependents(account, &policy.arn)) } else { Ok(()) }
    }

    pub(super) fn remove_customer_policy(&mut self, account: AccountId, folded: &str) -> Result<(), Dangling> {
        let Some(policy) = self.customer_policies.remove(&(account, folded.to_owned())) else { return Ok(()) };
        let users = self.dependents(account, &policy.arn);
        if users.is_empty() { Ok(()) } else { Err(Dangling(format!("{} is gone and in use", policy.arn))) }
    }

    /// Who has this policy, be it as a boundary or through a group; groups come first.
    fn dependents(&self, account: AccountId, policy: &PolicyArn) -> BTreeSet<Holder> {
        let key = (account, policy.clone());
        let of = |index: &OrdMap<_, OrdSet<Holder>>| index.get(&key).cloned().into_iter().flatten();
        let mut dependents: BTreeSet<Holder> = of(&self.attachments).chain(of(&self.boundaries)).collect();
        let groups = dependents.iter().filter_map(|holder| match holder {
            Holder::Group(name) => self.groups.get(&(account, name.clone())),
            Holder::Role(_) | Holder::User(_) => None,
        });
        let members: Vec<Holder> = groups.flat_map(|group| self.members_of(account, group.id)).collect();
        dependents.extend(members);
        dependents
    }

    fn members_of(&self, account: AccountId, group: GroupId) -> BTreeSet<Holder> {
        let names = self.members.get(&group).cloned().into_iter().flatten();
        names.filter(|name| self.users.contains_key(&(account, name.clone()))).map(Holder::User).collect()
    }

    /// Puts together again what these may do. What they refer to stays, so the indexes do.
    fn rebuild(&mut self, account: AccountId, holders: BTreeSet<Holder>) -> Result<(), Dangling> {
        for holder in holders {
            match holder {
                Holder::Group(name) => {
                    let Some(group) = self.groups.get(&(account, name.clone())) else { continue };
                    let effective = self.effective_of_group(group)?;
                    let group = Group { effective, ..(**group).clone() };
                    self.insert_group((account, name), group);
                }
                Holder::Role(name) => {
                    let Some(role) = self.roles.get(&(account, name.clone())) else { continue };
                    let (effective, boundary) = (self.effective_of_role(role)?, self.again(role.boundary.as_ref())?);
                    let role = Role { identity: effective.merge(), effective, boundary, ..(**role).clone() };
                    self.insert_role((account, name), role);
                }
                Holder::User(name) => {
                    let Some(user) = self.users.get(&(account, name.clone())) else { continue };
                    let (effective, boundary) = (self.effective_of_user(user)?, self.again(user.boundary.as_ref())?);
                    let user = User { identity: effective.merge(), effective, boundary, ..(**user).clone() };
                    self.insert_user((account, name), user)?;
                }
            }
        }
        Ok(())
    }

    /// The boundary as it is now.
    fn again(&self, boundary: Option<&Arc<ManagedPolicy>>) -> Result<Option<Arc<ManagedPolicy>>, Dangling> {
        boundary.map(|policy| self.existing_policy(&policy.arn).cloned()).transpose()
    }

    pub(super) fn existing_policy(&self, arn: &PolicyArn) -> Result<&Arc<ManagedPolicy>, Dangling> {
        self.managed_policy(arn).ok_or_else(|| Dangling(format!("the policy {arn} is missing")))
    }

    fn effective_of_user(&self, user: &User) -> Result<EffectivePolicies, Dangling> {
        let mut all = self.effective(&user.policies, PolicySource::Inline)?;
        for id in user.groups.iter() {
            let group = self.groups_by_id.get(id).ok_or_else(|| Dangling(format!("the group {id} is missing")))?;
            all.extend(group.effective.0.iter().cloned());
        }
        Ok(EffectivePolicies(all.into()))
    }

    fn effective_of_group(&self, group: &Group) -> Result<EffectivePolicies, Dangling> {
        let all = self.effective(&group.policies, |name| PolicySource::Group(group.name.clone(), name))?;
        Ok(EffectivePolicies(all.into()))
    }

    fn effective_of_role(&self, role: &Role) -> Result<EffectivePolicies, Dangling> {
        Ok(EffectivePolicies(self.effective(&role.policies, PolicySource::Inline)?.into()))
    }

    fn effective(
        &self,
        policies: &Policies,
        inline_source: impl Fn(Box<str>) -> PolicySource,
    ) -> Result<Vec<Arc<EffectivePolicy>>, Dangling> {
        let inline = policies.inline.iter().map(|policy| {
            let (source, document) = (inline_source(policy.name.clone()), Arc::clone(&policy.document));
            Ok(Arc::new(EffectivePolicy { source, document }))
        });
        let attached = policies.attached.iter().map(|arn| {
            let document = Arc::clone(&self.existing_policy(arn)?.document);
            Ok(Arc::new(EffectivePolicy { source: PolicySource::Managed(arn.clone()), document }))
        });
        inline.chain(attached).collect()
    }
}

/// Adds to the set of a key.
fn add<K: Ord + Clone, V: Ord + Clone>(index: &mut OrdMap<K, OrdSet<V>>, key: K, value: V) {
    index.entry(key).or_default().insert(value);
}

/// Takes from the set of a key; empty sets go.
fn take<K: Ord + Clone, V: Ord + Clone>(index: &mut OrdMap<K, OrdSet<V>>, key: &K, value: &V) {
    let Some(values) = index.get_mut(key) else { return };
    values.remove(value);
    if values.is_empty() {
        index.remove(key);
    }
}
