//! The vocabulary of the service: ARNs, identifiers, key specs, key states, encryption contexts, limits.
//!
//! Pure values. Nothing here knows of storage, policies, key bytes or the network. Text is parsed once, at the
//! edge; inside, holding a value of one of these types is the proof that it was checked.

mod account;
mod alias;
mod arn;
mod encryption_context;
mod grant;
mod identity_hasher;
mod key_id;
mod key_ref;
mod key_spec;
mod key_state;
pub mod limits;
mod mfa_device;
mod organization;
mod principal;
mod region;
mod service;
mod timestamp;

pub use account::AccountId;
pub use alias::AliasName;
pub use arn::{AliasArn, GroupArn, KeyArn, PolicyArn, PrincipalArn};
pub use encryption_context::EncryptionContext;
pub use grant::{GrantConstraint, GrantId, GrantOperation, GrantOperations};
pub use identity_hasher::IdentityHasher;
pub use key_id::KeyId;
pub use key_ref::{BadKeyRef, KeyRef, KeyRefKind};
pub use key_spec::{DataKeySpec, EncryptionAlgorithm, KeySpec, KeyUsage, MacAlgorithm};
pub use key_state::{InvalidTransition, KeyState, StateAt, Transition};
pub use mfa_device::MfaDeviceArn;
pub use organization::{
    ControlPolicyId, ControlPolicyType, ControlTarget, OrganizationId, OrganizationalUnitId, ParentId, RootId,
};
pub use principal::{
    AccessKeyId, GroupId, GroupName, MfaDeviceName, PolicyId, PolicyName, PrincipalId, RoleId, RoleName,
    RoleSessionName, SessionKeyId, UserId, UserName,
};
pub use region::Region;
pub use service::ServiceName;
pub use timestamp::Timestamp;

/// A text that is not what it was read as. The reader knows what it wanted; the message is the caller's to give.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {0}")]
pub struct Malformed(pub &'static str);

/// On the wire, each of these is the text that it displays as.
macro_rules! serialize_as_text {
    ($($name:ty),+ $(,)?) => {
        $(impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        })+
    };
}

serialize_as_text!(
    AccessKeyId,
    AccountId,
    AliasArn,
    AliasName,
    GrantId,
    ControlPolicyId,
    ControlPolicyType,
    ControlTarget,
    GroupId,
    GroupName,
    KeyId,
    MfaDeviceArn,
    OrganizationId,
    OrganizationalUnitId,
    ParentId,
    PolicyArn,
    PolicyId,
    PolicyName,
    PrincipalArn,
    Region,
    RoleId,
    RoleName,
    RootId,
    SessionKeyId,
    UserId,
    UserName
);
