//! What can be wrong with a policy, in the policy language's own words. Which exception it becomes is not known here.

use claviger_types::PrincipalArn;

/// Why a policy is refused when it is put.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// The text breaks the grammar.
    #[error("{problem}, at `{place}`")]
    Malformed {
        /// The element, such as `Statement[2].Effect`; statements and list items count from 0.
        place: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The text is too long to be looked at.
    #[error("the policy is longer than {bytes_max} bytes")]
    TooLong {
        /// The most that is read.
        bytes_max: usize,
    },
    /// A condition of a key policy that is met by requests which lack what it speaks of. Source: AWS KMS developer
    /// guide, "Condition keys for AWS KMS"; the text is AWS's.
    #[error(
        "OverlyPermissiveCondition: Using the ForAllValues set operator with a single-valued condition key matches \
         requests without the specified [encryption context or tag] or with an unspecified [encryption context or \
         tag]. To fix, remove ForAllValues."
    )]
    OverlyPermissiveCondition {
        /// The element, as in [`PolicyError::Malformed`].
        place: String,
    },
    /// The policy names a principal that does not exist.
    #[error("the principal `{arn}` does not exist")]
    UnknownPrincipal {
        /// The principal's ARN as the policy gives it.
        arn: PrincipalArn,
    },
    /// The text is good grammar, but asks for something that this service does not decide yet. To ignore it would
    /// change the policy's meaning, so it is refused.
    #[error("{what} is not supported, at `{place}`")]
    Unsupported {
        /// The element, as in [`PolicyError::Malformed`].
        place: String,
        /// What it is.
        what: String,
    },
}
