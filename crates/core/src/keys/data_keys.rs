//! What both data key operations do: length, checks, and the key under the key. Source: API reference, GenerateDataKey.

use claviger_keyring::{Plaintext, generate_data_key};
use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{DataKeySpec, EncryptionAlgorithm, EncryptionContext, KeyUsage};

use crate::error::Error;
use crate::keys::checks::{check_enabled, check_usage};
use crate::keys::material;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, encryption_context, grant_tokens, key_name};
use crate::pipeline::request::RequestContext;
use crate::target::KeyName;
use crate::view::Key;
use crate::wire::Fields;

/// The members that the two operations share.
pub struct DataKeyRequest {
    /// The key to encrypt the data key with.
    pub key_id: KeyName,
    /// What the encrypted data key is bound to.
    pub encryption_context: EncryptionContext,
    grant_tokens: Vec<String>,
    /// Whether to stop after the checks.
    pub dry_run: bool,
    length: Result<usize, LengthUnclear>,
}

/// Neither a spec nor a number of bytes, or both. Reported only once the key was found, as at AWS.
#[derive(Debug, Clone, Copy)]
struct LengthUnclear;

/// A data key, plain and encrypted.
pub struct DataKey {
    /// In the clear.
    pub plaintext: Plaintext,
    /// Under the KMS key.
    pub ciphertext: Vec<u8>,
}

impl DataKeyRequest {
    /// Takes the members out of the request.
    pub fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let spec = fields.string("KeySpec");
        let length = match (spec, fields.integer("NumberOfBytes")) {
            (Some(name), None) => Ok(spec_bytes(&name)?),
            (None, Some(number)) => usize::try_from(number).map_err(|_| LengthUnclear),
            (None, None) | (Some(_), Some(_)) => Err(LengthUnclear),
        };
        Ok(Self {
            key_id: key_name(fields, "KeyId"),
            encryption_context: encryption_context(fields, "EncryptionContext")?,
            grant_tokens: grant_tokens(fields),
            dry_run: dry_run(fields),
            length,
        })
    }

    /// Length, then usage, then state.
    pub fn check(&self, key: &Key, operation: &str, facts: &Facts<'_>) -> Result<(), Error> {
        self.length()?;
        check_usage(key, KeyUsage::EncryptDecrypt, operation)?;
        check_enabled(key, facts)
    }

    /// A fresh data key.
    pub fn make(&self, key: &Key, facts: &Facts<'_>) -> Result<DataKey, Error> {
        let plaintext = generate_data_key(self.length()?)?;
        let ciphertext = material::encrypt(key, facts, plaintext.as_bytes(), &self.encryption_context)?;
        Ok(DataKey { plaintext, ciphertext })
    }

    fn length(&self) -> Result<usize, Error> {
        self.length
            .map_err(|LengthUnclear| Error::Validation("Please specify either number of bytes or key spec.".into()))
    }
}

impl RequestContext for DataKeyRequest {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::KmsEncryptionAlgorithm => Values::text(EncryptionAlgorithm::SymmetricDefault.as_str()),
            ConditionKey::KmsRequestAlias => self.key_id.request_alias(),
            _ => Values::Absent,
        }
    }

    fn encryption_context(&self, _: Action) -> Option<&EncryptionContext> {
        Some(&self.encryption_context)
    }

    fn grant_tokens(&self) -> &[String] {
        &self.grant_tokens
    }
}

/// INVARIANT: the constraints let only data key specs through.
fn spec_bytes(name: &str) -> Result<usize, Error> {
    let spec = DataKeySpec::from_name(name);
    spec.map(DataKeySpec::bytes).ok_or_else(|| Error::Internal(format!("{name} passed the constraints")))
}
