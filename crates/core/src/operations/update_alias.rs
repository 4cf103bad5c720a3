//! `UpdateAlias`: the name stands for another key of the same kind. Source: API reference, UpdateAlias.

use claviger_types::limits;

use crate::error::Error;
use crate::keys::checks::check_not_pending_deletion;
use crate::keys::{alias_names, edits};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::members::alias_target;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Outcome, Quota};
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
        Ok(Self { change: AliasChange::Update(name, alias_target(fields, "TargetKeyId")) })
    }

    fn target(&self) -> &AliasChange {
        &self.change
    }
}

impl PlainCommand for UpdateAlias {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<AliasTarget>) -> Result<Outcome<()>, Error> {
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
        let changes = edits::unchanged(new).replace(path, alias.revision, &record);
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

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement, validation};

    #[test]
    fn to_another_key_of_the_same_kind() {
        let kms = TestKms::new();
        let [a, b] = [kms.key(), kms.key()];
        let (hmac, other_hmac) = (kms.admin().key("HMAC_256"), kms.admin().key("HMAC_512"));
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": a}));
        kms.ok("CreateAlias", json!({"AliasName": "alias/h", "TargetKeyId": hmac}));
        let update = |name: &str, key: &str| kms.call("UpdateAlias", json!({"AliasName": name, "TargetKeyId": key}));
        // From a key that waits for its deletion it may lead away, and to one it may not lead.
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": a}));
        assert_eq!(update("alias/a", &b), Ok(Value::Null));
        let pending = refused("KMSInvalidStateException", &format!("{} is pending deletion.", kms.admin().key_arn(&a)));
        assert_eq!(update("alias/a", &a), Err(pending));
        assert_eq!(update("alias/a", &b), Ok(Value::Null));
        assert_eq!(update("alias/h", &other_hmac), Ok(Value::Null));
        let text = "Alias alias/a cannot be changed from a CMK with key usage ENCRYPT_DECRYPT to a CMK with key usage \
            GENERATE_VERIFY_MAC. The key usage of the current CMK and the new CMK must be the same.";
        assert_eq!(update("alias/a", &hmac), Err(validation(text)));
        assert_eq!(kms.ok("DescribeKey", json!({"KeyId": "alias/a"}))["KeyMetadata"]["KeyId"], b);
    }

    /// Source: docs/compatibility.md, order of checks: the alias is looked for before the key.
    #[test]
    fn names() {
        let kms = TestKms::new();
        let missing = "Alias arn:aws:kms:us-east-1:111122223333:alias/none is not found.";
        for (name, want) in [
            ("alias/none", refused("NotFoundException", missing)),
            ("alias/aws/s3", refused("NotAuthorizedException", "")),
            ("alias/a:b", validation("alias/a:b contains invalid characters for an alias")),
        ] {
            let answer = kms.call("UpdateAlias", json!({"AliasName": name, "TargetKeyId": "foo"}));
            assert_eq!(answer, Err(want), "{name}");
        }
    }

    /// Source: developer guide, "Controlling access to aliases": on the alias, the old key and the new one.
    #[test]
    fn alias_and_both_keys_must_allow_it() {
        let kms = TestKms::new();
        let [old, new] = [kms.key(), kms.key()];
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": old}));
        let alias = "arn:aws:kms:us-east-1:111122223333:alias/a".to_owned();
        let places = [alias, kms.admin().key_arn(&old), kms.admin().key_arn(&new)];
        for (missing, place) in places.iter().enumerate() {
            let others = places.iter().filter(|other| *other != place);
            let statements: Vec<_> = others.map(|other| statement("Allow", "kms:UpdateAlias", other)).collect();
            let caller = kms.admin().user(&format!("user-{missing}"), &statements.join(","));
            let answer = caller.call("UpdateAlias", json!({"AliasName": "alias/a", "TargetKeyId": new}));
            let rest =
                format!(" on resource: {place} because no identity-based policy allows the kms:UpdateAlias action");
            assert_eq!(answer, Err(caller.denied("kms:UpdateAlias", &rest)), "{place}");
        }
    }

    #[test]
    fn dates() {
        let kms = TestKms::new();
        let [a, b] = [kms.key(), kms.key()];
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": a}));
        kms.pass(std::time::Duration::from_secs(3600));
        kms.ok("UpdateAlias", json!({"AliasName": "alias/a", "TargetKeyId": b}));
        let entry = kms.ok("ListAliases", json!({}))["Aliases"][0].clone();
        let seconds = |name: &str| entry[name].as_f64().unwrap();
        assert!((3600.0..3660.0).contains(&(seconds("LastUpdatedDate") - seconds("CreationDate"))), "{entry}");
    }
}
