//! Changes that stand on one key's record, guarded by the revision that was decided on.

use claviger_keyring::Space;

use crate::paths;
use crate::pipeline::outcome::Changes;
use crate::records::KeyRecord;
use crate::view::Key;

/// The key's record with one change.
pub fn edit(key: &Key, change: impl FnOnce(&mut KeyRecord)) -> Changes {
    let mut record = key.to_record();
    change(&mut record);
    let region = key.arn.region;
    Changes::new(Space::Region(region)).replace(paths::key(region, key.arn.id), key.revision, &record)
}

/// What comes to a key, and must not outlive it: while it is committed, the key is as it was decided on.
pub fn unchanged(key: &Key) -> Changes {
    let region = key.arn.region;
    Changes::new(Space::Region(region)).unchanged(paths::key(region, key.arn.id), key.revision)
}
