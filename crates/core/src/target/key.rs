//! Keys by name: id, ARN, alias, alias ARN. Sources: API reference, KeyId; observed texts in docs/compatibility.md.

use std::sync::Arc;

use claviger_policy::{Denial, Values};
use claviger_types::{AccountId, AliasArn, AliasName, BadKeyRef, KeyArn, KeyId, KeyRef, KeyRefKind, Region, StateAt};

use super::account::denied;
use super::circumstances::Subject;
use super::{Asked, ResourceType, Resources, Target, decision};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::records::Addressed;
use crate::view::Key;

/// A key identifier of a request.
pub struct KeyName {
    parsed: Result<KeyRef, BadKeyRef>,
    aliases: Aliases,
}

/// Whether an operation takes alias names and alias ARNs.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Aliases {
    /// With InvalidArnException.
    Refused,
    /// As what an alias is to point to.
    RefusedAsTarget,
    Taken,
}

impl KeyName {
    /// An identifier of any of the four forms.
    pub fn any(text: String) -> Self {
        Self { parsed: KeyRef::parse(text), aliases: Aliases::Taken }
    }

    /// A key id or a key ARN; an alias is refused before anything is looked up.
    pub fn id_or_arn(text: String) -> Self {
        Self { parsed: KeyRef::parse(text), aliases: Aliases::Refused }
    }

    /// The key that an alias is to point to: a key id or a key ARN.
    pub fn alias_target(text: String) -> Self {
        Self { parsed: KeyRef::parse(text), aliases: Aliases::RefusedAsTarget }
    }

    /// The key id as typed; empty if the name means nothing.
    pub fn typed_id(&self) -> &str {
        self.parsed.as_ref().map_or("", KeyRef::typed_id)
    }

    /// `kms:RequestAlias`: the alias, if the name is one.
    pub fn request_alias(&self) -> Values<'_> {
        Values::optional(match self.parsed.as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::AliasName(name) | KeyRefKind::AliasArn { name, .. }) => Some(name.as_str()),
            _ => None,
        })
    }

    /// Of which form it is.
    pub fn addressed(&self) -> Addressed {
        match self.parsed.as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::KeyId(_)) => Addressed::Id,
            Ok(KeyRefKind::KeyArn { .. }) => Addressed::Arn,
            Ok(KeyRefKind::AliasName(_)) => Addressed::Alias,
            Ok(KeyRefKind::AliasArn { .. }) => Addressed::AliasArn,
            // What means nothing is never resolved.
            Err(_) => Addressed::Otherwise,
        }
    }

    /// The bare key id, if the name is one: Decrypt takes it for a key of any account.
    pub fn bare_id(&self) -> Option<KeyId> {
        match self.parsed.as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::KeyId(id)) => Some(*id),
            _ => None,
        }
    }
}

/// What a key identifier means to one who asks about a key, and not for its use.
pub(crate) enum KeyAskedAbout {
    /// A key of another account. Whether there is one is not looked up.
    Foreign(KeyArn),
    /// A key of the caller's account.
    Own(Arc<Key>),
}

impl KeyAskedAbout {
    /// The key that `name` means. An alias of another account tells which key it points to, so it is refused as if
    /// there were none.
    pub(crate) fn find(name: &KeyName, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        match name.parsed.as_ref().map(KeyRef::kind) {
            Ok(KeyRefKind::KeyArn { region, account, id }) if *account != facts.account() => {
                check_region(*region, facts)?;
                Ok(Self::Foreign(KeyArn { region: *region, account: *account, id: *id }))
            }
            _ => resolve_key(name, Asked { cross_account: false, ..asked }, facts).map(Self::Own),
        }
    }

    /// The key's ARN.
    pub(crate) fn arn(&self) -> KeyArn {
        match self {
            Self::Foreign(arn) => *arn,
            Self::Own(key) => key.arn,
        }
    }
}

/// A key that exists.
pub struct KeyTarget(pub Arc<Key>);

impl KeyTarget {
    /// Whether a key of this id exists now, of whatever account.
    pub fn exists(id: KeyId, facts: &Facts<'_>) -> bool {
        existing_key(id, facts).is_some()
    }
}

impl Target for KeyTarget {
    type Name = KeyName;
    const RESOURCE_TYPE: ResourceType = ResourceType::Key;

    fn resolve(name: &KeyName, asked: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        resolve_key(name, asked, facts).map(Self)
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        ask_key(&self.0, asked, facts, DeniedResource::Key)
    }

    fn describe(&self, name: &Self::Name, resources: &mut Resources) {
        resources.key(&self.0.arn, name.addressed());
    }
}

/// Asks the key's policy and the caller's about a key. On a key of another account every refusal reads the same.
pub(super) fn ask_key(
    key: &Key,
    asked: Asked,
    facts: &Facts<'_>,
    shown: impl FnOnce(KeyArn, Denial) -> DeniedResource,
) -> Result<(), Error> {
    ask_about(Subject::Key(key), key, asked, facts, shown)
}

