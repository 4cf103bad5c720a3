//! The audit key, which signs the audit log: Ed25519 (RFC 8032), the deployment's own, wrapped by the cluster key.
//!
//! What it signs is not known here. The log's readers need its public half only.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};

use crate::cluster_key::ClusterKey;
use crate::error::{Damaged, ModuleFailed};
use crate::random::random;
use crate::secret::Secret;
use crate::wrap::{Binding, unwrap, wrap};

/// One version of the deployment's audit key.
pub struct AuditKey {
    version: u32,
    seed: Secret<32>,
    pair: Ed25519KeyPair,
    public_key: [u8; 32],
}

impl ClusterKey {
    /// A new audit key, and itself wrapped.
    pub fn generate_audit_key(&self, version: u32) -> Result<(AuditKey, Vec<u8>), ModuleFailed> {
        let key = AuditKey::from_seed(version, Secret::random()?)?;
        let wrapped = self.wrap_audit_key(&key)?;
        Ok((key, wrapped))
    }

    /// The audit key that this cluster key wrapped as this version.
    pub fn unwrap_audit_key(&self, version: u32, wrapped: &[u8]) -> Result<AuditKey, Damaged> {
        let binding = self.audit_key_binding(version);
        let seed = Secret::fill_with(|bytes| unwrap(self.wrapping_key(), &binding, wrapped, bytes))?;
        AuditKey::from_seed(version, seed).map_err(|_| Damaged)
    }

    /// Wraps an audit key, again if another version of the cluster key wrapped it before.
    pub fn wrap_audit_key(&self, key: &AuditKey) -> Result<Vec<u8>, ModuleFailed> {
        self.wrap_audit_key_with_iv(key, random()?)
    }

    pub(crate) fn wrap_audit_key_with_iv(&self, key: &AuditKey, iv: [u8; 12]) -> Result<Vec<u8>, ModuleFailed> {
        wrap(self.wrapping_key(), &self.audit_key_binding(key.version), iv, key.seed.expose())
    }

    fn audit_key_binding(&self, version: u32) -> Binding {
        // What is stored calls it by this name.
        let mut place = Binding::new(self.version(), "log key");
        place.field(&version.to_be_bytes());
        place
    }
}

impl AuditKey {
    /// Its version.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The public key, as RFC 8032 encodes it.
    pub fn public_key(&self) -> [u8; 32] {
        self.public_key
    }

    /// The signature of `message`. It is the same each time.
    pub fn sign(&self, message: &[u8]) -> [u8; 64] {
        // INVARIANT: a signature of Ed25519 has 64 bytes; one of zeroes verifies nowhere.
        self.pair.sign(message).as_ref().try_into().unwrap_or([0; 64])
    }

    #[cfg(test)]
    pub(crate) fn seed(&self) -> &Secret<32> {
        &self.seed
    }

    pub(crate) fn from_seed(version: u32, seed: Secret<32>) -> Result<Self, ModuleFailed> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| ModuleFailed)?;
        let public_key = pair.public_key().as_ref().try_into().map_err(|_| ModuleFailed)?;
        Ok(Self { version, seed, pair, public_key })
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, UnparsedPublicKey};

    use super::*;
    use crate::fixture::{cluster_key, one_bit_flips, scope, secret, wrong_lengths};

    #[test]
    fn an_audit_key_opens_as_its_own_version_only() {
        let cluster = cluster_key();
        let (key, wrapped) = cluster.generate_audit_key(7).unwrap();
        let opened = cluster.unwrap_audit_key(7, &wrapped).ok().unwrap();
        assert_eq!((opened.version(), opened.public_key()), (7, key.public_key()));
        let newer = ClusterKey::from_secret(4, secret(0x80)).unwrap();
        let again = newer.wrap_audit_key(&opened).unwrap();
        assert_eq!(newer.unwrap_audit_key(7, &again).ok().unwrap().public_key(), key.public_key());
        assert!(cluster.unwrap_audit_key(8, &wrapped).is_err(), "other version");
        assert!(newer.unwrap_audit_key(7, &wrapped).is_err(), "other cluster key");
        let session = cluster.generate_session_key(7).unwrap().1;
        assert!(cluster.unwrap_audit_key(7, &session).is_err(), "a session key's record");
        let domain = cluster.generate_domain_key(scope("111122223333", ""), 7).unwrap().1;
        assert!(cluster.unwrap_audit_key(7, &domain).is_err(), "a domain key's record");
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(cluster.unwrap_audit_key(7, &altered).is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(cluster.unwrap_audit_key(7, &altered).is_err(), "{} bytes", altered.len());
        }
    }

    /// Source: RFC 8032, section 7.1, test 1.
    #[test]
    fn the_published_signature() {
        let seed = Secret::fill_with(|bytes| {
            const_hex::decode_to_slice("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60", bytes)
        });
        let key = AuditKey::from_seed(1, seed.unwrap()).unwrap();
        let public_key = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
        assert_eq!(const_hex::encode(key.public_key()), public_key);
        assert_eq!(
            const_hex::encode(key.sign(b"")),
            "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
        );
        let signature = key.sign(b"text");
        assert!(UnparsedPublicKey::new(&ED25519, key.public_key()).verify(b"text", &signature).is_ok());
    }
}
