//! `CreateAlias`: a new name for a key. Source: API reference, CreateAlias.

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
        Ok(Self { change: AliasChange::Create(name, alias_target(fields, "TargetKeyId")) })
    }

    fn target(&self) -> &AliasChange {
        &self.change
    }
}

impl PlainCommand for CreateAlias {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<AliasTarget>) -> Result<Outcome<()>, Error> {
        let arn = &target.arn;
        if target.current_key.is_some() {
            return Err(Error::AlreadyExists(format!("An alias with the name {arn} already exists")));
        }
        let key = target.new_key()?;
        check_not_pending_deletion(key, facts)?;
        let now = facts.now.as_millis();
        let record = AliasRecord { key_id: key.arn.id.to_string(), created_at: now, updated_at: now };
        let path = paths::alias(arn.region, arn.account, &arn.name);
        let changes = edits::unchanged(key);
        // An alias whose key is gone is only waiting to be cleaned up: its name is free.
        let changes = match &target.alias {
            Some(left_over) => changes
                .replace(path, left_over.revision, &record)
                .count_out(paths::alias_count(arn.region, left_over.key_id)),
            None => changes.create(path, &record),
        };
        let counter = paths::alias_count(arn.region, key.arn.id);
        Ok(changes.count_in(counter, Quota::AliasesPerKey, limits::ALIASES_PER_KEY_MAX).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::{Value, json};

    use crate::paths;
    use crate::testing::test_kms::{REGION, Session, TestKms, refused, statement, validation, violation};

    /// Source: docs/compatibility.md, order of checks: the name is judged before the key is looked for.
    #[test]
    fn names() {
        let kms = TestKms::new();
        let pattern =
            "failed to satisfy constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$";
        let prefix = "Alias must start with the prefix \"alias/\". Please see \
            https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        let long = format!("alias/{}", "a".repeat(251));
        let cases = [
            ("alias/a b".to_owned(), violation(&format!("Value 'alias/a b' at 'aliasName' {pattern}"))),
            ("alias/a.b".to_owned(), violation(&format!("Value 'alias/a.b' at 'aliasName' {pattern}"))),
            (
                long.clone(),
                violation(&format!(
                    "Value '{long}' at 'aliasName' failed to satisfy constraint: Member must have length less than or \
                     equal to 256"
                )),
            ),
            ("a".to_owned(), validation(prefix)),
            ("Alias/a".to_owned(), validation(prefix)),
            ("alias/".to_owned(), validation("alias/ contains invalid characters for an alias")),
            ("alias/my:alias".to_owned(), validation("alias/my:alias contains invalid characters for an alias")),
            ("alias/aws/s3".to_owned(), refused("NotAuthorizedException", "")),
        ];
        for (name, want) in cases {
            let answer = kms.call("CreateAlias", json!({"AliasName": name, "TargetKeyId": "foo"}));
            assert_eq!(answer, Err(want), "{name}");
        }
    }

    #[test]
    fn a_name_is_given_once_in_an_account_and_region() {
        let kms = TestKms::new();
        let (key, other) = (kms.key(), kms.key());
        let create = |session: Session<'_>, name: &str, key: &str| {
            session.call("CreateAlias", json!({"AliasName": name, "TargetKeyId": key}))
        };
        assert_eq!(create(kms.admin(), "alias/a", &key), Ok(Value::Null));
        let text = "An alias with the name arn:aws:kms:us-east-1:111122223333:alias/a already exists";
        for key in [&key, &other] {
            assert_eq!(create(kms.admin(), "alias/a", key), Err(refused("AlreadyExistsException", text)));
        }
        // Case counts; other accounts and Regions have names of their own.
        assert_eq!(create(kms.admin(), "alias/A", &key), Ok(Value::Null));
        let (away, west) = (kms.away(), kms.admin().in_region("us-west-2"));
        assert_eq!(create(away, "alias/a", &away.key("HMAC_224")), Ok(Value::Null));
        assert_eq!(create(west, "alias/a", &west.key("SYMMETRIC_DEFAULT")), Ok(Value::Null));
    }

    /// Each key's counter counts the aliases that are there, also before the key that is gone was cleaned up.
    #[test]
    fn the_name_of_a_key_that_is_gone_is_free() {
        let kms = TestKms::new();
        let (old, new) = (kms.key(), kms.key());
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": old}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": old, "PendingWindowInDays": 7}));
        kms.pass(Duration::from_secs(7 * 86_400));
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": new}));
        let count = |key: &str| kms.store.counter(&paths::alias_count(REGION.parse().unwrap(), key.parse().unwrap()));
        assert_eq!([count(&old), count(&new)], [0, 1]);
    }

    /// Source: developer guide, "Controlling access to aliases": on the alias and on the key.
    #[test]
    fn both_alias_and_key_must_allow_it() {
        let kms = TestKms::new();
        let key = kms.key();
        let (arn, alias) = (kms.admin().key_arn(&key), "arn:aws:kms:us-east-1:111122223333:alias/a");
        let (on_key, on_alias) = (statement("Allow", "kms:*", &arn), statement("Allow", "kms:*", alias));
        let because = "because no identity-based policy allows the kms:CreateAlias action";
        for (number, statements, refused_on) in [
            (1, on_key.clone(), Some(alias)),
            (2, on_alias.clone(), Some(&*arn)),
            (3, format!("{on_key},{on_alias}"), None),
        ] {
            let caller = kms.admin().user(&format!("user-{number}"), &statements);
            let answer = caller.call("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
            let want = refused_on.map(|on| caller.denied("kms:CreateAlias", &format!(" on resource: {on} {because}")));
            assert_eq!(answer.err(), want, "{statements}");
        }
    }
}
