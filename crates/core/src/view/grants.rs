//! Grants in the View: each parsed from its record, and found by key, by grantee, by retiring principal and by name.
//!
//! A decision asks for the grants of one grantee on one key, so its cost does not grow with what others were granted:
//! nor do those of a role with what its sessions were granted by name, and those of one session with the others'.

use std::ops::Bound::{Excluded, Included, Unbounded};
use std::sync::Arc;

use claviger_policy::{Action, GrantConstraints, GrantTerms};
use claviger_storage::Revision;
use claviger_types::{
    AccountId, EncryptionContext, GrantConstraint, GrantId, GrantOperation, GrantOperations, KeyArn, KeyId, Malformed,
    PrincipalArn, PrincipalId, Region, RoleId, RoleSessionName, ServiceName, Timestamp,
};
use imbl::OrdMap;

use super::View;
use crate::records::{GrantConstraintRecord, GrantNameRecord, GrantPrincipalRecord, GrantRecord};

/// A grant on a key.
#[derive(Debug)]
pub struct Grant {
    /// The key.
    pub key: KeyArn,
    /// Its id.
    pub id: GrantId,
    /// Who gets the permissions.
    pub grantee: GrantPrincipal,
    /// Who may retire it.
    pub retiring: Option<GrantPrincipal>,
    /// What it permits.
    pub operations: GrantOperations,
    /// What it demands of encryption contexts.
    pub constraint: Option<GrantConstraint>,
    /// Both of these, as decisions read them.
    pub terms: GrantTerms,
    /// The name that makes its creation idempotent.
    pub name: Option<GrantName>,
    /// The account that made it.
    pub issuing_account: AccountId,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

/// A principal that a grant names: by the ARN that it had, and by what it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantPrincipal {
    arn: PrincipalArn,
    id: Option<PrincipalId>,
}

/// Whom a grant is bound to. An ARN may be taken by a successor; this never is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundPrincipal {
    /// An account, which may let its principals use what it has.
    Account(AccountId),
    /// A user, or a role with its sessions.
    Principal(PrincipalId),
    /// The sessions of a role that have this name, and no others.
    Session(RoleId, RoleSessionName),
}

/// A name with the digest of it and of all that a grant was made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantName {
    /// As given.
    pub name: String,
    /// What the record of the name is found by.
    pub digest: [u8; 32],
}

impl GrantPrincipal {
    /// Refuses an id that is not of the ARN's kind; an account has none.
    pub fn new(arn: PrincipalArn, id: Option<PrincipalId>) -> Result<Self, Malformed> {
        match (&arn, id) {
            (PrincipalArn::Root(_), None)
            | (PrincipalArn::User { .. }, Some(PrincipalId::User(_)))
            | (PrincipalArn::Role { .. } | PrincipalArn::Session { .. }, Some(PrincipalId::Role(_))) => {
                Ok(Self { arn, id })
            }
            _ => Err(Malformed("principal of a grant")),
        }
    }

    /// The ARN that it had when the grant was made.
    pub fn arn(&self) -> &PrincipalArn {
        &self.arn
    }

    /// Whom the grant is bound to.
    pub fn bound(&self) -> BoundPrincipal {
        match (&self.arn, self.id) {
            (PrincipalArn::Session { session, .. }, Some(PrincipalId::Role(role))) => {
                BoundPrincipal::Session(role, session.clone())
            }
            (_, Some(id)) => BoundPrincipal::Principal(id),
            (arn, None) => BoundPrincipal::Account(arn.account()),
        }
    }

    /// As the evaluator of policies names it.
    pub fn named(&self) -> claviger_policy::GrantPrincipal {
        match self.bound() {
            BoundPrincipal::Account(account) => claviger_policy::GrantPrincipal::Root(account),
            BoundPrincipal::Principal(id) => claviger_policy::GrantPrincipal::Principal(id),
            BoundPrincipal::Session(role, session) => claviger_policy::GrantPrincipal::Session(role, session),
        }
    }

