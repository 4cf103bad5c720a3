//! Grants: their ids, the operations that they can permit, and what they demand of an encryption context.
//! Sources: API reference, GrantListEntry and GrantConstraints; developer guide, "Grants in AWS KMS".

use std::fmt;
use std::str::FromStr;

use serde::Serialize;

use crate::key_spec::named;
use crate::{EncryptionContext, KeySpec, KeyUsage, Malformed};

/// The id of a grant: 64 lower-case hex digits. It is no secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GrantId([u8; 32]);

impl GrantId {
    /// The first id in order: where a listing begins.
    pub const FIRST: Self = Self([0; 32]);

    /// A fresh id, made of 32 random bytes.
    pub fn from_random(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = Malformed;

    fn from_str(text: &str) -> Result<Self, Malformed> {
        let malformed = Malformed("grant id");
        let digit = |byte: u8| match byte {
            b'0'..=b'9' => Ok(byte - b'0'),
            b'a'..=b'f' => Ok(byte - b'a' + 10),
            _ => Err(malformed),
        };
        let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return Err(malformed) };
        let mut bytes = [0; 32];
        if pairs.len() != bytes.len() {
            return Err(malformed);
        }
        for (place, [high, low]) in bytes.iter_mut().zip(pairs) {
            *place = digit(*high)? << 4 | digit(*low)?;
        }
        Ok(Self(bytes))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

named! {
    /// What a grant can permit, in the order of the service model. Each is named as its IAM action.
    GrantOperation {
        /// Decrypt.
        Decrypt = "Decrypt",
        /// Encrypt.
        Encrypt = "Encrypt",
        /// GenerateDataKey.
        GenerateDataKey = "GenerateDataKey",
        /// GenerateDataKeyWithoutPlaintext.
        GenerateDataKeyWithoutPlaintext = "GenerateDataKeyWithoutPlaintext",
        /// ReEncrypt, for the key of the ciphertext.
        ReEncryptFrom = "ReEncryptFrom",
        /// ReEncrypt, for the key to encrypt with.
        ReEncryptTo = "ReEncryptTo",
        /// Sign.
        Sign = "Sign",
        /// Verify.
        Verify = "Verify",
        /// GetPublicKey.
        GetPublicKey = "GetPublicKey",
        /// CreateGrant, of no more than this grant permits.
        CreateGrant = "CreateGrant",
        /// RetireGrant, of this grant.
        RetireGrant = "RetireGrant",
        /// DescribeKey.
        DescribeKey = "DescribeKey",
        /// GenerateDataKeyPair.
        GenerateDataKeyPair = "GenerateDataKeyPair",
        /// GenerateDataKeyPairWithoutPlaintext.
        GenerateDataKeyPairWithoutPlaintext = "GenerateDataKeyPairWithoutPlaintext",
        /// GenerateMac.
        GenerateMac = "GenerateMac",
        /// VerifyMac.
        VerifyMac = "VerifyMac",
        /// DeriveSharedSecret.
        DeriveSharedSecret = "DeriveSharedSecret",
        /// Encapsulate.
        Encapsulate = "Encapsulate",
        /// Decapsulate.
        Decapsulate = "Decapsulate",
    }
}

/// A set of operations.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct GrantOperations(u32);

impl GrantOperations {
    /// What a grant on a key of this spec can permit. Source: API reference, GrantOperation and CreateGrant.
    pub fn of_key(spec: KeySpec) -> Self {
        use GrantOperation as O;
        let of_usage: &[O] = match spec.usage() {
            KeyUsage::EncryptDecrypt => &[
                O::Decrypt,
                O::Encrypt,
                O::GenerateDataKey,
                O::GenerateDataKeyWithoutPlaintext,
                O::ReEncryptFrom,
                O::ReEncryptTo,
                O::GenerateDataKeyPair,
                O::GenerateDataKeyPairWithoutPlaintext,
            ],
            KeyUsage::GenerateVerifyMac => &[O::GenerateMac, O::VerifyMac],
        };
        of_usage.iter().copied().chain([O::CreateGrant, O::RetireGrant, O::DescribeKey]).collect()
    }

    /// Whether there is none.
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Whether this is one of them.
    pub fn contains(self, operation: GrantOperation) -> bool {
        self.0 & bit(operation) != 0
    }

    /// Those of this set that `other` lacks.
    pub fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// The operations in the order of the model.
    pub fn iter(self) -> impl Iterator<Item = GrantOperation> {
        GrantOperation::ALL.iter().copied().filter(move |operation| self.contains(*operation))
    }
}

impl FromIterator<GrantOperation> for GrantOperations {
    fn from_iter<I: IntoIterator<Item = GrantOperation>>(operations: I) -> Self {
        Self(operations.into_iter().fold(0, |bits, operation| bits | bit(operation)))
    }
}

fn bit(operation: GrantOperation) -> u32 {
    1 << operation as u32
}

/// What a grant demands of a request's encryption context. Names and values compare exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GrantConstraint {
    /// These pairs and no others.
    Equals(EncryptionContext),
    /// These pairs, and any others.
    Subset(EncryptionContext),
}

impl GrantConstraint {
    /// The pairs that it names.
    pub fn context(&self) -> &EncryptionContext {
        let (Self::Equals(context) | Self::Subset(context)) = self;
        context
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids() {
        let text = format!("{}0123456789abcdef", "f0".repeat(24));
        assert_eq!(text.parse::<GrantId>().unwrap().to_string(), text);
        assert_eq!(GrantId::FIRST.to_string(), "0".repeat(64));
        for bad in ["", "0", &text[1..], &format!("{text}00"), &text.to_uppercase(), &text.replace('f', "g")] {
            assert!(bad.parse::<GrantId>().is_err(), "{bad}");
        }
    }

    /// Source: API reference, CreateGrant, Operations: they must be supported on the key.
    #[test]
    fn operations_of_keys() {
        let names =
            |spec| GrantOperations::of_key(spec).iter().map(GrantOperation::as_str).collect::<Vec<_>>().join(" ");
        assert_eq!(
            names(KeySpec::SymmetricDefault),
            "Decrypt Encrypt GenerateDataKey GenerateDataKeyWithoutPlaintext ReEncryptFrom ReEncryptTo CreateGrant \
             RetireGrant DescribeKey GenerateDataKeyPair GenerateDataKeyPairWithoutPlaintext"
        );
        assert_eq!(names(KeySpec::Hmac512), "CreateGrant RetireGrant DescribeKey GenerateMac VerifyMac");
    }

    #[test]
    fn sets() {
        let set = |operations: &[GrantOperation]| operations.iter().copied().collect::<GrantOperations>();
        let all = set(GrantOperation::ALL);
        assert_eq!(all.iter().count(), GrantOperation::ALL.len());
        let (one, two) =
            (set(&[GrantOperation::Encrypt]), set(&[GrantOperation::Encrypt, GrantOperation::Decapsulate]));
        assert!(one.without(two).is_empty() && one.without(all).is_empty());
        assert_eq!(two.without(one), set(&[GrantOperation::Decapsulate]));
        assert!(GrantOperations::default().is_empty() && !one.is_empty());
        assert!(!one.contains(GrantOperation::Decapsulate) && two.contains(GrantOperation::Decapsulate));
    }
}
