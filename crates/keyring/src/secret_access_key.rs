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
pub(crate) const GENERATED_CHARS: usize = 40;

/// Characters of a chosen secret. Source: our own choice, room for more than any client has.
const CHARS_MAX: usize = 128;

/// The secret half of an access key.
pub struct SecretAccessKey(Zeroizing<String>);

impl SecretAccessKey {
    /// A fresh one: 40 characters, 240 random bits.
    pub fn generate() -> Result<Self, ModuleFailed> {
        let mut drawn = Zeroizing::new([0; GENERATED_CHARS]);
        fill_random(drawn.as_mut_slice())?;
        Self::from_drawn(&drawn)
    }

    /// The one that these bytes stand for: six bits of each count.
    pub(crate) fn from_drawn(drawn: &[u8; GENERATED_CHARS]) -> Result<Self, ModuleFailed> {
        let mut text = Zeroizing::new(String::with_capacity(GENERATED_CHARS));
        for byte in drawn {
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

    /// The text, for those who show it once: answers that give out credentials, and a new credentials file.
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
        self.wrap_secret_access_key_with_iv(access_key_id, secret, random()?)
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

    pub(crate) fn wrap_secret_access_key_with_iv(
        &self,
        access_key_id: &AccessKeyId,
        secret: &SecretAccessKey,
        iv: [u8; 12],
    ) -> Result<Vec<u8>, ModuleFailed> {
        wrap(self.wrapping_key(), &self.secret_access_key_binding(access_key_id), iv, secret.0.as_bytes())
    }

    fn secret_access_key_binding(&self, access_key_id: &AccessKeyId) -> Binding {
        let mut place = self.binding("secret access key");
        place.field(access_key_id.as_str().as_bytes());
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{domain_key, one_bit_flips, wrong_lengths};

    fn access_key_id(text: &str) -> AccessKeyId {
        text.parse().unwrap()
    }

    #[test]
    fn a_generated_secret_has_forty_characters() {
        let secret = SecretAccessKey::generate().unwrap();
        assert_eq!(secret.expose().len(), 40);
        assert!(secret.expose().bytes().all(|byte| ALPHABET.contains(&byte)));
        assert_ne!(secret.expose(), SecretAccessKey::generate().unwrap().expose());
    }

    #[test]
    fn chosen_secrets() {
        for good in ["x", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", &"x".repeat(128)] {
            assert_eq!(SecretAccessKey::from_text(good.to_owned()).ok().unwrap().expose(), good);
        }
        for bad in ["", "a b", "a\n", "schlüssel", &"x".repeat(129)] {
            assert!(SecretAccessKey::from_text(bad.to_owned()).is_err(), "{bad:?}");
        }
    }

    /// Source: AWS General Reference, "Signature Version 4", the example that lists IAM users.
    #[test]
    fn signs_as_the_published_example() {
        let secret = SecretAccessKey::from_text("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".into()).unwrap();
        let key = secret.signing_key("20150830", "us-east-1", "iam").unwrap();
        let string_to_sign = b"AWS4-HMAC-SHA256\n20150830T123600Z\n20150830/us-east-1/iam/aws4_request\n\
            f536975d06c0309214f805bb90ccff089219ecd68b2577efef23edd43b7e1a59";
        let signature = key.sign(string_to_sign).unwrap();
        assert_eq!(const_hex::encode(signature), "5d672d79c15b13162d9279b0855cfba6789a8edb4c82c400e06b5924a6f2b5d7");
        assert!(key.verify(string_to_sign, &signature));
        assert!(!key.verify(b"AWS4-HMAC-SHA256", &signature));
        for (bit, altered) in one_bit_flips(&signature) {
            assert!(!key.verify(string_to_sign, &altered.try_into().unwrap()), "bit {bit}");
        }
        for (date, region, service) in
            [("20150831", "us-east-1", "iam"), ("20150830", "us-east-2", "iam"), ("20150830", "us-east-1", "kms")]
        {
            let other = secret.signing_key(date, region, service).unwrap();
            assert!(!other.verify(string_to_sign, &signature), "{date} {region} {service}");
        }
    }

    #[test]
    fn a_secret_opens_for_its_own_access_key_only() {
        let home = domain_key("111122223333", "", 7);
        let (own, other) = (access_key_id("AKIA7777777777777777"), access_key_id("AKIA7777777777777776"));
        let secret = SecretAccessKey::generate().unwrap();
        let wrapped = home.wrap_secret_access_key(&own, &secret).unwrap();
        assert_eq!(home.unwrap_secret_access_key(&own, &wrapped).ok().unwrap().expose(), secret.expose());
        assert!(home.unwrap_secret_access_key(&other, &wrapped).is_err());
        for (name, domain) in [
            ("account", domain_key("444455556666", "", 7)),
            ("space", domain_key("111122223333", "us-east-1", 7)),
            ("version", domain_key("111122223333", "", 8)),
        ] {
            assert!(domain.unwrap_secret_access_key(&own, &wrapped).is_err(), "other {name}");
        }
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(home.unwrap_secret_access_key(&own, &altered).is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(home.unwrap_secret_access_key(&own, &altered).is_err(), "{} bytes", altered.len());
        }
        let new = domain_key("111122223333", "", 8);
        let rewrapped = new.rewrap_secret_access_key(&home, &own, &wrapped).unwrap();
        assert_eq!(new.unwrap_secret_access_key(&own, &rewrapped).ok().unwrap().expose(), secret.expose());
        assert_eq!(new.rewrap_secret_access_key(&home, &other, &wrapped), Err(RewrapError::Damaged(Damaged)));
    }
}