    fn from_record(record: &GrantPrincipalRecord) -> Result<Self, Malformed> {
        Self::new(record.arn.parse()?, record.id.as_deref().map(str::parse).transpose()?)
    }

    fn to_record(&self) -> GrantPrincipalRecord {
        GrantPrincipalRecord { arn: self.arn.to_string(), id: self.id.map(|id| id.to_string()) }
    }
}

impl Grant {
    pub(super) fn from_record(
        key: KeyArn,
        id: GrantId,
        record: GrantRecord,
        revision: Revision,
    ) -> Result<Self, Malformed> {
        let operation = |name: &String| GrantOperation::from_name(name).ok_or(Malformed("grant operation"));
        let operations = record.operations.iter().map(operation).collect::<Result<_, _>>()?;
        let constraint = |record| match record {
            GrantConstraintRecord::Equals(pairs) => EncryptionContext::from_pairs(pairs).map(GrantConstraint::Equals),
            GrantConstraintRecord::Subset(pairs) => EncryptionContext::from_pairs(pairs).map(GrantConstraint::Subset),
        };
        let constraint = record.constraint.map(constraint).transpose()?;
        Ok(Self {
            key,
            id,
            terms: terms(operations, constraint.as_ref()),
            grantee: GrantPrincipal::from_record(&record.grantee)?,
            retiring: record.retiring.as_ref().map(GrantPrincipal::from_record).transpose()?,
            operations,
            constraint,
            name: record.name.map(|name| GrantName { name: name.name, digest: name.digest }),
            issuing_account: AccountId::from_u64(record.issuing_account).ok_or(Malformed("account number"))?,
            created_at: Timestamp::from_millis(record.created_at),
            revision,
        })
    }

    /// As stored.
    pub fn to_record(&self) -> GrantRecord {
        let constraint = |constraint: &GrantConstraint| match constraint {
            GrantConstraint::Equals(context) => GrantConstraintRecord::Equals(context.pairs().to_vec()),
            GrantConstraint::Subset(context) => GrantConstraintRecord::Subset(context.pairs().to_vec()),
        };
        GrantRecord {
            key_account: self.key.account.as_u64(),
            grantee: self.grantee.to_record(),
            retiring: self.retiring.as_ref().map(GrantPrincipal::to_record),
            operations: self.operations.iter().map(|operation| operation.as_str().to_owned()).collect(),
            constraint: self.constraint.as_ref().map(constraint),
            name: self.name.as_ref().map(|name| GrantNameRecord { name: name.name.clone(), digest: name.digest }),
            issuing_account: self.issuing_account.as_u64(),
            created_at: self.created_at.as_millis(),
        }
    }
}

/// What a grant of these operations and this constraint allows, as decisions read it.
pub fn terms(operations: GrantOperations, constraint: Option<&GrantConstraint>) -> GrantTerms {
    let actions = operations.iter().filter_map(|operation| Action::of(ServiceName::Kms, operation.as_str()));
    let mut constraints = GrantConstraints::default();
    match constraint.cloned() {
        Some(GrantConstraint::Equals(context)) => constraints.context_equals = Some(context),
        Some(GrantConstraint::Subset(context)) => constraints.context_subset = Some(context),
        None => {}
    }
    GrantTerms { operations: actions.collect(), constraints }
}

/// The grants of a Region.
#[derive(Clone, Default)]
pub(super) struct GrantIndex {
    by_key: OrdMap<(KeyId, GrantId), Arc<Grant>>,
    by_grantee: OrdMap<(KeyId, BoundPrincipal, GrantId), Arc<Grant>>,
    by_retiring: OrdMap<(BoundPrincipal, KeyId, GrantId), Arc<Grant>>,
    by_name: OrdMap<(KeyId, [u8; 32]), GrantId>,
}

