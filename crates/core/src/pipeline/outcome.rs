//! What a command decided: preconditions, writes, reply. Data; the pipeline commits it.

use std::fmt;

use claviger_keyring::Space;
use claviger_storage::{Precondition, Revision, Transaction, Write};

use claviger_types::{AccountId, KeyArn, limits};

use crate::error::Error;
use crate::paths;
use crate::records::{self, Addressed, Record};
use crate::target::Resources;

/// A command's decision.
pub struct Outcome<R> {
    /// What to write, if nothing that it stands on has changed. None: nothing is committed, and the event goes a read's way.
    pub changes: Option<Changes>,
    /// What to answer once it is written.
    pub reply: R,
}

impl<R> Outcome<R> {
    /// An answer that changes nothing: a session is given out so, since it is stored nowhere.
    pub fn unwritten(reply: R) -> Self {
        Self { changes: None, reply }
    }
}

/// Writes with their preconditions, all in one space.
#[derive(Debug)]
pub struct Changes {
    space: Space,
    transaction: Transaction,
    quotas: Vec<(String, Quota)>,
    made: Resources,
}

/// A collection whose size is bounded, with what its excess is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Quota {
    /// Aliases of one key.
    AliasesPerKey,
    /// Customer managed policies of an account.
    CustomerPolicies,
    /// Grants on one key.
    GrantsPerKey,
    /// Groups of an account.
    Groups,
    /// Keys of an account in a Region.
    Keys,
    /// Virtual MFA devices of an account.
    MfaDevices,
    /// Roles of an account.
    Roles,
    /// Users of an account.
    Users,
}

impl Changes {
    /// No changes yet in a space.
    pub fn new(space: Space) -> Self {
        Self { space, transaction: Transaction::default(), quotas: Vec::new(), made: Resources::default() }
    }

    /// Writes a record where there is none.
    #[must_use]
    pub fn create<R: Record>(mut self, path: String, record: &R) -> Self {
        self.transaction.preconditions.push(Precondition::Absent { path: path.clone() });
        self.transaction.writes.push(Write::Put { path, value: records::encode(record) });
        self
    }

    /// Writes a record over the one of this revision.
    #[must_use]
    pub fn replace<R: Record>(self, path: String, revision: Revision, record: &R) -> Self {
        let mut changes = self.unchanged(path.clone(), revision);
        changes.transaction.writes.push(Write::Put { path, value: records::encode(record) });
        changes
    }

    /// Writes a record whatever is there.
    #[must_use]
    pub fn put<R: Record>(mut self, path: String, record: &R) -> Self {
        self.transaction.writes.push(Write::Put { path, value: records::encode(record) });
        self
    }

    /// Deletes the record of this revision.
    #[must_use]
    pub fn delete(self, path: String, revision: Revision) -> Self {
        let mut changes = self.unchanged(path.clone(), revision);
        changes.transaction.writes.push(Write::Delete { path });
        changes
    }

    /// Deletes a record whatever it holds.
    #[must_use]
    pub fn delete_any(mut self, path: String) -> Self {
        self.transaction.writes.push(Write::Delete { path });
        self
    }

    /// Demands that a record is still the one of this revision.
    #[must_use]
    pub fn unchanged(mut self, path: String, revision: Revision) -> Self {
        self.transaction.preconditions.push(Precondition::Revision { path, revision });
        self
    }

    /// Demands that there is no record, such as a counter that stands at 0.
    #[must_use]
    pub fn absent(mut self, path: String) -> Self {
        self.transaction.preconditions.push(Precondition::Absent { path });
        self
    }

    /// Names what is made by this: its ARN stands in the audit event, beside those of the target.
    #[must_use]
    pub fn making(mut self, arn: impl fmt::Display) -> Self {
        self.made.arn(arn.to_string());
        self
    }

    /// The same for a key.
    #[must_use]
    pub fn making_key(mut self, arn: &KeyArn) -> Self {
        self.made.key(arn, Addressed::Otherwise);
        self
    }

    /// What is made.
    pub fn made(&self) -> &Resources {
        &self.made
    }

    /// Counts a member of a bounded collection in.
    #[must_use]
    pub fn count_in(mut self, path: String, quota: Quota, limit: u64) -> Self {
        self.transaction.preconditions.push(Precondition::BoundedAdd { path: path.clone(), delta: 1, limit });
        self.quotas.push((path, quota));
        self
    }

    /// Counts a member of a collection without bound in.
    #[must_use]
    pub fn count_in_unbounded(mut self, path: String) -> Self {
        self.transaction.preconditions.push(Precondition::BoundedAdd { path, delta: 1, limit: u64::MAX });
        self
    }

    /// Counts a user of an account in.
    #[must_use]
    pub fn count_user_in(self, account: AccountId) -> Self {
        self.count_in(paths::user_count(account), Quota::Users, limits::USERS_PER_ACCOUNT_MAX)
    }

    /// Counts a member of a bounded collection out.
    #[must_use]
    pub fn count_out(self, path: String) -> Self {
        self.count_out_many(path, 1)
    }

    /// Counts several members of a bounded collection out.
    #[must_use]
    pub fn count_out_many(mut self, path: String, members: u32) -> Self {
        let delta = -i64::from(members);
        self.transaction.preconditions.push(Precondition::BoundedAdd { path, delta, limit: u64::MAX });
        self
    }

    /// Bytes of all paths and values so far; a store takes [`claviger_storage::BYTES_MAX`].
    pub fn bytes(&self) -> usize {
        self.transaction.bytes()
    }

    /// With a reply, this is the outcome.
    pub fn reply<R>(self, reply: R) -> Outcome<R> {
        Outcome { changes: Some(self), reply }
    }

    /// The name of the space.
    pub fn space_name(&self) -> String {
        paths::space_name(self.space)
    }

    /// The transaction, or the first path that lies outside the space: a bug that must not reach the store.
    pub fn into_transaction(self) -> Result<(Transaction, Vec<(String, Quota)>), Error> {
        let space = self.space_name();
        let outside = |path: &&str| paths::space_of(path) != Some(space.as_str());
        let preconditions = self.transaction.preconditions.iter().map(Precondition::path);
        match preconditions.chain(self.transaction.writes.iter().map(|write| write.path().as_str())).find(outside) {
            Some(path) => Err(Error::Internal(format!("`{path}` lies outside the transaction's space `{space}`"))),
            None => Ok((self.transaction, self.quotas)),
        }
    }
}

impl Quota {
    /// What a caller is told when the collection is full.
    pub fn exceeded(self, current: u64, limit: u64) -> Error {
        Error::LimitExceeded(match self {
            Self::AliasesPerKey => {
                format!("Aliases per key quota for this account in this region is {limit}, current usage is {current}.")
            }
            Self::GrantsPerKey => {
                format!("Grants per key quota for this account in this region is {limit}, current usage is {current}.")
            }
            Self::CustomerPolicies => format!("Cannot exceed quota for PoliciesPerAccount: {limit}"),
            Self::Groups => format!("Cannot exceed quota for GroupsPerAccount: {limit}"),
            Self::Roles => format!("Cannot exceed quota for RolesPerAccount: {limit}"),
            Self::Keys => {
                format!("Key quota for this account in this region is {limit} but the current usage is {current}.")
            }
            Self::MfaDevices => format!("Cannot exceed quota for VirtualMFADevicesPerAccount: {limit}"),
            Self::Users => format!("Cannot exceed quota for UsersPerAccount: {limit}"),
        })
    }
}
