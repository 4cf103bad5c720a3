//! Domain keys: one per account and Region wraps the backing keys there, one per account wraps what has no Region.

use aws_lc_rs::aead::LessSafeKey;
use claviger_types::{AccountId, Region};

use crate::error::ModuleFailed;
use crate::primitives::aes_256_gcm;
use crate::secret::Secret;
use crate::wrap::Binding;

/// The part of an account that a domain key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Space {
    /// What has no Region: secret access keys.
    Global,
    /// One Region.
    Region(Region),
}

/// What one domain key serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DomainScope {
    /// The account.
    pub account: AccountId,
    /// The part of it.
    pub space: Space,
}

/// One version of a domain key.
///
/// Wrapping is its only purpose, so it wraps itself rather than by a derived key. The prepared form makes that cheap:
/// each use of a KMS key unwraps its backing key.
pub struct DomainKey {
    scope: DomainScope,
    version: u32,
    secret: Secret<32>,
    wrapping_key: LessSafeKey,
}

impl DomainKey {
    /// What it serves.
    pub fn scope(&self) -> &DomainScope {
        &self.scope
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    pub(crate) fn from_secret(scope: DomainScope, version: u32, secret: Secret<32>) -> Result<Self, ModuleFailed> {
        let wrapping_key = aes_256_gcm(secret.expose())?;
        Ok(Self { scope, version, secret, wrapping_key })
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    pub(crate) fn wrapping_key(&self) -> &LessSafeKey {
        &self.wrapping_key
    }

    /// The place of a record under this key: what it is, then the scope, then what the caller adds.
    pub(crate) fn binding(&self, label: &str) -> Binding {
        let mut place = Binding::new(self.version, label);
        self.scope.bind(&mut place);
        place
    }
}

impl DomainScope {
    /// Adds the account's number (8 bytes) and the Region's name, which is empty for the global space.
    pub(crate) fn bind<'b>(&self, binding: &'b mut Binding) -> &'b mut Binding {
        let region = match &self.space {
            Space::Global => "",
            Space::Region(region) => region.as_str(),
        };
        binding.field(&self.account.as_u64().to_be_bytes()).field(region.as_bytes())
    }
}
