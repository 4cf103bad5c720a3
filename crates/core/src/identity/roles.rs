//! What the IAM operations on roles share.

use claviger_types::{AccountId, RoleId, RoleName, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::identity::attachments::{self, Boundary};
use crate::identity::documents;
use crate::identity::entities;
use crate::identity::listing::{self, Members};
use crate::identity::tags::{self, TagShown};
use crate::identity::trust;
use crate::records::RoleRecord;
use crate::view::{Role, View};
use crate::wire::Fields;

/// `Role`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct RoleShown {
    path: Box<str>,
    role_name: RoleName,
    role_id: RoleId,
    arn: String,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    assume_role_policy_document: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    max_session_duration: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    permissions_boundary: Option<Boundary>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<TagShown>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    role_last_used: Option<NeverUsed>,
}

/// `RoleLastUsed` of a role of which no use is known.
#[derive(Serialize)]
pub struct NeverUsed {}

impl RoleShown {
    /// With boundary, tags and last use.
    pub fn whole(role: &Role, view: &View) -> Self {
        Self {
            permissions_boundary: attachments::boundary_shown(role.boundary.as_deref()),
            tags: tags::shown(&role.tags),
            role_last_used: Some(NeverUsed {}),
            ..Self::in_list(role, view)
        }
    }

    /// As lists show it: without boundary, tags and last use. Source: IAM API reference, ListRoles.
    pub fn in_list(role: &Role, view: &View) -> Self {
        Self {
            path: role.path.clone(),
            role_name: role.name.clone(),
            role_id: role.id,
            arn: entities::arn_of(role),
            create_date: role.created_at,
            assume_role_policy_document: trust::shown(role, view),
            description: role.description.as_ref().map(ToString::to_string),
            max_session_duration: role.session_seconds_max,
            permissions_boundary: None,
            tags: None,
            role_last_used: None,
        }
    }

    /// One that is just being made.
    pub fn new(account: AccountId, name: &RoleName, id: RoleId, record: &RoleRecord) -> Self {
        let pairs = record.tags.iter().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into()));
        Self {
            path: record.path.as_str().into(),
            role_name: name.clone(),
            role_id: id,
            arn: entities::arn::<Role>(account, &record.path, name),
            create_date: Timestamp::from_millis(record.created_at),
            assume_role_policy_document: documents::percent_encoded(&record.trust.document),
            description: record.description.clone(),
            max_session_duration: record.session_seconds_max,
            permissions_boundary: record.boundary.clone().map(Boundary::of),
            tags: tags::shown(&pairs.collect()),
            role_last_used: None,
        }
    }
}

/// `MaxSessionDuration`; the model bounds it.
pub fn session_seconds(fields: &mut Fields) -> Result<Option<u32>, Error> {
    let seconds = fields.integer("MaxSessionDuration").map(u32::try_from).transpose();
    seconds.map_err(|_| Error::Internal("MaxSessionDuration passed the constraints".into()))
}
