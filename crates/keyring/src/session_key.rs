//! Session keys: the deployment's own, rotated by time. One seals the tokens of sessions and derives their secret access
//! keys, so that a session needs no record. Layout of the token: `token.rs`.
//!
//! What a token says is not known here: its bytes come from above and go back there.

use claviger_types::SessionKeyId;

use crate::cluster_key::ClusterKey;
use crate::error::{Damaged, ModuleFailed};
use crate::fields::Fields;
use crate::primitives::kbkdf_hmac_sha256;
use crate::random::random;
use crate::secret::{Plaintext, Secret};
use crate::secret_access_key::{GENERATED_CHARS, SecretAccessKey};
use crate::token::TokenKey;
use crate::wrap::{Binding, unwrap, wrap};

/// One version of the deployment's session key.
pub struct SessionKey {
    version: u32,
    secret: Secret<32>,
    token_key: TokenKey,
}

impl ClusterKey {
    /// A new session key, and itself wrapped.
    pub fn generate_session_key(&self, version: u32) -> Result<(SessionKey, Vec<u8>), ModuleFailed> {
        let key = SessionKey::from_secret(version, Secret::random()?)?;
        let wrapped = self.wrap_session_key(&key)?;
        Ok((key, wrapped))
    }

    /// The session key that this cluster key wrapped as this version.
    pub fn unwrap_session_key(&self, version: u32, wrapped: &[u8]) -> Result<SessionKey, Damaged> {
        let binding = self.session_key_binding(version);
        let secret = Secret::fill_with(|bytes| unwrap(self.wrapping_key(), &binding, wrapped, bytes))?;
        SessionKey::from_secret(version, secret).map_err(|_| Damaged)
    }

    /// Wraps a session key, again if another version of the cluster key wrapped it before.
    pub fn wrap_session_key(&self, key: &SessionKey) -> Result<Vec<u8>, ModuleFailed> {
        self.wrap_session_key_with_iv(key, random()?)
    }

    pub(crate) fn wrap_session_key_with_iv(&self, key: &SessionKey, iv: [u8; 12]) -> Result<Vec<u8>, ModuleFailed> {
        wrap(self.wrapping_key(), &self.session_key_binding(key.version), iv, key.secret.expose())
    }

    fn session_key_binding(&self, version: u32) -> Binding {
        let mut place = Binding::new(self.version(), "session key");
        place.field(&version.to_be_bytes());
        place
    }
}

impl SessionKey {
    /// Its version, which each token names in the clear.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// The token of the session with this access key: nobody can read it, and it opens for no other access key.
    pub fn seal(&self, access_key_id: &SessionKeyId, session: &[u8]) -> Result<Vec<u8>, ModuleFailed> {
        self.seal_with_n(access_key_id, session, random()?)
    }

    pub(crate) fn seal_with_n(
        &self,
        access_key_id: &SessionKeyId,
        session: &[u8],
        n: [u8; 16],
    ) -> Result<Vec<u8>, ModuleFailed> {
        self.token_key.seal_with_n(access_key_id.as_str().as_bytes(), session, n)
    }

    /// What [`SessionKey::seal`] sealed, if it sealed this, for this access key.
    pub fn open(&self, access_key_id: &SessionKeyId, token: &[u8]) -> Option<Plaintext> {
        self.token_key.open(access_key_id.as_str().as_bytes(), token)
    }

    /// The secret half of a session's access key: the same each time, so that nobody has to keep it.
    pub fn secret_access_key(&self, access_key_id: &SessionKeyId) -> Result<SecretAccessKey, ModuleFailed> {
        let mut fixed_info = Fields::<64>::new();
        fixed_info.put(b"claviger/v1/session/secret").put(&[0]).put(access_key_id.as_str().as_bytes());
        fixed_info.put(&320_u32.to_be_bytes());
        let fixed_info = fixed_info.as_bytes().ok_or(ModuleFailed)?;
        let drawn = kbkdf_hmac_sha256::<GENERATED_CHARS>(self.secret.expose(), fixed_info)?;
        SecretAccessKey::from_drawn(drawn.expose())
    }

