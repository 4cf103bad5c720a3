//! `CreateAlias`: a new name for a key. Source: API reference, CreateAlias.

use claviger_keyring::Space;
use claviger_types::limits;

use crate::alias_names;
use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::check_not_pending_deletion;
use crate::members::key_id_or_arn;
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome, Quota};
use crate::paths;
use crate::records::AliasRecord;
use crate::target::{AliasChange, AliasTarget, Authorized};
use crate::wire::Fields;

/// The request.
pub struct CreateAlias {
    change: AliasChange,
}

impl Operation for CreateAlias {
    const NAME: &'static str = "CreateAlias";
    type Target = AliasTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = alias_names::from_request(fields)?;
        Ok(Self { change: AliasChange::Create(name, key_id_or_arn(fields, "TargetKeyId")) })
    }

    fn target(&self) -> &AliasChange {
        &self.change
    }
}

impl Command for CreateAlias {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<AliasTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<AliasTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let arn = &target.arn;
        if target.current_key.is_some() {
            return Err(Error::AlreadyExists(format!("An alias with the name {arn} already exists")));
        }
        let key = target.new_key()?;
        check_not_pending_deletion(key, facts)?;
        let now = facts.now.as_millis();
        let record = AliasRecord { key_id: key.arn.id.to_string(), created_at: now, updated_at: now };
        let path = paths::alias(arn.region, arn.account, &arn.name);
        let changes = Changes::new(Space::Region(arn.region));
        // An alias whose key is gone is only waiting to be cleaned up: its name is free.
        let changes = match &target.alias {
            Some(left_over) => changes.replace(path, left_over.revision, &record),
            None => changes.create(path, &record),
        };
        let counter = paths::alias_count(arn.region, key.arn.id);
        Ok(changes.count_in(counter, Quota::AliasesPerKey, limits::ALIASES_PER_KEY_MAX).reply(()))
    }
}
