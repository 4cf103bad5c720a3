//! Keys named by a ciphertext, with or without a key identifier beside it. Source: API reference, Decrypt and ReEncrypt.

use std::sync::Arc;

use claviger_keyring::message::Header;
use claviger_policy::Action;
use claviger_types::ServiceName;

use super::account::denied;
use super::circumstances::Subject;
use super::key::{KeyName, ask_about, existing_key, own_key_not_found, resolve_key};
use super::{Asked, ResourceType, Resources, Target, decision};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::action;
use crate::records::Addressed;
use crate::view::Key;

/// How a request names the key of a ciphertext.
pub struct CiphertextName {
    /// The ciphertext's header.
    pub header: Header,
    /// The key identifier, if one was sent.
    pub key: Option<KeyName>,
}

/// The key that a ciphertext, or the identifier beside it, names.
pub struct CiphertextKey {
    /// The key.
    pub key: Arc<Key>,
    named_by: NamedBy,
}

enum NamedBy {
    Ciphertext,
    /// A bare id, as typed, which is also the ciphertext's, of a key in another account.
    ForeignId(String),
    Request,
}

impl CiphertextName {
    fn addressed(&self) -> Addressed {
        self.key.as_ref().map_or(Addressed::Ciphertext, KeyName::addressed)
    }
}

impl CiphertextKey {
    fn find(name: &CiphertextName, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let Some(key_name) = &name.key else {
            let key = existing_key(name.header.key_id(), facts);
            let key = key.ok_or_else(|| denied(asked.action, facts, DeniedResource::CiphertextUnknown))?;
            return Ok(Self { key, named_by: NamedBy::Ciphertext });
        };
        // A bare id may name a key of another account, if it is the ciphertext's.
        let id = key_name.bare_id().filter(|id| *id == name.header.key_id());
        let foreign = id.and_then(|id| existing_key(id, facts)).filter(|key| key.arn.account != facts.account());
        if let Some(key) = foreign {
            return Ok(Self { key, named_by: NamedBy::ForeignId(key_name.typed_id().to_owned()) });
        }
        Ok(Self { key: resolve_key(key_name, asked, facts)?, named_by: NamedBy::Request })
    }

    fn ask_as(&self, subject: Subject<'_>, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        match &self.named_by {
            NamedBy::Request => ask_about(subject, &self.key, asked, facts, DeniedResource::Key),
            // The header is not proven yet, so anybody can make one up: what is not for the caller is not there.
            NamedBy::ForeignId(typed) => {
                decision::on_key(&self.key, asked.action, subject, facts).map_err(|_| own_key_not_found(typed, facts))
            }
            NamedBy::Ciphertext => decision::on_key(&self.key, asked.action, subject, facts).map_err(|denial| {
                let own = self.key.arn.account == facts.account();
                let shown = if own { DeniedResource::Ciphertext(denial) } else { DeniedResource::CiphertextUnknown };
                denied(asked.action, facts, shown)
            }),
        }
    }
}

impl Target for CiphertextKey {
    type Name = CiphertextName;
    const RESOURCE_TYPE: ResourceType = ResourceType::Key;

    fn resolve(name: &CiphertextName, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        Self::find(name, asked, facts)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        self.ask_as(Subject::Key(&self.key), asked, facts)
    }

    fn describe(&self, name: &Self::Name, resources: &mut Resources) {
        resources.key(&self.key.arn, name.addressed());
    }
}

/// The two keys of ReEncrypt, as the request names them.
pub struct PairName {
    /// The ciphertext's key.
    pub source: CiphertextName,
    /// The key to encrypt with.
    pub destination: KeyName,
}

/// The two keys of ReEncrypt, each asked about with an action of its own.
pub struct Pair {
    source: CiphertextKey,
    /// Why the source is not for the caller, if it is not. Then the destination is not asked about, and no event names
    /// it: its owner would learn that the source is there.
    source_asked: Result<(), Error>,
    /// Or why there is none: told only after the source is allowed, or the first refusal would tell what exists.
    destination: Result<Arc<Key>, Error>,
    /// Whether both are one key.
    same: bool,
}

impl Pair {
    /// The ciphertext's key.
    pub fn source(&self) -> &Key {
        &self.source.key
    }

    /// The key to encrypt with: one that is not there is never authorized.
    pub fn destination(&self) -> Result<&Key, Error> {
        self.destination.as_deref().map_err(|_| Error::Internal("a key that is not there was authorized".into()))
    }
}

/// What ReEncrypt asks for on the ciphertext's key. Source: developer guide, "AWS KMS permissions", ReEncrypt.
pub const RE_ENCRYPT_FROM: Action = action!(ServiceName::Kms, "ReEncryptFrom");

/// What it asks for on the key to encrypt with.
pub const RE_ENCRYPT_TO: Action = action!(ServiceName::Kms, "ReEncryptTo");

fn asked_from(asked: Asked) -> Asked {
    Asked { action: RE_ENCRYPT_FROM, ..asked }
}

fn asked_to(asked: Asked) -> Asked {
    Asked { action: RE_ENCRYPT_TO, ..asked }
}

impl Target for Pair {
    type Name = PairName;
    const RESOURCE_TYPE: ResourceType = ResourceType::Key;

    fn resolve(name: &PairName, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let source = CiphertextKey::find(&name.source, asked_from(asked), facts)?;
        let destination = resolve_key(&name.destination, asked_to(asked), facts);
        let same = destination.as_ref().is_ok_and(|destination| destination.arn == source.key.arn);
        let subject = Subject::KeyOfPair { key: &source.key, same };
        let source_asked = source.ask_as(subject, asked_from(asked), facts);
        Ok(Self { source, source_asked, destination, same })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        self.source_asked.clone()?;
        let destination = self.destination.as_deref().map_err(Error::clone)?;
        let subject = Subject::KeyOfPair { key: destination, same: self.same };
        ask_about(subject, destination, asked_to(asked), facts, DeniedResource::Key)
    }

    fn describe(&self, name: &Self::Name, resources: &mut Resources) {
        resources.key(&self.source.key.arn, name.source.addressed());
        if let (Ok(()), Ok(destination)) = (&self.source_asked, &self.destination) {
            resources.key(&destination.arn, name.destination.addressed());
        }
    }
}