/// The same, with more to tell about the key.
pub(super) fn ask_about(
    subject: Subject<'_>,
    key: &Key,
    asked: Asked,
    facts: &Facts<'_>,
    shown: impl FnOnce(KeyArn, Denial) -> DeniedResource,
) -> Result<(), Error> {
    match decision::on_key(key, asked.action, subject, facts) {
        Ok(()) => Ok(()),
        Err(_) if key.arn.account != facts.account() => Err(denied(asked.action, facts, DeniedResource::Unknown)),
        Err(denial) => Err(denied(asked.action, facts, shown(key.arn, denial))),
    }
}

/// Finds the key that `name` means.
pub(super) fn resolve_key(name: &KeyName, asked: Asked, facts: &Facts<'_>) -> Result<Arc<Key>, Error> {
    match name.aliases {
        Aliases::Refused if names_alias(&name.parsed) => {
            return Err(Error::InvalidArn("Key Aliases are not supported for this operation.".into()));
        }
        Aliases::RefusedAsTarget if names_alias(&name.parsed) => {
            return Err(Error::Validation("Aliases must refer to keys. Not aliases".into()));
        }
        Aliases::Refused | Aliases::RefusedAsTarget | Aliases::Taken => {}
    }
    let reference = name.parsed.as_ref().map_err(|bad| bad_name(bad, name.aliases, facts))?;
    match reference.kind() {
        KeyRefKind::KeyId(id) => own_key(reference, *id, facts),
        KeyRefKind::AliasName(alias) => key_of_alias(facts.account(), alias, asked, facts),
        KeyRefKind::KeyArn { region, account, id } => {
            check_region(*region, facts)?;
            if *account == facts.account() {
                own_key(reference, *id, facts)
            } else {
                foreign_key(*account, *id, asked, facts)
            }
        }
        KeyRefKind::AliasArn { region, account, name } => {
            check_region(*region, facts)?;
            key_of_alias(*account, name, asked, facts)
        }
    }
}

/// The key of this id, of whatever account, if it exists now. Those of a closed account exist for nobody.
pub(super) fn existing_key(id: KeyId, facts: &Facts<'_>) -> Option<Arc<Key>> {
    let key = facts.view.key(facts.region(), id).filter(|key| !facts.view.is_closed(key.arn.account))?;
    (key.state_at(facts.now) != StateAt::Gone).then(|| Arc::clone(key))
}

fn own_key(reference: &KeyRef, id: KeyId, facts: &Facts<'_>) -> Result<Arc<Key>, Error> {
    let key = existing_key(id, facts).filter(|key| key.arn.account == facts.account());
    key.ok_or_else(|| own_key_not_found(reference.typed_id(), facts))
}

/// No key of this id in the caller's account and Region; the id is echoed as typed.
pub(super) fn own_key_not_found(typed_id: &str, facts: &Facts<'_>) -> Error {
    let (region, account) = (facts.region(), facts.account());
    Error::key_not_found(format_args!("arn:aws:kms:{region}:{account}:key/{typed_id}"))
}

/// A missing key of another account and one that is not for this caller answer alike.
fn foreign_key(account: AccountId, id: KeyId, asked: Asked, facts: &Facts<'_>) -> Result<Arc<Key>, Error> {
    let key = existing_key(id, facts).filter(|key| asked.cross_account && key.arn.account == account);
    key.ok_or_else(|| denied(asked.action, facts, DeniedResource::Unknown))
}

fn key_of_alias(account: AccountId, name: &AliasName, asked: Asked, facts: &Facts<'_>) -> Result<Arc<Key>, Error> {
    let alias = facts.view.alias(facts.region(), account, name);
    let key = alias.and_then(|alias| existing_key(alias.key_id, facts));
    if account == facts.account() {
        let arn = || AliasArn { region: facts.region(), account, name: name.clone() };
        return key.ok_or_else(|| Error::alias_not_found(&arn()));
    }
    key.filter(|_| asked.cross_account).ok_or_else(|| denied(asked.action, facts, DeniedResource::Unknown))
}

fn check_region(region: Region, facts: &Facts<'_>) -> Result<(), Error> {
    if region == facts.region() { Ok(()) } else { Err(Error::NotFound(format!("Invalid arn {region}"))) }
}

fn names_alias(parsed: &Result<KeyRef, BadKeyRef>) -> bool {
    match parsed {
        Ok(reference) => reference.is_alias(),
        Err(BadKeyRef::AliasName(_)) => true,
        Err(BadKeyRef::Arn(text)) => text.contains(":alias/"),
        Err(BadKeyRef::ArnKeyId(_) | BadKeyRef::KeyId(_)) => false,
    }
}

fn bad_name(bad: &BadKeyRef, aliases: Aliases, facts: &Facts<'_>) -> Error {
    match bad {
        BadKeyRef::AliasName(text) => {
            Error::NotFound(format!("Alias arn:aws:kms:{}:{}:{text} is not found.", facts.region(), facts.account()))
        }
        // The model gives InvalidArnException only to operations that take no alias.
        BadKeyRef::Arn(text) if aliases == Aliases::Refused => Error::InvalidArn(format!("Invalid arn {text}")),
        BadKeyRef::Arn(text) => Error::NotFound(format!("Invalid arn {text}")),
        BadKeyRef::ArnKeyId(text) => {
            Error::NotFound(format!("Invalid keyId {}", text.rsplit_once(":key/").map_or(text.as_str(), |(_, id)| id)))
        }
        BadKeyRef::KeyId(text) => Error::NotFound(format!("Invalid keyId '{text}'")),
    }
}
