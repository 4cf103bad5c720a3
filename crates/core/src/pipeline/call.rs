//! One authenticated request, apart from its body; and the facts that decide it.

use std::fmt;
use std::net::IpAddr;

use claviger_keyring::RootOfTrust;
use claviger_types::{AccountId, Region, Timestamp};

use crate::error::Error;
use crate::identity::caller::{Caller, Signatory};
use crate::identity::mfa_attempts::MfaAttempts;
use crate::pipeline::request::RequestContext;
use crate::settings::Settings;
use crate::usage::Answers;
use crate::view::View;

/// Who calls, for which Region, from where. Only what the signature covers, or the socket says, is believed.
pub struct Call<'r> {
    /// What signed.
    pub signatory: Signatory,
    /// The Region of the signature's scope.
    pub region: Region,
    /// When the signature was checked, by the wall clock.
    pub authenticated_at: Timestamp,
    /// `x-amzn-RequestId` of the answer.
    pub request_id: RequestId,
    /// The peer's address.
    pub source_ip: Option<IpAddr>,
    /// As sent; not covered by the signature.
    pub user_agent: Option<&'r str>,
    /// The TLS connection that the request came by, if it did.
    pub tls: Option<TlsConnection>,
}

/// What was negotiated for a TLS connection, by the numbers of RFC 8446.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TlsConnection {
    /// Protocol version.
    pub version: u16,
    /// Cipher suite.
    pub cipher_suite: u16,
    /// Key exchange group; a resumed session may have none.
    pub key_exchange_group: Option<u16>,
}

/// A request's id, printed as a UUID.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RequestId([u8; 16]);

impl RequestId {
    /// Made of 16 bytes that are unlikely to occur again; the version and variant bits are set here.
    pub fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(uuid::Builder::from_random_bytes(bytes).into_uuid().into_bytes())
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        uuid::Uuid::from_bytes_ref(&self.0).as_hyphenated().fmt(f)
    }
}

/// All that a decision may depend on: one View, one moment, one caller, and what is known of usage. No clock, no random, no store.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The state.
    pub view: &'a View,
    /// The domain clock's time.
    pub now: Timestamp,
    /// The request, apart from its body.
    pub call: &'a Call<'a>,
    /// What the body tells those who decide whether the request is allowed; nothing for anybody else.
    pub request: &'a dyn RequestContext,
    /// The caller as this View has it.
    pub caller: Caller<'a>,
    /// The configuration.
    pub settings: &'a Settings,
    /// What is known of usage.
    pub usage: &'a Answers,
}

/// What a command may use while it prepares, and no decision ever.
pub struct Tools<'a> {
    /// The root of trust.
    pub root: &'a dyn RootOfTrust,
    /// Wrong MFA codes so far.
    pub mfa_attempts: &'a MfaAttempts,
}

impl Facts<'_> {
    /// The caller's account.
    pub fn account(&self) -> AccountId {
        self.caller.account
    }

    /// Whether ciphertexts are marked as made for development.
    pub fn deployment(&self) -> Result<claviger_keyring::Deployment, Error> {
        let deployment = self.view.deployment().ok_or_else(|| Error::Internal("the store is empty".into()))?;
        Ok(deployment.kind)
    }

    /// The wall clock's time, by which sessions, their revocation and MFA codes are judged.
    pub fn wall_now(&self) -> Timestamp {
        self.call.authenticated_at
    }

    /// The request's Region.
    pub fn region(&self) -> Region {
        self.call.region
    }
}