    #[cfg(test)]
    pub(crate) fn secret(&self) -> &Secret<32> {
        &self.secret
    }

    pub(crate) fn from_secret(version: u32, secret: Secret<32>) -> Result<Self, ModuleFailed> {
        let token_key = TokenKey::derived(version, &secret, "claviger/v1/session/token")?;
        Ok(Self { version, secret, token_key })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{cluster_key, one_bit_flips, secret, wrong_lengths};

    fn ids() -> [SessionKeyId; 2] {
        ["ASIA7777777777777777", "ASIA7777777777777776"].map(|id| id.parse().unwrap())
    }

    fn session_key(version: u32, start: u8) -> SessionKey {
        SessionKey::from_secret(version, secret(start)).unwrap()
    }

    #[test]
    fn a_session_key_opens_as_its_own_version_only() {
        let cluster = cluster_key();
        let (key, wrapped) = cluster.generate_session_key(7).unwrap();
        let opened = cluster.unwrap_session_key(7, &wrapped).ok().unwrap();
        assert_eq!((opened.version(), opened.secret.expose()), (7, key.secret.expose()));
        let newer = ClusterKey::from_secret(4, secret(0x80)).unwrap();
        let again = newer.wrap_session_key(&opened).unwrap();
        assert_eq!(newer.unwrap_session_key(7, &again).ok().unwrap().secret.expose(), key.secret.expose());
        assert!(cluster.unwrap_session_key(8, &wrapped).is_err(), "other version");
        assert!(newer.unwrap_session_key(7, &wrapped).is_err(), "other cluster key");
        let domain = cluster.generate_domain_key(crate::fixture::scope("111122223333", ""), 7).unwrap().1;
        assert!(cluster.unwrap_session_key(7, &domain).is_err(), "a domain key's record");
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(cluster.unwrap_session_key(7, &altered).is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(cluster.unwrap_session_key(7, &altered).is_err(), "{} bytes", altered.len());
        }
    }

    #[test]
    fn a_token_opens_whole_and_for_its_own_access_key_only() {
        let [own, other] = ids();
        let key = session_key(7, 1);
        let token = key.seal(&own, b"who and until when").unwrap();
        assert_eq!(crate::sealed_version(&token), Some(7));
        assert_eq!(key.open(&own, &token).unwrap().as_bytes(), b"who and until when");
        assert!(key.open(&other, &token).is_none(), "another access key");
        assert!(session_key(7, 2).open(&own, &token).is_none(), "another deployment");
        assert!(session_key(8, 1).open(&own, &token).is_none(), "another version");
        let marker = cluster_key().token_key(crate::TokenPurpose::Marker).unwrap();
        let marker = marker.seal(own.as_str().as_bytes(), b"who and until when").unwrap();
        assert!(session_key(3, 0x20).open(&own, &marker).is_none(), "a marker under the same bytes");
        for (bit, altered) in one_bit_flips(&token) {
            assert!(key.open(&own, &altered).is_none(), "bit {bit}");
        }
        for altered in wrong_lengths(&token) {
            assert!(key.open(&own, &altered).is_none(), "{} bytes", altered.len());
        }
    }

    #[test]
    fn a_secret_is_made_again_and_is_its_access_keys_alone() {
        let [own, other] = ids();
        let secret_of =
            |version, start, id| session_key(version, start).secret_access_key(id).unwrap().expose().to_owned();
        let own_secret = secret_of(7, 1, &own);
        assert_eq!((own_secret.len(), &own_secret), (40, &secret_of(7, 1, &own)));
        assert_ne!(own_secret, secret_of(7, 1, &other));
        assert_ne!(own_secret, secret_of(7, 2, &own));
    }
}
