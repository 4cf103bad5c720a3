//! Managed policies and their versions. Source: IAM API reference, CreatePolicy, CreatePolicyVersion; IAM user guide,
//! "Versioning IAM policies".

use claviger_keyring::Space;
use claviger_types::{PolicyArn, PolicyId, Timestamp, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::documents;
use crate::identity::listing::{self, Members};
use crate::identity::tags::{self, TagShown};
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::outcome::Changes;
use crate::records::{ManagedPolicyRecord, PolicyVersionRecord};
use crate::target::PolicyPlace;
use crate::view::ManagedPolicy;
use crate::view::service_policies;
use crate::wire::Fields;

/// `Policy`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct PolicyShown {
    policy_name: String,
    policy_id: PolicyId,
    arn: PolicyArn,
    path: Box<str>,
    default_version_id: String,
    attachment_count: usize,
    permissions_boundary_usage_count: usize,
    is_attachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
    #[serde(serialize_with = "listing::iso_8601")]
    update_date: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    tags: Option<Members<TagShown>>,
}

impl PolicyShown {
    /// With description and tags.
    pub fn whole(policy: &ManagedPolicy, facts: &Facts<'_>) -> Self {
        let description = policy.description.as_ref().map(ToString::to_string);
        Self { description, tags: tags::shown(&policy.tags), ..Self::in_list(policy, facts) }
    }

    /// As lists show it: without description and tags.
    pub fn in_list(policy: &ManagedPolicy, facts: &Facts<'_>) -> Self {
        let (view, account) = (facts.view, facts.account());
        Self {
            policy_name: policy.arn.name.to_string(),
            policy_id: policy.id,
            arn: policy.arn.clone(),
            path: policy.arn.path.clone(),
            default_version_id: version_id(policy.default_version),
            attachment_count: view.attachment_count(account, &policy.arn),
            permissions_boundary_usage_count: view.boundary_count(account, &policy.arn),
            is_attachable: true,
            description: None,
            create_date: policy.created_at,
            update_date: policy.updated_at,
            tags: None,
        }
    }

    /// One that is just being made.
    pub fn new(arn: PolicyArn, id: PolicyId, record: &ManagedPolicyRecord) -> Self {
        let created_at = Timestamp::from_millis(record.created_at);
        let pairs = record.tags.iter().map(|tag| (tag.key.as_str().into(), tag.value.as_str().into()));
        Self {
            policy_name: arn.name.to_string(),
            policy_id: id,
            path: arn.path.clone(),
            arn,
            default_version_id: version_id(record.default_version),
            attachment_count: 0,
            permissions_boundary_usage_count: 0,
            is_attachable: true,
            description: record.description.clone(),
            create_date: created_at,
            update_date: created_at,
            tags: tags::shown(&pairs.collect()),
        }
    }
}

/// `PolicyVersion`, as answers show it.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct VersionShown {
    #[serde(skip_serializing_if = "Option::is_none")]
    document: Option<String>,
    version_id: String,
    is_default_version: bool,
    #[serde(serialize_with = "listing::iso_8601")]
    create_date: Timestamp,
}

impl VersionShown {
    /// With its text.
    pub fn whole(version: &PolicyVersionRecord, default_version: u32) -> Self {
        let document = Some(documents::percent_encoded(&version.document));
        Self { document, ..Self::in_list(version, default_version) }
    }

    /// As lists show it: without its text.
    pub fn in_list(version: &PolicyVersionRecord, default_version: u32) -> Self {
        Self {
            document: None,
            version_id: version_id(version.number),
            is_default_version: version.number == default_version,
            create_date: Timestamp::from_millis(version.created_at),
        }
    }
}

/// `PolicyArn`.
pub fn arn_from_request(fields: &mut Fields) -> Result<PolicyArn, Error> {
    parse_arn(&fields.string("PolicyArn").unwrap_or_default())
}

/// `PolicyArn`, where the policy is what the request is about.
pub fn place(fields: &mut Fields) -> Result<PolicyPlace, Error> {
    arn_from_request(fields).map(PolicyPlace::Existing)
}

/// The ARN of a policy. Source: text observed at AWS.
pub fn parse_arn(text: &str) -> Result<PolicyArn, Error> {
    text.parse().map_err(|_| Error::InvalidInput(format!("ARN {text} is not valid.")))
}

/// The managed policies that there are for the caller's account, each after what a marker remembers of it: its own in
/// order of their names, then the service's; those after `after`.
pub fn all_after<'f>(facts: &Facts<'f>, after: &str) -> impl Iterator<Item = (String, &'f ManagedPolicy)> + use<'f> {
    let own = if after.is_empty() { Some("") } else { after.strip_prefix("1/") };
    let own = own.map(|after| facts.view.customer_policies_after(facts.account(), after));
    let own = own.into_iter().flatten().map(|policy| (format!("1/{}", policy.arn.name.folded()), &**policy));
    let after = after.to_owned();
    let of_service = service_policies::all().map(|policy| (format!("2/{}", policy.arn.name), &**policy));
    own.chain(of_service.filter(move |(name, _)| *name > after))
}

/// Checks the text of a version. White space is not counted, but must still find room in the store.
pub fn check(document: &str) -> Result<(), Error> {
    documents::check(document)?;
    let limit = limits::MANAGED_POLICY_CHARS_MAX;
    if documents::characters(document) > limit { Err(Error::quota("PolicySize", limit)) } else { Ok(()) }
}

/// The version that `VersionId` means.
pub fn find_version<'p>(policy: &'p ManagedPolicy, id: &str) -> Result<&'p PolicyVersionRecord, Error> {
    let found = policy.versions.iter().find(|version| version_id(version.number) == id);
    let text = || format!("Policy {} version {id} does not exist or is not attachable.", policy.arn);
    found.ok_or_else(|| Error::NotFound(text()))
}

/// How a version is called.
pub fn version_id(number: u32) -> String {
    format!("v{number}")
}

/// The policy's record with one change, guarded by the revision that was decided on.
pub fn edit(policy: &ManagedPolicy, change: impl FnOnce(&mut ManagedPolicyRecord)) -> Changes {
    let mut record = policy.to_record();
    change(&mut record);
    Changes::new(Space::Global).replace(path_of(&policy.arn), policy.revision, &record)
}

/// Where a customer managed policy's record is. The service's own have none.
pub fn path_of(arn: &PolicyArn) -> String {
    let account = arn.account.map(|account| paths::customer_policy(account, &arn.name.folded()));
    account.unwrap_or_default()
}
