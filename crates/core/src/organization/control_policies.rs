//! Service and resource control policies: their texts, compiled, and those that come with the service. Source: AWS
//! Organizations user guide, "Service control policies", "Resource control policies".

use std::sync::{Arc, LazyLock};

use claviger_policy::{self as policy, IdentityPolicy, PolicyError};
use claviger_types::{ControlPolicyId, ControlPolicyType, limits};

use crate::error::Error;
use crate::view::ControlPolicy;

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
    let compiled = compile(kind, content).ok()?;
    let name = id.as_str().strip_prefix("p-").unwrap_or_default().into();
    let (description, content) = (description.into(), content.into());
    Some(Arc::new(ControlPolicy { id, kind, name, description, content, written: None, compiled }))
}

/// Compiles a text.
pub fn compile(kind: ControlPolicyType, content: &str) -> Result<Compiled, PolicyError> {
    Ok(match kind {
        ControlPolicyType::Service => Compiled::Service(Arc::new(IdentityPolicy::parse(content)?)),
        ControlPolicyType::Resource => Compiled::Resource(Arc::new(policy::ControlPolicy::parse(content)?)),
    })
}

/// A text on its way in: not too long, and understood.
pub fn accept(kind: ControlPolicyType, content: &str) -> Result<(), Error> {
    let limit = limits::CONTROL_POLICY_CHARS_MAX;
    if content.chars().count() > limit {
        return Err(Error::ConstraintViolation(format!("The policy is longer than {limit} characters.")));
    }
    compile(kind, content).map(drop).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
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

    #[test]
    fn texts() {
        let full = &BUILT_IN[0].content;
        let padded = |length: usize| format!("{full}{}", " ".repeat(length - full.len()));
        for (kind, content, want) in [
            (ControlPolicyType::Service, full.to_string(), None),
            (ControlPolicyType::Service, padded(limits::CONTROL_POLICY_CHARS_MAX), None),
            (
                ControlPolicyType::Service,
                padded(limits::CONTROL_POLICY_CHARS_MAX + 1),
                Some("ConstraintViolationException"),
            ),
            (ControlPolicyType::Service, BUILT_IN[1].content.to_string(), Some("MalformedPolicyDocumentException")),
            (ControlPolicyType::Service, "{".into(), Some("MalformedPolicyDocumentException")),
            (ControlPolicyType::Resource, BUILT_IN[1].content.to_string(), None),
            (ControlPolicyType::Resource, "[]".into(), Some("MalformedPolicyDocumentException")),
            (ControlPolicyType::Resource, "{".into(), Some("MalformedPolicyDocumentException")),
        ] {
            assert_eq!(accept(kind, &content).err().map(|error| error.code()), want, "{kind} {content}");
        }
    }
}