impl GrantIndex {
    pub(super) fn put(&mut self, grant: Grant) {
        let (key, id) = (grant.key.id, grant.id);
        self.remove(key, id);
        let grant = Arc::new(grant);
        self.by_grantee.insert((key, grant.grantee.bound(), id), Arc::clone(&grant));
        if let Some(retiring) = &grant.retiring {
            self.by_retiring.insert((retiring.bound(), key, id), Arc::clone(&grant));
        }
        self.by_key.insert((key, id), grant);
    }

    pub(super) fn remove(&mut self, key: KeyId, id: GrantId) {
        let Some(grant) = self.by_key.remove(&(key, id)) else { return };
        self.by_grantee.remove(&(key, grant.grantee.bound(), id));
        if let Some(retiring) = &grant.retiring {
            self.by_retiring.remove(&(retiring.bound(), key, id));
        }
    }

    pub(super) fn put_name(&mut self, key: KeyId, digest: [u8; 32], grant: GrantId) {
        self.by_name.insert((key, digest), grant);
    }

    pub(super) fn remove_name(&mut self, key: KeyId, digest: [u8; 32]) {
        self.by_name.remove(&(key, digest));
    }
}

impl View {
    /// A grant on a key.
    pub fn grant(&self, region: Region, key: KeyId, id: GrantId) -> Option<&Arc<Grant>> {
        self.grant_index(region)?.by_key.get(&(key, id))
    }

    /// The grants on a key in order of their ids, those after `after` if it is given.
    pub fn grants_on(
        &self,
        region: Region,
        key: KeyId,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &Arc<Grant>> + use<'_> {
        let from = after.map_or(Included((key, GrantId::FIRST)), |id| Excluded((key, id)));
        self.grant_index(region).into_iter().flat_map(move |index| {
            let on_key = index.by_key.range((from, Unbounded)).take_while(move |((on, _), _)| *on == key);
            on_key.map(|(_, grant)| grant)
        })
    }

