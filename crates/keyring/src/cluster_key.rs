//! The cluster key: unwrapped once at start, wraps the domain keys, and is what token keys are derived from.

use aws_lc_rs::aead::LessSafeKey;

use crate::domain_key::{DomainKey, DomainScope};
use crate::error::{Damaged, ModuleFailed};
use crate::primitives::{aes_256_gcm, derive_key};
use crate::random::random;
use crate::root::{RootError, RootOfTrust};
use crate::secret::Secret;
use crate::wrap::{Binding, unwrap, wrap};

/// One version of the deployment's cluster key.
///
/// It serves more than one purpose, so it is only derived from: what wraps and what seals are keys of their own.
pub struct ClusterKey {
    version: u32,
    secret: Secret<32>,
    wrapping_key: LessSafeKey,
}

impl ClusterKey {
    /// A new cluster key, and itself wrapped by the root of trust.
    pub fn generate(version: u32, root: &dyn RootOfTrust) -> Result<(Self, Vec<u8>), RootError> {
        let secret = Secret::random()?;
        let wrapped = root.wrap(&secret, &aad(version))?;
        Ok((Self::from_secret(version, secret)?, wrapped))
    }

    /// The cluster key that the root of trust wrapped as this version.
    pub fn unwrap(version: u32, wrapped: &[u8], root: &dyn RootOfTrust) -> Result<Self, RootError> {
        let secret = root.unwrap(wrapped, &aad(version))?;
        Ok(Self::from_secret(version, secret)?)
    }

    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A new domain key, and itself wrapped.
    pub fn generate_domain_key(&self, scope: DomainScope, version: u32) -> Result<(DomainKey, Vec<u8>), ModuleFailed> {
        let domain_key = DomainKey::from_secret(scope, version, Secret::random()?)?;
        let wrapped = self.wrap_domain_key(&domain_key)?;
        Ok((domain_key, wrapped))
    }

    /// The domain key that this cluster key wrapped for this scope as this version.
    pub fn unwrap_domain_key(&self, scope: DomainScope, version: u32, wrapped: &[u8]) -> Result<DomainKey, Damaged> {
        let binding = self.domain_key_binding(&scope, version);
        let secret = Secret::fill_with(|bytes| unwrap(&self.wrapping_key, &binding, wrapped, bytes))?;
        DomainKey::from_secret(scope, version, secret).map_err(|_| Damaged)
    }

    /// Wraps a domain key, again if another version of the cluster key wrapped it before.
    pub fn wrap_domain_key(&self, domain_key: &DomainKey) -> Result<Vec<u8>, ModuleFailed> {
        self.wrap_domain_key_with_iv(domain_key, random()?)
    }

    pub(crate) fn wrap_domain_key_with_iv(
        &self,
        domain_key: &DomainKey,
        iv: [u8; 12],
    ) -> Result<Vec<u8>, ModuleFailed> {
        let binding = self.domain_key_binding(domain_key.scope(), domain_key.version());
        wrap(&self.wrapping_key, &binding, iv, domain_key.secret().expose())
    }

    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    pub(crate) fn from_secret(version: u32, secret: Secret<32>) -> Result<Self, ModuleFailed> {
        let wrapping_key = aes_256_gcm(derive_key(&secret, "claviger/v1/cluster/wrap")?.expose())?;
        Ok(Self { version, secret, wrapping_key })
    }

    fn domain_key_binding(&self, scope: &DomainScope, version: u32) -> Binding {
        scope.bind(Binding::new(self.version, "domain key")).field(&version.to_be_bytes())
    }
}

/// What a root binds a wrapped cluster key to: this purpose and its version.
pub(crate) fn aad(version: u32) -> Vec<u8> {
    [&b"claviger/v1/cluster key\0"[..], &version.to_be_bytes()].concat()
}
