//! Texts of service and resource control policies on their way in. Source: AWS Organizations user guide, "Service control
//! policies", "Resource control policies".

use claviger_types::{ControlPolicyType, limits};

use crate::error::Error;
use crate::view::control_policies::Compiled;

/// A text on its way in: not too long, and understood.
pub fn accept(kind: ControlPolicyType, content: &str) -> Result<(), Error> {
    let limit = limits::CONTROL_POLICY_CHARS_MAX;
    if content.chars().count() > limit {
        return Err(Error::ConstraintViolation(format!("The policy is longer than {limit} characters.")));
    }
    Compiled::parse(kind, content).map(drop).map_err(|error| Error::MalformedPolicyDocument(error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::view::control_policies::BUILT_IN;

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
