//! What the IAM operations on groups share.

use claviger_types::{GroupId, GroupName, Timestamp};
use serde::Serialize;

use crate::identity::entities;
use crate::identity::listing;
use crate::view::Group;

/// `Group`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct GroupShown {
    path: Box<str>,
    group_name: GroupName,
    group_id: GroupId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
}

impl GroupShown {
    /// A group with this ARN, unique id and date.
    pub fn new(path: Box<str>, name: GroupName, id: GroupId, arn: String, created_at: Timestamp) -> Self {
        Self { path, group_name: name, group_id: id, arn, create_date: created_at }
    }
}

impl From<&Group> for GroupShown {
    fn from(group: &Group) -> Self {
        Self::new(group.path.clone(), group.name.clone(), group.id, entities::arn_of(group), group.created_at)
    }
}
