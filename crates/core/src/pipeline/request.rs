//! What a request tells those who decide whether it is allowed: policies by their conditions, grants by their
//! constraints. Asked only when a decision needs it.

use claviger_policy::{Action, GrantTerms};
use claviger_types::EncryptionContext;

/// What a request tells about itself. An operation that has a member says so here; the others tell nothing.
pub trait RequestContext: Sync {
    /// The encryption context that belongs to an action; none if the operation takes none, an empty one if the request
    /// left it out.
    fn encryption_context(&self, _: Action) -> Option<&EncryptionContext> {
        None
    }

    /// The grant that is to be made.
    fn new_grant(&self) -> Option<&GrantTerms> {
        None
    }

    /// `GrantTokens`.
    fn grant_tokens(&self) -> &[String] {
        &[]
    }
}

/// The context of operations without any of it.
pub struct NothingTold;

impl RequestContext for NothingTold {}
