//! `DeleteAlias`: the name goes, the key stays. Source: API reference, DeleteAlias.

use claviger_keyring::Space;

use crate::alias_names;
use crate::call::Facts;
use crate::error::Error;
use crate::operation::{Command, Operation};
use crate::outcome::{Changes, Outcome};
use crate::paths;
use crate::target::{AliasChange, AliasTarget, Authorized};
use crate::wire::Fields;

/// The request.
pub struct DeleteAlias {
    change: AliasChange,
}

impl Operation for DeleteAlias {
    const NAME: &'static str = "DeleteAlias";
    type Target = AliasTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { change: AliasChange::Delete(alias_names::from_request(fields)?) })
    }

    fn target(&self) -> &AliasChange {
        &self.change
    }
}

impl Command for DeleteAlias {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<AliasTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, _: &Facts<'_>, target: Authorized<AliasTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let (arn, alias, key) = (&target.arn, target.alias()?, target.current_key()?);
        let path = paths::alias(arn.region, arn.account, &arn.name);
        let changes = Changes::new(Space::Region(arn.region)).delete(path, alias.revision);
        Ok(changes.count_out(paths::alias_count(arn.region, key.arn.id)).reply(()))
    }
}
