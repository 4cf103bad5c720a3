//! Removes keys whose deletion date has passed, with their material, aliases, grants and counters. Requests stopped seeing
//! them at that date already.

use claviger_keyring::Space;
use claviger_types::StateAt;

use super::commit;
use crate::error::Error;
use crate::keys::grants;
use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::service::Service;
use crate::target::Resources;
use crate::view::{Key, View};

/// Aliases that go in one transaction: each is a precondition and a write, of the 100 that a store takes.
const ALIASES_MAX: u32 = 40;

/// Grants that go in one transaction: each is a precondition and up to two writes.
const GRANTS_MAX: u32 = 30;

/// Transactions for one key before the next one has its turn.
const ROUNDS_MAX: usize = 100;

/// Deletes every key that is due.
pub async fn run(service: &Service) -> Result<(), Error> {
    let view = service.view();
    let now = service.now(&view);
    for region in view.regions() {
        for key in view.deletions_due(region, now) {
            delete(service, key).await?;
        }
    }
    Ok(())
}

/// Transaction after transaction, each decided on the View that the one before left, until the key is gone.
async fn delete(service: &Service, key: &Key) -> Result<(), Error> {
    let arn = key.arn;
    for _ in 0..ROUNDS_MAX {
        let view = service.view();
        let Some(key) = view.key(arn.region, arn.id).filter(|left| left.state_at(service.now(&view)) == StateAt::Gone)
        else {
            break;
        };
        let (changes, action) = decide(&view, key);
        commit(service, changes, action, arn.account, Resources::of_keys([&arn])).await?;
        if service.view().revision() == view.revision() {
            break;
        }
    }
    Ok(())
}

/// The key with all that is its own; or, if it has more than one transaction takes, some of its grants or aliases, and the
/// key when it is looked at again. Nobody sees the difference: they are gone for requests already.
fn decide(view: &View, key: &Key) -> (Changes, &'static str) {
    let arn = key.arn;
    let changes = Changes::new(Space::Region(arn.region));
    let (changes, granted) = view
        .grants_on(arn.region, arn.id, None)
        .take(GRANTS_MAX as usize)
        .fold((changes, 0), |(changes, count), grant| (grants::without(changes, grant), count + 1));
    if granted > 0 {
        let counter = paths::grant_count(arn.region, arn.id);
        return (changes.count_out_many(counter, granted), "DeleteGrants");
    }
    let mut aliases = view.aliases_of_key(arn.region, key, None);
    let changes = aliases.by_ref().take(ALIASES_MAX as usize).fold(changes, |changes, alias| {
        changes.delete(paths::alias(arn.region, arn.account, &alias.name), alias.revision)
    });
    if aliases.next().is_some() {
        let counter = paths::alias_count(arn.region, arn.id);
        return (changes.count_out_many(counter, ALIASES_MAX), "DeleteAliases");
    }
    let changes = changes
        .delete(paths::key(arn.region, arn.id), key.revision)
        .delete_any(paths::alias_count(arn.region, arn.id))
        .delete_any(paths::grant_count(arn.region, arn.id))
        .count_out(paths::key_count(arn.region, arn.account));
    (changes, "DeleteKey")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use serde_json::json;

    use super::*;
    use crate::testing::test_events::event_of;
    use crate::testing::test_kms::{HOME, REGION, TestKms};

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
            assert_eq!((event.operation, event.caller), (Some("DeleteKey"), None));
            let left: Vec<_> = kms.store.records().into_iter().map(|(path, _)| path).collect();
            let own: Vec<_> = left.iter().filter(|path| path.contains(&key) || path.starts_with("aliases/")).collect();
            assert!(own.is_empty(), "{own:?}");
            assert_eq!(kms.store.counter(&paths::key_count(REGION.parse().unwrap(), HOME.parse().unwrap())), 1);
            assert!(left.len() > before + kept_records);
        }
    }

    /// Grants go in transactions before the one in which the key goes, however many there are.
    #[test]
    fn grants_go_before_their_key() {
        for (grants, names) in [(1, 0), (30, 30), (31, 31), (95, 40)] {
            let kms = TestKms::new();
            let (key, kept) = (kms.key(), kms.key());
            let admin = kms.admin();
            admin.grant(&kept, admin, &["Encrypt"]);
            for number in 0..grants {
                let mut body = json!({"KeyId": key, "GranteePrincipal": admin.arn(), "RetiringPrincipal": HOME,
                    "Operations": ["Encrypt"]});
                if number < names {
                    body["Name"] = json!(number.to_string());
                }
                kms.ok("CreateGrant", body);
            }
            kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
            kms.ok("ScheduleKeyDeletion", json!({"KeyId": key, "PendingWindowInDays": 7}));
            kms.pass(WINDOW);
            let commits = kms.store.commits();
            kms.block_on(run(kms.service())).unwrap();
            let commits = kms.store.commits_since(commits);
            let actions: Vec<_> = commits.iter().map(|commit| event_of(commit).1.operation.unwrap()).collect();
            let mut want = vec!["DeleteGrants"; usize::div_ceil(grants, GRANTS_MAX as usize)];
            want.push("DeleteKey");
            assert_eq!(actions, want, "{grants} grants, {names} names");
            let left: Vec<_> = kms.store.records().into_iter().filter(|(path, _)| path.contains(&key)).collect();
            assert!(left.is_empty(), "{left:?}");
            assert_eq!(kms.ok("ListGrants", json!({"KeyId": kept}))["Grants"].as_array().unwrap().len(), 1);
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
