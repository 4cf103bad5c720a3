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

#[cfg(test)]
mod tests {
    use claviger_policy::StatementId;

    use super::*;

    const PRINCIPAL: &str = "arn:aws:iam::111122223333:user/team/ann";
    const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab";
    const ALIAS: &str = "arn:aws:kms:us-east-1:111122223333:alias/app";

    fn key() -> KeyArn {
        let id = KEY.rsplit_once('/').unwrap().1.parse().unwrap();
        KeyArn { region: "us-east-1".parse().unwrap(), account: "111122223333".parse().unwrap(), id }
    }

    fn text(resource: DeniedResource) -> String {
        let principal = PRINCIPAL.parse().unwrap();
        Denied { principal, action: "kms:Encrypt".into(), resource }.to_string()
    }

    fn denial(layer: Layer, explicit: bool) -> Denial {
        Denial { layer, statement: explicit.then(StatementId::default) }
    }

    /// Source of the texts: observed at AWS; those that nobody wrote down are made by their pattern.
    #[test]
    fn each_layer_implicitly_and_explicitly() {
        for (layer, implicit, explicit) in [
            (Layer::Boundary, "permissions boundary", "a permissions boundary"),
            (Layer::Identity, "identity-based policy", "an identity-based policy"),
            (Layer::Resource, "resource-based policy", "a resource-based policy"),
            (Layer::ResourceControl { level: 0 }, "resource control policy", "a resource control policy"),
            (Layer::ServiceControl { level: 2 }, "service control policy", "a service control policy"),
            (Layer::Session, "session policy", "a session policy"),
        ] {
            let begins = format!("User: {PRINCIPAL} is not authorized to perform: kms:Encrypt on resource: {KEY}");
            let want = format!("{begins} because no {implicit} allows the kms:Encrypt action");
            assert_eq!(text(DeniedResource::Key(key(), denial(layer, false))), want, "{layer:?}");
            let want = format!("{begins} with an explicit deny in {explicit}");
            assert_eq!(text(DeniedResource::Key(key(), denial(layer, true))), want, "{layer:?}");
        }
    }

    /// The same for what is named, and how; nothing of another account is told apart.
    #[test]
    fn each_resource() {
        let alias = AliasArn { region: key().region, account: key().account, name: "alias/app".parse().unwrap() };
        let lacking = || denial(Layer::Identity, false);
        let because = "because no identity-based policy allows the kms:Encrypt action";
        let unknown = "because the resource does not exist in this Region, no resource-based policies allow access, or a \
                       resource-based policy explicitly denies access";
        let ciphertext = "on the resource associated with this ciphertext";
        for (resource, want) in [
            (DeniedResource::Alias(alias, lacking()), format!("on resource: {ALIAS} {because}")),
            (DeniedResource::Ciphertext(lacking()), format!("{ciphertext} {because}")),
            (DeniedResource::CiphertextUnknown, format!("{ciphertext} {unknown}")),
            (
                DeniedResource::FirstAccountOnly,
                "on resource: * because only the deployment's first account may do this".into(),
            ),
            (DeniedResource::Key(key(), lacking()), format!("on resource: {KEY} {because}")),
            (DeniedResource::Named("*".into(), lacking()), format!("on resource: * {because}")),
            (DeniedResource::Unnamed(lacking()), because.into()),
            (DeniedResource::Unknown, format!("on this resource {unknown}")),
        ] {
            let want = format!("User: {PRINCIPAL} is not authorized to perform: kms:Encrypt {want}");
            assert_eq!(text(resource.clone()), want, "{resource:?}");
        }
        let session = "arn:aws:sts::111122223333:assumed-role/operator/s1".parse().unwrap();
        let denied = Denied { principal: session, action: "kms:Sign".into(), resource: DeniedResource::Unknown };
        let want = "User: arn:aws:sts::111122223333:assumed-role/operator/s1 is not authorized to perform: kms:Sign on";
        assert!(denied.to_string().starts_with(want), "{denied}");
    }
}
