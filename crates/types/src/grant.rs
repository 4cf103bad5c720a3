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
    /// Whether a request with this context is let through.
    pub fn admits(&self, context: &EncryptionContext) -> bool {
        match self {
            Self::Equals(wanted) => wanted == context,
            Self::Subset(wanted) => context.holds_all_of(wanted),
        }
    }

    /// Whether each context that this constraint admits is admitted by `other` too.
    pub fn is_within(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Equals(own), other) => other.admits(own),
            // There is always one pair more, so contexts without a bound are never within one.
            (Self::Subset(_), Self::Equals(_)) => false,
            (Self::Subset(own), Self::Subset(wanted)) => own.holds_all_of(wanted),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

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

    fn context() -> impl Strategy<Value = EncryptionContext> {
        let pairs = prop::collection::btree_map("[abA]", "[12]?", 0..4);
        pairs.prop_map(|pairs| EncryptionContext::from_pairs(pairs.into_iter().collect()).unwrap())
    }

    fn constraint() -> impl Strategy<Value = GrantConstraint> {
        (any::<bool>(), context()).prop_map(|(equals, context)| match equals {
            true => GrantConstraint::Equals(context),
            false => GrantConstraint::Subset(context),
        })
    }

    proptest! {
        /// By a definition of its own: pairs are looked up one by one.
        #[test]
        fn what_a_constraint_admits(wanted in context(), sent in context()) {
            let all_there = wanted.pairs().iter().all(|pair| sent.pairs().contains(pair));
            prop_assert_eq!(GrantConstraint::Subset(wanted.clone()).admits(&sent), all_there);
            let equal = all_there && wanted.pairs().len() == sent.pairs().len();
            prop_assert_eq!(GrantConstraint::Equals(wanted).admits(&sent), equal);
        }

        #[test]
        fn within_is_what_it_says(own in constraint(), other in constraint(), sent in context()) {
            if own.is_within(&other) && own.admits(&sent) {
                prop_assert!(other.admits(&sent));
            }
            prop_assert!(own.is_within(&own));
            // Whatever is not within admits something that the other does not: its own pairs, or these and one more.
            if !own.is_within(&other) {
                let (GrantConstraint::Equals(pairs) | GrantConstraint::Subset(pairs)) = &own;
                let more = [pairs.pairs(), &[("zz".to_owned(), String::new())]].concat();
                let more = EncryptionContext::from_pairs(more).unwrap();
                prop_assert!([pairs, &more].into_iter().any(|sent| own.admits(sent) && !other.admits(sent)));
            }
        }
    }
}
