//! What a refused caller is told. The texts are AWS's, case by case.
//!
//! A stranger must not learn from them whether a key of another account exists: every refusal on another account's
//! resource reads the same.

use std::fmt;

use claviger_policy::{Denial, Layer};
use claviger_types::{AliasArn, KeyArn, PrincipalArn};

/// Who was refused what, on which resource, and why.
#[derive(Debug, Clone)]
pub struct Denied {
    /// The caller.
    pub principal: PrincipalArn,
    /// The IAM action, such as `kms:Encrypt`.
    pub action: String,
    /// What it was asked on, as far as the caller may know it.
    pub resource: DeniedResource,
}

/// The resource as the text names it, with the reason where the caller may know one.
#[derive(Debug, Clone)]
pub enum DeniedResource {
    /// An alias of the caller's account.
    Alias(AliasArn, Denial),
    /// The key behind a ciphertext, in the caller's account.
    Ciphertext(Denial),
    /// The key behind a ciphertext, and it is not said whether there is one.
    CiphertextUnknown,
    /// The deployment, which only its first account acts upon.
    FirstAccountOnly,
    /// A key of the caller's account.
    Key(KeyArn, Denial),
    /// Another resource of the caller's account, by its ARN or `*`.
    Named(String, Denial),
    /// A role that was to be assumed, and it is not said whether there is one, or why not.
    Role(PrincipalArn),
    /// Nothing is named (tags given to CreateKey).
    Unnamed(Denial),
    /// Something in another account, and it is not said whether it exists.
    Unknown,
}

const UNKNOWN: &str = "because the resource does not exist in this Region, no resource-based policies allow access, \
                       or a resource-based policy explicitly denies access";

impl fmt::Display for Denied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { principal, action, resource } = self;
        write!(f, "User: {principal} is not authorized to perform: {action}")?;
        let denial = match resource {
            DeniedResource::Alias(arn, denial) => write!(f, " on resource: {arn}").map(|()| denial),
            DeniedResource::Ciphertext(denial) => {
                f.write_str(" on the resource associated with this ciphertext").map(|()| denial)
            }
            DeniedResource::CiphertextUnknown => {
                return write!(f, " on the resource associated with this ciphertext {UNKNOWN}");
            }
            DeniedResource::FirstAccountOnly => {
                return f.write_str(" on resource: * because only the deployment's first account may do this");
            }
            DeniedResource::Key(arn, denial) => write!(f, " on resource: {arn}").map(|()| denial),
            DeniedResource::Named(name, denial) => write!(f, " on resource: {name}").map(|()| denial),
            DeniedResource::Role(arn) => return write!(f, " on resource: {arn}"),
            DeniedResource::Unnamed(denial) => Ok(denial),
            DeniedResource::Unknown => return write!(f, " on this resource {UNKNOWN}"),
        }?;
        let (article, policy) = match denial.layer {
            Layer::Boundary => ("a", "permissions boundary"),
            Layer::Identity => ("an", "identity-based policy"),
            Layer::Resource => ("a", "resource-based policy"),
            Layer::ResourceControl { .. } => ("a", "resource control policy"),
            Layer::ServiceControl { .. } => ("a", "service control policy"),
            Layer::Session => ("a", "session policy"),
        };
        match denial.statement {
            Some(_) => write!(f, " with an explicit deny in {article} {policy}"),
            None => write!(f, " because no {policy} allows the {action} action"),
        }
    }
}
