//! What the IAM operations on users share.

use std::sync::Arc;

use claviger_keyring::SecretAccessKey;
use claviger_types::{AccountId, GroupId, Timestamp, UserId, UserName};
use serde::{Serialize, Serializer};

use crate::error::Error;
use crate::identity::attachments::{self, Boundary};
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::identity::tags::{self, TagShown};
use crate::records::{AccessKeyRecord, UserRecord};
use crate::target::UserPlace;
use crate::view::User;
use crate::wire::Fields;

/// `User`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct UserShown {
    path: Box<str>,
    user_name: UserName,
    user_id: UserId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<TagShown>>,
}

impl UserShown {
    /// With boundary and tags.
    pub fn whole(user: &User) -> Self {
        Self {
            permissions_boundary: attachments::boundary_shown(user.boundary.as_deref()),
            tags: tags::shown(&user.tags),
            ..Self::in_list(user)
        }
    }

    /// As lists show it: without boundary and tags. Source: IAM API reference, ListUsers.
    pub fn in_list(user: &User) -> Self {
        Self {
            path: user.path.clone(),
            user_name: user.name.clone(),
            user_id: user.id,
            arn: entities::arn_of(user),
            create_date: user.created_at,
            permissions_boundary: None,
            tags: None,
        }
    }

    /// One that is just being made.
    pub fn new(account: AccountId, name: &UserName, id: UserId, record: &UserRecord) -> Self {
        let pairs = record.tags.iter().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into()));
        Self {
            path: record.path.as_str().into(),
            user_name: name.clone(),
            user_id: id,
            arn: entities::arn::<User>(account, &record.path, name),
            create_date: Timestamp::from_millis(record.created_at),
            permissions_boundary: record.boundary.clone().map(Boundary::of),
            tags: tags::shown(&pairs.collect()),
        }
    }
}

/// `UserName` where IAM demands it.
pub fn named_user(fields: &mut Fields) -> Result<UserPlace, Error> {
    entities::named(fields)
}

/// `UserName` where its absence means the caller.
pub fn named_user_or_caller(fields: &mut Fields) -> Result<UserPlace, Error> {
    if fields.present("UserName") { named_user(fields) } else { Ok(UserPlace::Caller) }
}

/// Whether a user is in a group.
pub fn is_member(user: &User, group: GroupId) -> bool {
    user.groups.contains(&group)
}

/// The user's access key of this id.
pub fn find_access_key<'u>(user: &'u User, id: &str) -> Result<&'u AccessKeyRecord, Error> {
    let found = user.access_keys.iter().find(|access_key| access_key.id == id);
    found.ok_or_else(|| Error::access_key_not_found(id))
}

/// `Status` of an access key.
pub fn status(active: bool) -> &'static str {
    if active { "Active" } else { "Inactive" }
}

/// The secret goes straight into the answer's buffer, which is wiped like the secret itself.
pub fn exposed<S: Serializer>(secret: &Arc<SecretAccessKey>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}
