//! `Credentials`, as STS answers them. Source: STS API reference, Credentials.

use std::sync::Arc;

use claviger_keyring::SecretAccessKey;
use claviger_types::{SessionKeyId, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::identity::session::NewSession;
use crate::identity::session_keys;
use crate::identity::{listing, users};
use crate::records::SessionRecord;
use crate::view::View;

/// A session's access key with its token: shown this once, and kept nowhere.
#[derive(Clone, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Credentials {
    access_key_id: SessionKeyId,
    #[serde(serialize_with = "users::exposed")]
    secret_access_key: Arc<SecretAccessKey>,
    session_token: Arc<str>,
    #[serde(serialize_with = "listing::iso_8601")]
    expiration: Timestamp,
}

impl Credentials {
    /// Those of a fresh session.
    pub fn seal(view: &View, session: &SessionRecord) -> Result<Self, Error> {
        let NewSession { access_key_id, secret, token } = NewSession::seal(&session_keys::newest(view)?.key, session)?;
        Ok(Self {
            access_key_id,
            secret_access_key: Arc::new(secret),
            session_token: token.into(),
            expiration: Timestamp::from_millis(session.expires_at),
        })
    }

    /// Characters of the token.
    pub fn token_chars(&self) -> usize {
        self.session_token.len()
    }
}
