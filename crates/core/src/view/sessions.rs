//! What the View knows for sessions and MFA devices. Of the sessions themselves it knows nothing.

use std::sync::Arc;

use claviger_keyring::{SessionKey, TimeStep};
use claviger_storage::Revision;
use claviger_types::{AccountId, MfaDeviceArn, MfaDeviceName, PrincipalId, Timestamp, UserId};
use imbl::{OrdMap, OrdSet};

use super::View;
use super::apply::{At, DamagedState};
use crate::paths::PathKind;
use crate::records::{MfaAssignmentRecord, MfaDeviceRecord, SessionKeyRecord, SessionRevocationRecord};

/// The part of the View that this file keeps.
#[derive(Clone, Default)]
pub(super) struct Sessions {
    keys: OrdMap<u32, Arc<DeploymentSessionKey>>,
    revocations: OrdMap<PrincipalId, SessionRevocation>,
    devices: OrdMap<(AccountId, String), Arc<MfaDevice>>,
    devices_by_user: OrdSet<(UserId, String)>,
}

/// A version of the session key, ready for use.
pub struct DeploymentSessionKey {
    /// The key; it knows its version.
    pub key: SessionKey,
    /// The cluster key that wraps it.
    pub cluster_key_version: u32,
    /// When it was made, by the wall clock.
    pub created_at: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

/// Sessions of a principal that are dead.
#[derive(Debug, Clone, Copy)]
pub struct SessionRevocation {
    /// The principal's account.
    pub account: AccountId,
    /// Those that were issued until then.
    pub until: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

/// A virtual MFA device.
pub struct MfaDevice {
    /// What its seed is bound to.
    pub id: [u8; 16],
    /// Its ARN, which is its serial number.
    pub arn: MfaDeviceArn,
    /// When it was made.
    pub created_at: Timestamp,
    /// Which version of the account's global domain key wraps the seed.
    pub domain_key_version: u32,
    /// Wrapped seed.
    pub wrapped_seed: Box<[u8]>,
    /// The step of the last code that was used, by the device's clock.
    pub last_step: TimeStep,
    /// Whose it is, once it was enabled.
    pub assignment: Option<MfaAssignment>,
    /// When its record was written last.
    pub revision: Revision,
}

/// An MFA device in use.
#[derive(Debug, Clone, Copy)]
pub struct MfaAssignment {
    /// The user.
    pub user: UserId,
    /// Since when.
    pub enabled_at: Timestamp,
    /// How many steps the device's clock is ahead.
    pub drift_steps: i64,
}

impl View {
    /// All versions of the session key, oldest first.
    pub fn session_keys(&self) -> impl DoubleEndedIterator<Item = &Arc<DeploymentSessionKey>> {
        self.sessions.keys.values()
    }

    /// The session key that seals.
    pub fn newest_session_key(&self) -> Option<&Arc<DeploymentSessionKey>> {
        self.sessions.keys.get_max().map(|(_, key)| key)
    }

    /// The session key of this version.
    pub fn session_key(&self, version: u32) -> Option<&Arc<DeploymentSessionKey>> {
        self.sessions.keys.get(&version)
    }

    /// Which sessions of this principal are revoked.
    pub fn session_revocation(&self, principal: PrincipalId) -> Option<SessionRevocation> {
        self.sessions.revocations.get(&principal).copied()
    }

    /// All revocations.
    pub fn session_revocations(&self) -> impl Iterator<Item = (PrincipalId, SessionRevocation)> {
        self.sessions.revocations.iter().map(|(principal, revocation)| (*principal, *revocation))
    }

    /// The account of the principal with this unique id, if it is there.
    pub fn account_of(&self, id: PrincipalId) -> Option<AccountId> {
        match id {
            PrincipalId::User(id) => self.user_by_id(id).map(|user| user.account),
            PrincipalId::Role(id) => self.role_by_id(id).map(|role| role.account),
        }
    }

    /// An MFA device by name; case does not count.
    pub fn mfa_device(&self, account: AccountId, name: &MfaDeviceName) -> Option<&Arc<MfaDevice>> {
        self.sessions.devices.get(&(account, name.folded()))
    }

    /// The MFA devices of an account in order of their names, those after `after` (in lower case) if it is given.
    pub fn mfa_devices_after(&self, account: AccountId, after: &str) -> impl Iterator<Item = &Arc<MfaDevice>> {
        let from = (std::ops::Bound::Excluded((account, after.to_owned())), std::ops::Bound::Unbounded);
        self.sessions.devices.range(from).take_while(move |((owner, _), _)| *owner == account).map(|(_, device)| device)
    }

