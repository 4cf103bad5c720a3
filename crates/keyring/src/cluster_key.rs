//! The cluster key: unwrapped once at start, wraps the domain keys and the session keys, and is what token keys are
//! derived from.

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

    pub(crate) fn wrapping_key(&self) -> &LessSafeKey {
        &self.wrapping_key
    }

    pub(crate) fn from_secret(version: u32, secret: Secret<32>) -> Result<Self, ModuleFailed> {
        let wrapping_key = aes_256_gcm(derive_key(&secret, "claviger/v1/cluster/wrap")?.expose())?;
        Ok(Self { version, secret, wrapping_key })
    }

    fn domain_key_binding(&self, scope: &DomainScope, version: u32) -> Binding {
        let mut place = Binding::new(self.version, "domain key");
        scope.bind(&mut place).field(&version.to_be_bytes());
        place
    }
}

/// What a root binds a wrapped cluster key to: this purpose and its version.
pub(crate) fn aad(version: u32) -> Vec<u8> {
    [&b"claviger/v1/cluster key\0"[..], &version.to_be_bytes()].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{cluster_key, domain_key, file_root, one_bit_flips, scope, secret, wrong_lengths};

    #[test]
    fn a_cluster_key_opens_as_its_own_version_only() {
        let root = file_root();
        let (cluster, wrapped) = ClusterKey::generate(3, &root).unwrap();
        let opened = ClusterKey::unwrap(3, &wrapped, &root).ok().unwrap();
        assert_eq!((opened.version(), opened.secret().expose()), (3, cluster.secret().expose()));
        let (other, _) = ClusterKey::generate(3, &root).unwrap();
        assert_ne!(other.secret().expose(), cluster.secret().expose());
        assert!(matches!(ClusterKey::unwrap(4, &wrapped, &root).err().unwrap(), RootError::DamagedClusterKey { .. }));
    }

    #[test]
    fn a_domain_key_opens_in_its_own_place_only() {
        let cluster = cluster_key();
        let home = scope("111122223333", "us-east-1");
        let (domain, wrapped) = cluster.generate_domain_key(home, 7).unwrap();
        let opened = cluster.unwrap_domain_key(home, 7, &wrapped).ok().unwrap();
        assert_eq!((opened.scope(), opened.version()), (&home, 7));
        assert_eq!(opened.secret().expose(), domain.secret().expose());

        for (name, scope, version) in [
            ("account", scope("444455556666", "us-east-1"), 7),
            ("Region", scope("111122223333", "us-east-2"), 7),
            ("global space", scope("111122223333", ""), 7),
            ("version", home, 8),
        ] {
            assert!(cluster.unwrap_domain_key(scope, version, &wrapped).is_err(), "other {name}");
        }
        for (name, other) in [
            ("cluster key", ClusterKey::from_secret(3, secret(0x21)).unwrap()),
            ("cluster key version", ClusterKey::from_secret(4, secret(0x20)).unwrap()),
        ] {
            assert!(other.unwrap_domain_key(home, 7, &wrapped).is_err(), "other {name}");
        }
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(cluster.unwrap_domain_key(home, 7, &altered).is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(cluster.unwrap_domain_key(home, 7, &altered).is_err(), "{} bytes", altered.len());
        }
    }

    #[test]
    fn rotation_wraps_the_same_domain_key_again() {
        let (old, new) = (cluster_key(), ClusterKey::from_secret(4, secret(0x80)).unwrap());
        let domain = domain_key("111122223333", "us-east-1", 7);
        let rewrapped = new.wrap_domain_key(&domain).unwrap();
        assert_eq!(crate::wrapping_version(&rewrapped), Some(4));
        let opened = new.unwrap_domain_key(*domain.scope(), 7, &rewrapped).ok().unwrap();
        assert_eq!(opened.secret().expose(), domain.secret().expose());
        assert!(old.unwrap_domain_key(*domain.scope(), 7, &rewrapped).is_err());
    }
}
