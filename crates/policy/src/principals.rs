//! Of whom the statements of a resource policy speak, found by who calls.
//!
//! A principal is bound when the policy is put: another one who later gets the same name is somebody else. Sources:
//! IAM user guide, "AWS JSON policy elements: Principal" (on unique identifiers in resource-based policies) and
//! "AWS JSON policy elements: NotPrincipal".

use std::collections::{BTreeMap, BTreeSet};

use claviger_types::{AccountId, PrincipalArn, PrincipalId, RoleId};

use crate::PolicyError;
use crate::caller::{Identity, Principal};
use crate::statement::Effect;

/// The principals that an element lists, as written. An account stands for its root, too.
#[derive(Debug, Default)]
pub(crate) struct Listed {
    pub(crate) anyone: bool,
    pub(crate) accounts: Vec<AccountId>,
    /// Users, roles and sessions.
    pub(crate) arns: Vec<PrincipalArn>,
}

/// `Principal` or `NotPrincipal`.
#[derive(Debug)]
pub(crate) enum Speaks {
    Of(Listed),
    OfAllBut(Listed),
}

impl Speaks {
    pub(crate) fn listed(&self) -> &Listed {
        match self {
            Self::Of(listed) | Self::OfAllBut(listed) => listed,
        }
    }
}

/// How a statement speaks of a caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// By its account: to allow it lets the account delegate, to deny it denies all its principals.
    Account,
    /// By itself, or as anyone.
    Itself,
    /// By the role whose session it is.
    Role,
}

/// Who is listed where, by unique ids. Statements count from 0.
pub(crate) struct Principals {
    /// Sorted, like the two after it.
    accounts: Box<[(AccountId, u32)]>,
    ids: Box<[(PrincipalId, u32)]>,
    sessions: Box<[(Session, u32)]>,
    anyone: Box<[u32]>,
    all_but: Box<[(u32, Excluded)]>,
}

/// A session of a role.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Session {
    role: RoleId,
    name: Box<str>,
}

/// Whom a `NotPrincipal` lists.
struct Excluded {
    anyone: bool,
    accounts: BTreeSet<AccountId>,
    ids: BTreeSet<PrincipalId>,
    sessions: BTreeSet<Session>,
}

impl Principals {
    /// Binds the principals of each statement; `ids` holds the unique ids of those named by ARN, for a session its
    /// role's.
    pub(crate) fn bind<'s>(
        statements: impl Iterator<Item = &'s Speaks>,
        ids: &[(PrincipalArn, PrincipalId)],
    ) -> Result<Self, PolicyError> {
        let bound: BTreeMap<_, _> = ids.iter().map(|(arn, id)| (arn, *id)).collect();
        let (mut accounts, mut ids, mut sessions) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
        let (mut anyone, mut all_but) = (Vec::new(), Vec::new());
        for (index, speaks) in (0..).zip(statements) {
            let excluded = Excluded::bind(speaks.listed(), &bound)?;
            match speaks {
                Speaks::Of(_) => {
                    accounts.extend(excluded.accounts.into_iter().map(|account| (account, index)));
                    ids.extend(excluded.ids.into_iter().map(|id| (id, index)));
                    sessions.extend(excluded.sessions.into_iter().map(|session| (session, index)));
                    anyone.extend(excluded.anyone.then_some(index));
                }
                Speaks::OfAllBut(_) => all_but.push((index, excluded)),
            }
        }
        Ok(Self {
            accounts: accounts.into_iter().collect(),
            ids: ids.into_iter().collect(),
            sessions: sessions.into_iter().collect(),
            anyone: anyone.into(),
            all_but: all_but.into(),
        })
    }

    /// The statements that speak of the caller, with how they do. One may come more than once.
    pub(crate) fn of<'s>(
        &'s self,
        caller: &'s Principal<'_>,
        effect_of: impl Fn(u32) -> Option<Effect> + 's,
    ) -> impl Iterator<Item = (u32, Naming)> + 's {
        let by_account = of(&self.accounts, move |named| named.cmp(&caller.account)).map(|at| (at, Naming::Account));
        let anyone = self.anyone.iter().map(|at| (*at, Naming::Itself));
        let all_but = self.all_but.iter().filter(move |(at, excluded)| match effect_of(*at) {
            Some(Effect::Allow) => !excluded.lists(caller),
            Some(Effect::Deny) => !excluded.spares(caller),
            None => false,
        });
        let all_but = all_but.map(|(at, _)| (*at, Naming::Itself));
        by_account.chain(self.by_id(caller)).chain(self.by_session(caller)).chain(anyone).chain(all_but)
    }

    fn by_id<'s>(&'s self, caller: &'s Principal<'_>) -> impl Iterator<Item = (u32, Naming)> + 's {
        let wanted = match caller.identity {
            Identity::Root => None,
            Identity::RoleSession { role, .. } => Some((PrincipalId::Role(role), Naming::Role)),
            Identity::User(user) => Some((PrincipalId::User(user), Naming::Itself)),
        };
        wanted
            .into_iter()
            .flat_map(|(id, naming)| of(&self.ids, move |named| named.cmp(&id)).map(move |at| (at, naming)))
    }

    fn by_session<'s>(&'s self, caller: &'s Principal<'_>) -> impl Iterator<Item = (u32, Naming)> + 's {
        let wanted = match caller.identity {
            Identity::RoleSession { role, name } => Some((role, name.as_str())),
            Identity::Root | Identity::User(_) => None,
        };
        wanted.into_iter().flat_map(|wanted| {
            of(&self.sessions, move |session| (session.role, &*session.name).cmp(&wanted))
                .map(|at| (at, Naming::Itself))
        })
    }
}

