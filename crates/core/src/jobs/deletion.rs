//! Removes keys whose deletion date has passed, with their material, aliases and counters. Requests stopped seeing them
//! at that date already.

use claviger_keyring::Space;

use super::commit;
use crate::error::Error;
use crate::outcome::Changes;
use crate::paths;
use crate::service::Service;
use crate::view::{Key, View};

/// Deletes every key that is due.
pub async fn run(service: &Service) -> Result<(), Error> {
    let view = service.view();
    let now = service.now(&view);
    for region in view.regions() {
        for key in view.deletions_due(region, now) {
            let (changes, resources) = decide(&view, key);
            commit(service, changes, "claviger:DeleteKey", key.arn.account, resources).await?;
        }
    }
    Ok(())
}

/// The key with all that is its own. Its aliases are at most 50, so that it fits one transaction.
fn decide(view: &View, key: &Key) -> (Changes, Vec<String>) {
    let arn = key.arn;
    let changes = Changes::new(Space::Region(arn.region))
        .delete(paths::key(arn.region, arn.id), key.revision)
        .delete_any(paths::alias_count(arn.region, arn.id))
        .count_out(paths::key_count(arn.region, arn.account));
    let aliases = view.aliases_of_key(arn.region, key, None);
    let changes = aliases.fold(changes, |changes, alias| {
        changes.delete(paths::alias(arn.region, arn.account, &alias.name), alias.revision)
    });
    (changes, vec![arn.to_string()])
}
