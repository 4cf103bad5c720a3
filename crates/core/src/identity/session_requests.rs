//! What a request says of the session that it wants: tags and policies, checked, and joined with what the session inherits.
//! Sources: STS API reference, AssumeRole; IAM user guide, "Pass session tags in AWS STS" and "Session policies".

use claviger_policy::{ConditionKey, Values};
use claviger_types::{AccountId, PolicyArn, limits};

use crate::error::Error;
use crate::identity::caller::Caller;
use crate::identity::{documents, tags};
use crate::pipeline::request::tag_keys;
use crate::records::{SessionTagRecord, TagRecord};
use crate::view::View;
use crate::wire::Fields;

/// `Tags` and `TransitiveTagKeys`.
pub struct RequestedTags {
    tags: Vec<TagRecord>,
    transitive: Vec<String>,
}

/// `Policy` and `PolicyArns`.
pub struct RequestedPolicies {
    document: Option<String>,
    arns: Vec<PolicyArn>,
}

impl RequestedTags {
    /// No key twice, none that begins with `aws:`, and nothing transitive that is no tag of the request.
    pub fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let tags = tags::from_request(fields).map_err(|error| match error {
            Error::InvalidInput(text) => Error::Validation(text),
            error => error,
        })?;
        let transitive = fields.strings("TransitiveTagKeys").unwrap_or_default();
        if !transitive.iter().all(|key| tags.iter().any(|tag| tags::same(&tag.key, key))) {
            let text = "The specified transitive tag key must be included in the requested tags.";
            return Err(Error::Validation(text.into()));
        }
        Ok(Self { tags, transitive })
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// The tags of a session that `caller` makes: transitive ones of its own session stay as they are.
    pub fn join(&self, caller: &Caller<'_>) -> Result<Vec<SessionTagRecord>, Error> {
        let inherited = caller.session.into_iter().flat_map(|session| &session.tags).filter(|tag| tag.transitive);
        let mut joined: Vec<SessionTagRecord> = inherited
            .map(|tag| SessionTagRecord { key: tag.key.to_string(), value: tag.value.to_string(), transitive: true })
            .collect();
        for TagRecord { key, .. } in &self.tags {
            if joined.iter().any(|inherited| tags::same(&inherited.key, key)) {
                let text = format!("The tag {key} is inherited as a transitive tag and cannot be given another value.");
                return Err(Error::Validation(text));
            }
        }
        joined.extend(self.tags.iter().map(|TagRecord { key, value }| SessionTagRecord {
            key: key.clone(),
            value: value.clone(),
            transitive: self.transitive.iter().any(|transitive| tags::same(transitive, key)),
        }));
        Ok(joined)
    }

    /// `aws:RequestTag/…`, `aws:TagKeys` and `sts:TransitiveTagKeys`.
    pub fn condition(&self, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::StsTransitiveTagKeys => tag_keys(self.transitive.iter().map(String::as_str)),
            key => tags::condition(&self.tags, key),
        }
    }
}

impl RequestedPolicies {
    /// Checks the policy's text, and how many there are.
    pub fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let document = fields.string("Policy");
        if let Some(document) = &document {
            let limit = limits::SESSION_POLICY_CHARS_MAX;
            if document.chars().count() > limit {
                return Err(too_long("policy", limit));
            }
            documents::check(document)?;
        }
        let arns = fields.structures("PolicyArns").unwrap_or_default();
        if arns.len() > limits::SESSION_POLICIES_MAX {
            return Err(too_long("policyArns", limits::SESSION_POLICIES_MAX));
        }
        let arn = |mut descriptor: Fields| {
            let text = descriptor.string("arn").unwrap_or_default();
            text.parse().map_err(|_| Error::Validation(format!("ARN {text} is not valid.")))
        };
        Ok(Self { document, arns: arns.into_iter().map(arn).collect::<Result<_, _>>()? })
    }

    /// The policy's text.
    pub fn document(&self) -> Option<&String> {
        self.document.as_ref()
    }

    /// The managed policies, each of which must be there: in the account of the session, or the service's own.
    pub fn arns_in(&self, view: &View, account: AccountId) -> Result<Vec<String>, Error> {
        let existing = |arn: &PolicyArn| {
            let own = arn.account.is_none_or(|owner| owner == account);
            let found = view.managed_policy(arn).filter(|_| own).map(|policy| policy.arn.to_string());
            found.ok_or_else(|| Error::Validation(format!("Policy {arn} does not exist or is not attachable.")))
        };
        self.arns.iter().map(existing).collect()
    }

    /// How much of a session's room policies and tags take, in per cent; nothing if there are none.
    pub fn packed_size(&self, tags: &[SessionTagRecord]) -> Result<Option<usize>, Error> {
        let arns = self.arns.iter().map(|arn| arn.to_string().len());
        let tags = tags.iter().map(|tag| tag.key.len() + tag.value.len());
        let bytes: usize = self.document.iter().map(String::len).chain(arns).chain(tags).sum();
        let percent = (bytes * 100).div_ceil(limits::SESSION_PACKED_BYTES_MAX);
        if percent > 100 {
            let text =
                format!("Session policies and session tags together take {percent}% of the allowed packed size.");
            return Err(Error::PackedPolicyTooLarge(text));
        }
        Ok((bytes > 0).then_some(percent))
    }
}

fn too_long(member: &str, limit: usize) -> Error {
    Error::Validation(format!(
        "1 validation error detected: Value at '{member}' failed to satisfy constraint: Member must have length less \
         than or equal to {limit}"
    ))
}
