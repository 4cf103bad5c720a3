//! Grants, for those who may retire them; and a principal, for the grants that it may retire.
//! Source: developer guide, "Retiring and revoking grants", and "AWS KMS permissions".

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{GrantId, PrincipalArn};

use super::account::{ask_identity, denied};
use super::circumstances::Subject;
use super::key::{KeyName, existing_key, resolve_key};
use super::{Asked, ResourceType, Resources, Target, decision};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::keys::{grant_principals, grant_tokens};
use crate::pipeline::call::Facts;
use crate::view::{Grant, Key};

/// How a request names the grant that it retires.
pub enum GrantPlace {
    /// By its key and its id.
    Named(KeyName, GrantId),
    /// By its token.
    Token(String),
}

/// A grant, whether or not the key has one of this id.
pub struct GrantTarget {
    /// The id.
    pub id: GrantId,
    /// The grant of that id.
    pub grant: Option<Arc<Grant>>,
    key: Arc<Key>,
}

/// A principal of the caller's account, whether or not there is one of this ARN.
pub struct RetiringPrincipal(pub PrincipalArn);

impl Target for GrantTarget {
    type Name = GrantPlace;
    const RESOURCE_TYPE: ResourceType = ResourceType::Key;

    /// A missing grant is an error here only for who holds its token; others are told once they may ask.
    fn resolve(place: &GrantPlace, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let (key, id) = match place {
            GrantPlace::Named(name, id) => (resolve_key(name, asked, facts)?, *id),
            GrantPlace::Token(token) => {
                let (arn, id) = grant_tokens::open(token, facts)?;
                if arn.region != facts.region() {
                    return Err(Error::InvalidGrantToken);
                }
                (existing_key(arn.id, facts).ok_or_else(|| Error::key_not_found(arn))?, id)
            }
        };
        let grant = facts.view.grant(key.arn.region, key.arn.id, id).cloned();
        match place {
            GrantPlace::Token(_) if grant.is_none() => Err(Error::grant_not_found(id)),
            GrantPlace::Token(_) | GrantPlace::Named(..) => Ok(Self { id, grant, key }),
        }
    }

    /// Who is named may: the retiring principal, or the grantee of a grant that permits it. So may whom an account lets,
    /// by an identity policy: the account that has the key, or that is the retiring principal. An Allow in the key's
    /// policy is nothing here, a Deny holds.
    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let grant = self.grant.as_deref();
        decision::on_retirement(grant, &self.key, asked.action, facts).map_err(|denial| {
            let own = self.key.arn.account == facts.account();
            let shown = if own { DeniedResource::Key(self.key.arn, denial) } else { DeniedResource::Unknown };
            denied(asked.action, facts, shown)
        })
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.grant(&self.key.arn, self.id);
    }
}

impl GrantTarget {
    /// The grant, or NotFound.
    pub fn existing(&self) -> Result<&Grant, Error> {
        self.grant.as_deref().ok_or_else(|| Error::grant_not_found(self.id))
    }
}

impl Target for RetiringPrincipal {
    /// As typed.
    type Name = String;

    fn resolve(text: &String, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let arn = grant_principals::parse(text)?;
        if arn.account() != facts.account() {
            return Err(denied(asked.action, facts, DeniedResource::Unknown));
        }
        Ok(Self(arn))
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.0.to_string(), denial);
        ask_identity(asked.action, Resource::Arn(&self.0), Subject::Account, facts, shown)
    }

    fn describe(&self, _: &Self::Name, resources: &mut Resources) {
        resources.arn(self.0.to_string());
    }
}
