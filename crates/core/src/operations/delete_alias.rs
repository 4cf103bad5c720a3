//! `DeleteAlias`: the name goes, the key stays. Source: API reference, DeleteAlias.

use claviger_keyring::Space;

use crate::error::Error;
use crate::keys::alias_names;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
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

impl PlainCommand for DeleteAlias {
    fn decide(&self, _: &Facts<'_>, target: Authorized<AliasTarget>) -> Result<Outcome<()>, Error> {
        let (arn, alias, key) = (&target.arn, target.alias()?, target.current_key()?);
        let path = paths::alias(arn.region, arn.account, &arn.name);
        let changes = Changes::new(Space::Region(arn.region)).delete(path, alias.revision);
        Ok(changes.count_out(paths::alias_count(arn.region, key.arn.id)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused, validation};

    #[test]
    fn the_name_goes_and_the_key_stays() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        // A key that waits for its deletion does not keep its aliases.
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        assert_eq!(kms.ok("DeleteAlias", json!({"AliasName": "alias/a"})), Value::Null);
        let text = "Alias arn:aws:kms:us-east-1:111122223333:alias/a is not found.";
        assert_eq!(kms.call("DeleteAlias", json!({"AliasName": "alias/a"})), Err(refused("NotFoundException", text)));
        kms.ok("DescribeKey", json!({"KeyId": key}));
    }

    #[test]
    fn names() {
        let kms = TestKms::new();
        for (name, want) in [
            ("alias/aws/s3", refused("NotAuthorizedException", "")),
            ("alias/x:y", validation("alias/x:y contains invalid characters for an alias")),
        ] {
            assert_eq!(kms.call("DeleteAlias", json!({"AliasName": name})), Err(want), "{name}");
        }
    }

    #[test]
    fn nobody_deletes_an_alias_of_another_account_or_region() {
        let kms = TestKms::new();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": kms.key()}));
        for (caller, region, account) in
            [(kms.away(), "us-east-1", AWAY), (kms.admin().in_region("eu-west-1"), "eu-west-1", HOME)]
        {
            let text = format!("Alias arn:aws:kms:{region}:{account}:alias/a is not found.");
            let answer = caller.call("DeleteAlias", json!({"AliasName": "alias/a"}));
            assert_eq!(answer, Err(refused("NotFoundException", &text)));
        }
        kms.ok("DescribeKey", json!({"KeyId": "alias/a"}));
    }
}
