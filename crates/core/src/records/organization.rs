//! Records of the organization. Policies are named by their ids; `p-RCPFullAWSAccess` is attached everywhere, for ever,
//! and so never named.

use minicbor::{Decode, Encode};

/// The organization with its root. It is written again with each change of the tree, of a policy or of an attachment,
/// so that its revision guards all of them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OrganizationRecord {
    /// `o-…`.
    #[n(0)]
    pub id: String,
    /// `r-…`.
    #[n(1)]
    pub root: String,
    /// Milliseconds since the epoch.
    #[n(2)]
    pub created_at: i64,
    /// Control policies attached to the root.
    #[n(3)]
    pub policies: Vec<String>,
}

/// An organizational unit.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct OrganizationalUnitRecord {
    /// Its name, unique in its parent.
    #[n(0)]
    pub name: String,
    /// The unit that it lies in; none is the root.
    #[n(1)]
    pub parent: Option<String>,
    /// Milliseconds since the epoch.
    #[n(2)]
    pub created_at: i64,
    /// Control policies attached to it.
    #[n(3)]
    pub policies: Vec<String>,
}

/// A service or resource control policy.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ControlPolicyRecord {
    /// Its type by its API name.
    #[n(0)]
    pub kind: String,
    /// Its name, unique in its type.
    #[n(1)]
    pub name: String,
    /// Free text.
    #[n(2)]
    pub description: String,
    /// Its text, as put.
    #[n(3)]
    pub content: String,
    /// Milliseconds since the epoch.
    #[n(4)]
    pub created_at: i64,
    /// When its name, description or text was changed last. Milliseconds since the epoch.
    #[n(5)]
    pub updated_at: i64,
}
