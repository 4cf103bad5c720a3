//! Service and resource control policies: their texts, compiled, and those that come with the service. Source: AWS
//! Organizations user guide, "Service control policies", "Resource control policies".

use std::sync::{Arc, LazyLock};

use claviger_policy::{self as policy, IdentityPolicy, PolicyError};
use claviger_storage::Revision;
use claviger_types::{ControlPolicyId, ControlPolicyType, Timestamp};

use crate::records::ControlPolicyRecord;

/// A service or resource control policy.
pub struct ControlPolicy {
    /// `p-…`.
    pub id: ControlPolicyId,
    /// Which of the two.
    pub kind: ControlPolicyType,
    /// Its name.
    pub name: Box<str>,
    /// Free text.
    pub description: Box<str>,
    /// Its text, as put.
    pub content: Box<str>,
    /// When it was made, and changed last; none for what comes with the service.
    pub written: Option<Written>,
    pub(super) compiled: Compiled,
}

/// When a control policy was made and changed.
#[derive(Clone, Copy)]
pub struct Written {
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was changed last.
    pub updated_at: Timestamp,
    /// When its record was written last.
    pub revision: Revision,
}

/// A control policy, to be merged with the others of its level.
pub enum Compiled {
    /// A service control policy.
    Service(Arc<IdentityPolicy>),
    /// A resource control policy.
    Resource(Arc<policy::ControlPolicy>),
}

/// Attached to the root and to each new unit and account, and can be detached where another one stays.
pub const FULL_ACCESS: &str = "p-FullAWSAccess";

const RESOURCE_FULL_ACCESS: &str = "p-RCPFullAWSAccess";

/// The policies that no record holds: they are there from the beginning, and never change.
pub static BUILT_IN: LazyLock<Vec<Arc<ControlPolicy>>> = LazyLock::new(|| {
    let everything = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let by_anybody =
        r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}]}"#;
    let service = built_in(FULL_ACCESS, ControlPolicyType::Service, "Allows access to every operation", everything);
    let resource =
        built_in(RESOURCE_FULL_ACCESS, ControlPolicyType::Resource, "Allows access to every resource", by_anybody);
    service.into_iter().chain(resource).collect()
});

/// A test shows that none of them fails to compile.
fn built_in(id: &str, kind: ControlPolicyType, description: &str, content: &str) -> Option<Arc<ControlPolicy>> {
    let id: ControlPolicyId = id.parse().ok()?;
    let compiled = Compiled::parse(kind, content).ok()?;
    let name = id.as_str().strip_prefix("p-").unwrap_or_default().into();
    let (description, content) = (description.into(), content.into());
    Some(Arc::new(ControlPolicy { id, kind, name, description, content, written: None, compiled }))
}

impl ControlPolicy {
    /// As stored; none for what comes with the service.
    pub fn to_record(&self) -> Option<(Revision, ControlPolicyRecord)> {
        let written = self.written?;
        let record = ControlPolicyRecord {
            kind: self.kind.to_string(),
            name: self.name.to_string(),
            description: self.description.to_string(),
            content: self.content.to_string(),
            created_at: written.created_at.as_millis(),
            updated_at: written.updated_at.as_millis(),
        };
        Some((written.revision, record))
    }

    /// Whether it is attached to everything and cannot be detached. Source: AWS Organizations user guide,
    /// "RCPFullAWSAccess".
    pub fn is_everywhere(&self) -> bool {
        self.written.is_none() && self.kind == ControlPolicyType::Resource
    }

    /// Whether it is attached here, where `attached` is attached.
    pub fn is_among(&self, attached: &[ControlPolicyId]) -> bool {
        self.is_everywhere() || attached.contains(&self.id)
    }
}

impl Compiled {
    /// Compiles a text.
    pub fn parse(kind: ControlPolicyType, content: &str) -> Result<Self, PolicyError> {
        Ok(match kind {
            ControlPolicyType::Service => Self::Service(Arc::new(IdentityPolicy::parse(content)?)),
            ControlPolicyType::Resource => Self::Resource(Arc::new(policy::ControlPolicy::parse(content)?)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_with_the_service() {
        let ids: Vec<&str> = BUILT_IN.iter().map(|policy| policy.id.as_str()).collect();
        assert_eq!(ids, [FULL_ACCESS, RESOURCE_FULL_ACCESS]);
        let everywhere: Vec<bool> = BUILT_IN.iter().map(|policy| policy.is_everywhere()).collect();
        assert_eq!(everywhere, [false, true]);
    }
}