    /// The grants on a key to one grantee in order of their ids, those after `after` if it is given.
    pub fn grants_to(
        &self,
        region: Region,
        key: KeyId,
        grantee: BoundPrincipal,
        after: Option<GrantId>,
    ) -> impl Iterator<Item = &Arc<Grant>> + use<'_> {
        let place = (key, grantee, after.unwrap_or(GrantId::FIRST));
        let from = if after.is_some() { Excluded(&place) } else { Included(&place) };
        let granted = self.grant_index(region).map(|index| index.by_grantee.range::<_, (_, _, _)>((from, Unbounded)));
        let (_, grantee, _) = place;
        let its = granted.into_iter().flatten().take_while(move |((on, to, _), _)| *on == key && *to == grantee);
        its.map(|(_, grant)| grant)
    }

    /// The grants that a principal may retire, in order of their keys' and their own ids, those after `after` if it is
    /// given.
    pub fn grants_retirable_by(
        &self,
        region: Region,
        retiring: BoundPrincipal,
        after: Option<(KeyId, GrantId)>,
    ) -> impl Iterator<Item = &Arc<Grant>> + use<'_> {
        let (key, id) = after.unwrap_or((KeyId::FIRST, GrantId::FIRST));
        let place = (retiring, key, id);
        let from = if after.is_some() { Excluded(&place) } else { Included(&place) };
        let retirable =
            self.grant_index(region).map(|index| index.by_retiring.range::<_, (_, _, _)>((from, Unbounded)));
        let (retiring, ..) = place;
        let its = retirable.into_iter().flatten().take_while(move |((by, ..), _)| *by == retiring);
        its.map(|(_, grant)| grant)
    }

    /// The grant on a key of a name, made with all that the digest stands for.
    pub fn named_grant(&self, region: Region, key: KeyId, digest: &[u8; 32]) -> Option<&Arc<Grant>> {
        let id = self.grant_index(region)?.by_name.get(&(key, *digest))?;
        self.grant(region, key, *id)
    }

    /// Where names of grants point to: key, digest, grant.
    pub fn grant_names(&self, region: Region) -> impl Iterator<Item = (KeyId, [u8; 32], GrantId)> {
        let names = self.grant_index(region).into_iter().flat_map(|index| index.by_name.iter());
        names.map(|((key, digest), grant)| (*key, *digest, *grant))
    }

    /// All grants of a Region.
    pub fn grants(&self, region: Region) -> impl Iterator<Item = &Arc<Grant>> {
        self.grant_index(region).into_iter().flat_map(|index| index.by_key.values())
    }

    fn grant_index(&self, region: Region) -> Option<&GrantIndex> {
        self.regions.get(&region).map(|view| &view.grants)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use claviger_types::{GrantId, KeyId, Region};
    use serde_json::json;

    use super::Grant;
    use crate::keys::grant_principals;
    use crate::testing::test_kms::{HOME, REGION, TestKms};

    fn ids<'v>(grants: impl Iterator<Item = &'v Arc<Grant>>) -> Vec<GrantId> {
        grants.map(|grant| grant.id).collect()
    }

    /// What is walked for one principal is its own alone, whatever its role and its other sessions were granted.
    #[test]
    fn a_role_and_each_of_its_sessions_have_grants_of_their_own() {
        let kms = TestKms::new();
        let key_id = kms.key();
        kms.role("r");
        let session = |name: &str| format!("arn:aws:sts::{HOME}:assumed-role/r/{name}");
        let arns = [format!("arn:aws:iam::{HOME}:role/r"), session("mine"), session("mines"), session("other")];
        let granted = arns.clone().map(|arn| {
            let body = json!({"KeyId": key_id, "GranteePrincipal": arn, "RetiringPrincipal": arn,
                "Operations": ["Encrypt"]});
            let mut ids: Vec<GrantId> = (0..5)
                .map(|_| kms.ok("CreateGrant", body.clone())["GrantId"].as_str().unwrap().parse().unwrap())
                .collect();
            ids.sort();
            ids
        });
        let view = kms.view();
        let (region, key): (Region, KeyId) = (REGION.parse().unwrap(), key_id.parse().unwrap());
        for (arn, granted) in arns.iter().zip(&granted) {
            let bound = grant_principals::find(&arn.parse().unwrap(), &view).unwrap().bound();
            assert_eq!(ids(view.grants_to(region, key, bound.clone(), None)), *granted, "{arn}");
            assert_eq!(ids(view.grants_to(region, key, bound.clone(), Some(granted[1]))), granted[2..], "{arn}");
            assert_eq!(ids(view.grants_retirable_by(region, bound.clone(), None)), *granted, "{arn}");
            assert_eq!(ids(view.grants_retirable_by(region, bound, Some((key, granted[1])))), granted[2..], "{arn}");
        }
        let [of_role, of_mine, ..] = &granted;
        let role = grant_principals::find(&arns[0].parse().unwrap(), &view).unwrap().bound();
        let key = view.key(region, key).unwrap();
        let counting = |session: Option<&str>| {
            let session = session.map(|name| name.parse().unwrap());
            ids(grant_principals::to_principal(key, role.clone(), session.as_ref(), &view))
        };
        assert_eq!(counting(None), *of_role);
        assert_eq!(counting(Some("mine")), [of_role.clone(), of_mine.clone()].concat());
        assert_eq!(counting(Some("none")), *of_role);
        for id in of_mine {
            kms.ok("RevokeGrant", json!({"KeyId": key_id, "GrantId": id.to_string()}));
        }
        let mine = grant_principals::find(&arns[1].parse().unwrap(), &view).unwrap().bound();
        assert!(kms.view().grants_to(region, key.arn.id, mine.clone(), None).next().is_none());
        assert!(kms.view().grants_retirable_by(region, mine, None).next().is_none());
    }
}
