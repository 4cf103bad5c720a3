//! `CreateKey`: a new key with fresh material. Source: API reference, CreateKey.

use claviger_keyring::{BackingKeyBinding, Space, WrappedBackingKey};
use claviger_types::{KeyArn, KeyId, KeySpec, KeyState, KeyUsage};
use serde::Serialize;

use crate::call::Facts;
use crate::domain_keys::WrappingKey;
use crate::error::Error;
use crate::key_metadata::{KeyMetadata, Parts};
use crate::key_policies::{self, LockoutCheck};
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome, Quota};
use crate::paths;
use crate::records::{BackingKeyRecord, KeyRecord, TagRecord};
use crate::tags::{self, Tag};
use crate::target::{Authorized, NewKey, Tagging};
use crate::wire::Fields;

/// The request.
pub struct CreateKey {
    spec: KeySpec,
    description: String,
    policy: Option<String>,
    lockout: LockoutCheck,
    tags: Vec<Tag>,
    tagging: Tagging,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    key_metadata: KeyMetadata,
}

/// Id and material of the key to be.
pub struct Prepared {
    id: KeyId,
    wrapping_key: WrappingKey,
    backing_key: WrappedBackingKey,
}

impl Operation for CreateKey {
    const NAME: &'static str = "CreateKey";
    type Target = NewKey;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        refuse_what_is_not_there(fields)?;
        let spec = key_spec(fields)?;
        let tags = tags::from_request(fields)?;
        let bypass = fields.boolean("BypassPolicyLockoutSafetyCheck").unwrap_or(false);
        Ok(Self {
            spec,
            description: fields.string("Description").unwrap_or_default(),
            policy: fields.string("Policy"),
            lockout: if bypass { LockoutCheck::Bypassed } else { LockoutCheck::Made },
            tagging: if tags.is_empty() { Tagging::Untagged } else { Tagging::Tagged },
            tags,
        })
    }

    fn target(&self) -> &Tagging {
        &self.tagging
    }
}

impl Command for CreateKey {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<NewKey>) -> Result<Prepared, Error> {
        let id = KeyId::from_random(claviger_keyring::random()?);
        let wrapping_key = WrappingKey::find_or_make(facts, Space::Region(facts.region()), facts.account())?;
        let backing_key = wrapping_key.key().generate_backing_key(BackingKeyBinding { key_id: id, spec: self.spec })?;
        Ok(Prepared { id, wrapping_key, backing_key })
    }

    fn decide(&self, facts: &Facts<'_>, _: Authorized<NewKey>, prepared: &Prepared) -> Result<Outcome<Reply>, Error> {
        let (region, account) = (facts.region(), facts.account());
        let arn = KeyArn { region, account, id: prepared.id };
        let default = || key_policies::default_document(account);
        let document = self.policy.clone().unwrap_or_else(default);
        let record = KeyRecord {
            account: account.as_u64(),
            spec: self.spec.to_string(),
            created_at: facts.now.as_millis(),
            description: self.description.clone(),
            state: KeyState::Enabled.into(),
            tags: self.tags.iter().map(TagRecord::from).collect(),
            policy: key_policies::accept(&document, arn, self.lockout, facts)?,
            backing_keys: vec![BackingKeyRecord {
                material_id: *prepared.backing_key.material_id.as_bytes(),
                domain_key_version: prepared.wrapping_key.key().version(),
                wrapped: prepared.backing_key.wrapped.clone(),
                created_at: facts.now.as_millis(),
            }],
        };
        let key_metadata = KeyMetadata::of(&Parts {
            arn,
            spec: self.spec,
            created_at: facts.now,
            description: &self.description,
            state: KeyState::Enabled,
            material_id: prepared.backing_key.material_id,
        });
        let limit = facts.settings.keys_per_account_and_region_max;
        let changes = prepared.wrapping_key.guard(Changes::new(Space::Region(region)));
        let changes = changes.create(paths::key(region, prepared.id), &record);
        Ok(changes.count_in(paths::key_count(region, account), Quota::Keys, limit).reply(Reply { key_metadata }))
    }
}

/// Key specs that need their usage said. Source: API reference, CreateKey, KeyUsage.
fn key_spec(fields: &mut Fields) -> Result<KeySpec, Error> {
    let (spec, deprecated) = (fields.string("KeySpec"), fields.string("CustomerMasterKeySpec"));
    if spec.is_some() && deprecated.is_some() {
        let text = "You cannot specify KeySpec and CustomerMasterKeySpec in the same request. CustomerMasterKeySpec is deprecated.";
        return Err(Error::Validation(text.into()));
    }
    let name = spec.or(deprecated).unwrap_or_else(|| "SYMMETRIC_DEFAULT".into());
    let usage = fields.string("KeyUsage");
    if usage.is_none() && name != "SYMMETRIC_DEFAULT" {
        let text = "You must specify a KeyUsage value for all KMS keys except for symmetric encryption keys.";
        return Err(Error::Validation(text.into()));
    }
    let spec = KeySpec::from_name(&name)
        .ok_or_else(|| Error::Unsupported(format!("Claviger does not support KeySpec {name} yet.")))?;
    match usage {
        Some(usage) if KeyUsage::from_name(&usage) != Some(spec.usage()) => {
            Err(Error::Validation(format!("KeyUsage {usage} is not compatible with KeySpec {name}")))
        }
        _ => Ok(spec),
    }
}

/// Members whose default is all that is there; others (custom key stores) are refused for being present at all.
fn refuse_what_is_not_there(fields: &mut Fields) -> Result<(), Error> {
    if let Some(origin) = fields.string("Origin").filter(|origin| origin != "AWS_KMS") {
        return Err(Error::Unsupported(format!("Claviger does not support Origin {origin} yet.")));
    }
    if fields.boolean("MultiRegion") == Some(true) {
        return Err(Error::Unsupported("Claviger does not support MultiRegion keys yet.".into()));
    }
    Ok(())
}
