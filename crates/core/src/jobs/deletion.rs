//! Removes keys whose deletion date has passed, with their material, aliases and counters. Requests stopped seeing them
//! at that date already.

use claviger_keyring::Space;

use super::commit;
use crate::error::Error;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::service::Service;
use crate::view::{Key, View};

/// Aliases that go in one transaction: each is a precondition and a write, of the 100 that a store takes.
const ALIASES_MAX: u32 = 40;

/// Deletes every key that is due.
pub async fn run(service: &Service) -> Result<(), Error> {
    let view = service.view();
    let now = service.now(&view);
    for region in view.regions() {
        for key in view.deletions_due(region, now) {
            let (changes, action) = decide(&view, key);
            commit(service, changes, action, key.arn.account, vec![key.arn.to_string()]).await?;
        }
    }
    Ok(())
}

/// The key with all that is its own; or, if it has too many aliases, some of these, and the key when it is looked at
/// again. Nobody sees the difference: they are gone for requests already.
fn decide(view: &View, key: &Key) -> (Changes, &'static str) {
    let arn = key.arn;
    let mut aliases = view.aliases_of_key(arn.region, key, None);
    let changes =
        aliases.by_ref().take(ALIASES_MAX as usize).fold(Changes::new(Space::Region(arn.region)), |changes, alias| {
            changes.delete(paths::alias(arn.region, arn.account, &alias.name), alias.revision)
        });
    if aliases.next().is_some() {
        let counter = paths::alias_count(arn.region, arn.id);
        return (changes.count_out_many(counter, ALIASES_MAX), "claviger:DeleteAliases");
    }
    let changes = changes
        .delete(paths::key(arn.region, arn.id), key.revision)
        .delete_any(paths::alias_count(arn.region, arn.id))
        .count_out(paths::key_count(arn.region, arn.account));
    (changes, "claviger:DeleteKey")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::testing::test_kms::{HOME, REGION, TestKms, event_of};

    const WINDOW: Duration = Duration::from_secs(7 * 86_400);

    /// Nothing is left of a key that is gone, its counters and the wrapped material included.
    #[test]
    fn a_key_that_is_due_goes_with_all_that_is_its_own() {
        for aliases in [0, 1, 40, 41, 50] {
            let kms = TestKms::new();
            let before = kms.store.records().len();
            let (key, kept) = (kms.key(), kms.key());
            let kept_records = kms.store.records().into_iter().filter(|(path, _)| path.contains(&kept)).count();
            for number in 0..aliases {
                kms.ok("CreateAlias", json!({"AliasName": format!("alias/{number}"), "TargetKeyId": key}));
            }
            kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
            kms.pass(WINDOW - Duration::from_secs(60));
            kms.block_on(run(kms.service())).unwrap();
            kms.ok("DescribeKey", json!({"KeyId": key}));
            kms.pass(Duration::from_secs(60));
            let commits = kms.store.commits();
            for _ in 0..3 {
                kms.block_on(run(kms.service())).unwrap();
            }
            let commits = kms.store.commits_since(commits);
            assert_eq!(commits.len(), if aliases > ALIASES_MAX { 2 } else { 1 }, "{aliases} aliases");
            let (_, event) = event_of(commits.last().unwrap());
            assert_eq!((event.action.as_str(), event.caller), ("claviger:DeleteKey", None));
            let left: Vec<_> = kms.store.records().into_iter().map(|(path, _)| path).collect();
            let own: Vec<_> = left.iter().filter(|path| path.contains(&key) || path.starts_with("aliases/")).collect();
            assert!(own.is_empty(), "{own:?}");
            assert_eq!(kms.store.counter(&paths::key_count(REGION.parse().unwrap(), HOME.parse().unwrap())), 1);
            assert!(left.len() > before + kept_records);
        }
    }

    /// A name whose key is gone is free at once, and the job then leaves the new alias alone.
    #[test]
    fn an_alias_that_was_taken_over_stays() {
        let kms = TestKms::new();
        let (old, new) = (kms.key(), kms.key());
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": old}));
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": old, "PendingWindowInDays": 7}));
        kms.pass(WINDOW);
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": new}));
        kms.block_on(run(kms.service())).unwrap();
        assert_eq!(kms.ok("DescribeKey", json!({"KeyId": "alias/a"}))["KeyMetadata"]["KeyId"], new);
        assert_eq!(kms.store.counter(&paths::alias_count(REGION.parse().unwrap(), new.parse().unwrap())), 1);
    }
}
