//! `UpdateAlias`: the name stands for another key of the same kind. Source: API reference, UpdateAlias.

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
use crate::view::Key;
use crate::wire::Fields;

/// The request.
pub struct UpdateAlias {
    change: AliasChange,
}

impl Operation for UpdateAlias {
    const NAME: &'static str = "UpdateAlias";
    type Target = AliasTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = alias_names::from_request(fields)?;
        Ok(Self { change: AliasChange::Update(name, key_id_or_arn(fields, "TargetKeyId")) })
    }

    fn target(&self) -> &AliasChange {
        &self.change
    }
}

impl Command for UpdateAlias {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<AliasTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<AliasTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let (alias, current, new) = (target.alias()?, target.current_key()?, target.new_key()?);
        check_not_pending_deletion(new, facts)?;
        check_same_kind(alias.name.as_str(), current, new)?;
        let record = AliasRecord {
            key_id: new.arn.id.to_string(),
            created_at: alias.created_at.as_millis(),
            updated_at: facts.now.as_millis(),
        };
        let arn = &target.arn;
        let path = paths::alias(arn.region, arn.account, &arn.name);
        let changes = Changes::new(Space::Region(arn.region)).replace(path, alias.revision, &record);
        if current.arn.id == new.arn.id {
            return Ok(changes.reply(()));
        }
        let (from, to) = (current.arn.id, new.arn.id);
        let changes = changes.count_out(paths::alias_count(arn.region, from));
        let counter = paths::alias_count(arn.region, to);
        Ok(changes.count_in(counter, Quota::AliasesPerKey, limits::ALIASES_PER_KEY_MAX).reply(()))
    }
}

/// Symmetric stays symmetric, HMAC stays HMAC: both follow from the usage, for the specs that there are.
fn check_same_kind(alias: &str, current: &Key, new: &Key) -> Result<(), Error> {
    let (from, to) = (current.spec.usage(), new.spec.usage());
    if from == to {
        return Ok(());
    }
    Err(Error::Validation(format!(
        "Alias {alias} cannot be changed from a CMK with key usage {from} to a CMK with key usage {to}. The key usage of \
         the current CMK and the new CMK must be the same."
    )))
}