    /// The MFA devices that a user has enabled, in order of their names, those after `after` if it is given.
    pub fn mfa_devices_of(
        &self,
        account: AccountId,
        user: UserId,
        after: &str,
    ) -> impl Iterator<Item = &Arc<MfaDevice>> {
        let from = (std::ops::Bound::Excluded((user, after.to_owned())), std::ops::Bound::Unbounded);
        let own = self.sessions.devices_by_user.range(from).take_while(move |(owner, _)| *owner == user);
        own.filter_map(move |(_, name)| self.sessions.devices.get(&(account, name.clone())))
    }

    pub(super) fn put_session_key(&mut self, at: &At<'_>, record: SessionKeyRecord) -> Result<(), DamagedState> {
        let version = at.parse("version")?;
        let cluster = self
            .cluster_key_version(record.cluster_key_version)
            .ok_or_else(|| at.damaged(format!("cluster key version {} is missing", record.cluster_key_version)))?;
        let key = cluster.key.unwrap_session_key(version, &record.wrapped).map_err(|error| at.damaged(error))?;
        let key = DeploymentSessionKey {
            key,
            cluster_key_version: record.cluster_key_version,
            created_at: Timestamp::from_millis(record.created_at),
            revision: at.revision,
        };
        self.sessions.keys.insert(version, Arc::new(key));
        Ok(())
    }

    pub(super) fn put_session_revocation(
        &mut self,
        at: &At<'_>,
        record: SessionRevocationRecord,
    ) -> Result<(), DamagedState> {
        let (account, principal) = at.owned()?;
        let principal = principal.parse().map_err(|error| at.damaged(error))?;
        let until = Timestamp::from_millis(record.issued_until);
        self.sessions.revocations.insert(principal, SessionRevocation { account, until, revision: at.revision });
        Ok(())
    }

    pub(super) fn put_mfa_device(&mut self, at: &At<'_>, record: MfaDeviceRecord) -> Result<(), DamagedState> {
        let (account, folded) = at.owned()?;
        let name: MfaDeviceName = record.name.parse().map_err(|error| at.damaged(error))?;
        if name.folded() != folded {
            return Err(at.damaged("the record holds another device"));
        }
        let assignment = |assigned: MfaAssignmentRecord| {
            Ok(MfaAssignment {
                user: assigned.user.parse().map_err(|error| at.damaged(error))?,
                enabled_at: Timestamp::from_millis(assigned.enabled_at),
                drift_steps: assigned.drift_steps,
            })
        };
        let device = MfaDevice {
            id: record.id,
            arn: MfaDeviceArn { account, path: record.path.into(), name },
            created_at: Timestamp::from_millis(record.created_at),
            domain_key_version: record.domain_key_version,
            wrapped_seed: record.wrapped_seed.into(),
            last_step: TimeStep::from_number(record.last_step),
            assignment: record.assignment.map(assignment).transpose()?,
            revision: at.revision,
        };
        self.remove_mfa_device(account, folded);
        if let Some(assigned) = &device.assignment {
            self.sessions.devices_by_user.insert((assigned.user, folded.to_owned()));
        }
        self.sessions.devices.insert((account, folded.to_owned()), Arc::new(device));
        Ok(())
    }

    /// Takes away what a record of this file's kinds told of.
    pub(super) fn delete_of_sessions(&mut self, kind: PathKind, at: &At<'_>) -> Result<(), DamagedState> {
        match kind {
            PathKind::SessionKey => drop(self.sessions.keys.remove(&at.parse::<u32>("version")?)),
            PathKind::SessionRevocation => {
                let (_, principal) = at.owned()?;
                let principal: PrincipalId = principal.parse().map_err(|error| at.damaged(error))?;
                self.sessions.revocations.remove(&principal);
            }
            _ => {
                let (account, folded) = at.owned()?;
                self.remove_mfa_device(account, folded);
            }
        }
        Ok(())
    }

    fn remove_mfa_device(&mut self, account: AccountId, folded: &str) {
        let removed = self.sessions.devices.remove(&(account, folded.to_owned()));
        if let Some(assigned) = removed.and_then(|device| device.assignment) {
            self.sessions.devices_by_user.remove(&(assigned.user, folded.to_owned()));
        }
    }
}

impl MfaDevice {
    /// As stored.
    pub fn to_record(&self) -> MfaDeviceRecord {
        let assignment = |assigned: MfaAssignment| MfaAssignmentRecord {
            user: assigned.user.to_string(),
            enabled_at: assigned.enabled_at.as_millis(),
            drift_steps: assigned.drift_steps,
        };
        MfaDeviceRecord {
            id: self.id,
            name: self.arn.name.to_string(),
            path: self.arn.path.to_string(),
            created_at: self.created_at.as_millis(),
            domain_key_version: self.domain_key_version,
            wrapped_seed: self.wrapped_seed.to_vec(),
            last_step: self.last_step.number(),
            assignment: self.assignment.map(assignment),
        }
    }
}
