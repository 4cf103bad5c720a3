//! Secret access keys, and the signing keys that Signature Version 4 derives from them.
//! Source: "Signature Version 4 signing process", IAM user guide.

use aws_lc_rs::hmac;
use claviger_types::{AccessKeyId, Malformed};
use zeroize::Zeroizing;

use crate::domain_key::DomainKey;
use crate::error::{Damaged, ModuleFailed, RewrapError};
use crate::primitives::{equal_in_constant_time, hmac_sha256};
use crate::random::{fill_random, random};
use crate::wrap::{Binding, unwrap, unwrapped_len, wrap};

/// Characters of a generated secret: base64's, six bits each.
const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Characters of a generated secret, as at AWS.
const GENERATED_CHARS: usize = 40;

/// Characters of a chosen secret. Source: our own choice, room for more than any client has.
const CHARS_MAX: usize = 128;

/// The secret half of an access key.
pub struct SecretAccessKey(Zeroizing<String>);

impl SecretAccessKey {
    /// A fresh one: 40 characters, 240 random bits.
    pub fn generate() -> Result<Self, ModuleFailed> {
        let mut drawn = Zeroizing::new([0; GENERATED_CHARS]);
        fill_random(drawn.as_mut_slice())?;
        let mut text = Zeroizing::new(String::with_capacity(GENERATED_CHARS));
        for byte in drawn.iter() {
            let character = ALPHABET.get(usize::from(byte & 63)).ok_or(ModuleFailed)?;
            text.push(char::from(*character));
        }
        Ok(Self(text))
    }

    /// One that somebody chose or was given: 1 to 128 printable ASCII characters without spaces.
    pub fn from_text(text: String) -> Result<Self, Malformed> {
        let text = Zeroizing::new(text);
        if !(1..=CHARS_MAX).contains(&text.len()) || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(Malformed("secret access key"));
        }
        Ok(Self(text))
    }

    /// The text, for the two places that show it: the answer of CreateAccessKey and a new credentials file.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// The key that signs for this day (`YYYYMMDD`), Region and service.
    pub fn signing_key(&self, date: &str, region: &str, service: &str) -> Result<SigningKey, ModuleFailed> {
        let mut secret = Zeroizing::new(String::with_capacity(4 + self.0.len()));
        secret.push_str("AWS4");
        secret.push_str(&self.0);
        let mut key = hmac_sha256(secret.as_bytes(), date.as_bytes())?;
        for part in [region, service, "aws4_request"] {
            key = hmac_sha256(key.expose(), part.as_bytes())?;
        }
        Ok(SigningKey(hmac::Key::new(hmac::HMAC_SHA256, key.expose())))
    }
}

/// Signs for one access key, day, Region and service.
pub struct SigningKey(hmac::Key);

impl SigningKey {
    /// The signature of a string to sign.
    pub fn sign(&self, string_to_sign: &[u8]) -> Result<[u8; 32], ModuleFailed> {
        let mut signature = [0; 32];
        hmac::sign_to_buffer(&self.0, string_to_sign, &mut signature).map_err(|_| ModuleFailed)?;
        Ok(signature)
    }

    /// Whether the signature is the string's, in constant time.
    pub fn verify(&self, string_to_sign: &[u8], signature: &[u8; 32]) -> bool {
        self.sign(string_to_sign).is_ok_and(|own| equal_in_constant_time(&own, signature))
    }
}

impl DomainKey {
    /// Wraps the secret of this access key.
    pub fn wrap_secret_access_key(
        &self,
        access_key_id: &AccessKeyId,
        secret: &SecretAccessKey,
    ) -> Result<Vec<u8>, ModuleFailed> {
        wrap(self.wrapping_key(), &self.secret_access_key_binding(access_key_id), random()?, secret.0.as_bytes())
    }

    /// The secret that this domain key wrapped for this access key.
    pub fn unwrap_secret_access_key(
        &self,
        access_key_id: &AccessKeyId,
        wrapped: &[u8],
    ) -> Result<SecretAccessKey, Damaged> {
        let mut text = Zeroizing::new(vec![0; unwrapped_len(wrapped)?]);
        unwrap(self.wrapping_key(), &self.secret_access_key_binding(access_key_id), wrapped, &mut text)?;
        let text = std::str::from_utf8(&text).map_err(|_| Damaged)?;
        SecretAccessKey::from_text(text.to_owned()).map_err(|_| Damaged)
    }

    /// Wraps under this domain key what another one wrapped.
    pub fn rewrap_secret_access_key(
        &self,
        from: &DomainKey,
        access_key_id: &AccessKeyId,
        wrapped: &[u8],
    ) -> Result<Vec<u8>, RewrapError> {
        let secret = from.unwrap_secret_access_key(access_key_id, wrapped)?;
        Ok(self.wrap_secret_access_key(access_key_id, &secret)?)
    }

    fn secret_access_key_binding(&self, access_key_id: &AccessKeyId) -> Binding {
        self.binding("secret access key").field(access_key_id.as_str().as_bytes())
    }
}
