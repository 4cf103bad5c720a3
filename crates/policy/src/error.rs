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
    /// The policy names a user that does not exist.
    #[error("the principal `{arn}` does not exist")]
    UnknownPrincipal {
        /// The user's ARN as the policy gives it.
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