impl Excluded {
    fn bind(listed: &Listed, bound: &BTreeMap<&PrincipalArn, PrincipalId>) -> Result<Self, PolicyError> {
        let (mut ids, mut sessions) = (BTreeSet::new(), BTreeSet::new());
        for arn in &listed.arns {
            match (arn, bound.get(arn)) {
                (PrincipalArn::Session { session, .. }, Some(PrincipalId::Role(role))) => {
                    sessions.insert(Session { role: *role, name: session.as_str().into() });
                }
                (PrincipalArn::User { .. }, Some(id @ PrincipalId::User(_)))
                | (PrincipalArn::Role { .. }, Some(id @ PrincipalId::Role(_))) => {
                    ids.insert(*id);
                }
                _ => return Err(PolicyError::UnknownPrincipal { arn: arn.clone() }),
            }
        }
        Ok(Self { anyone: listed.anyone, accounts: listed.accounts.iter().copied().collect(), ids, sessions })
    }

    /// Whether a `NotPrincipal` with Allow leaves the caller out: it is listed itself, or its role is.
    fn lists(&self, caller: &Principal<'_>) -> bool {
        self.anyone
            || match caller.identity {
                Identity::Root => self.accounts.contains(&caller.account),
                Identity::RoleSession { role, .. } => {
                    self.ids.contains(&PrincipalId::Role(role)) || self.lists_session(caller)
                }
                Identity::User(user) => self.ids.contains(&PrincipalId::User(user)),
            }
    }

    /// Whether a `NotPrincipal` with Deny spares the caller: it is listed with all that stands above it. A permissions
    /// boundary undoes that.
    fn spares(&self, caller: &Principal<'_>) -> bool {
        let account = self.accounts.contains(&caller.account);
        caller.boundary.is_none()
            && (self.anyone
                || match caller.identity {
                    Identity::Root => account,
                    Identity::RoleSession { role, .. } => {
                        account && self.ids.contains(&PrincipalId::Role(role)) && self.lists_session(caller)
                    }
                    Identity::User(user) => account && self.ids.contains(&PrincipalId::User(user)),
                })
    }

    fn lists_session(&self, caller: &Principal<'_>) -> bool {
        let Identity::RoleSession { role, name } = caller.identity else { return false };
        self.sessions.iter().any(|session| session.role == role && *session.name == *name.as_str())
    }
}

/// The statements of a sorted list whose principal is the wanted one.
fn of<T>(sorted: &[(T, u32)], order: impl Fn(&T) -> std::cmp::Ordering + Copy) -> impl Iterator<Item = u32> {
    let start = sorted.partition_point(|(named, _)| order(named).is_lt());
    let found = sorted.get(start..).unwrap_or_default().iter();
    found.take_while(move |(named, _)| order(named).is_eq()).map(|(_, at)| *at)
}
