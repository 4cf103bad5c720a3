//! Authenticator apps for tests: they make codes by code of their own.

use std::time::SystemTime;

use aws_lc_rs::hmac;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claviger_types::Timestamp;
use serde_json::{Value, json};

use crate::testing::test_kms::TestKms;

/// A phone with an app that shows codes.
pub(crate) struct Phone {
    pub(crate) serial_number: String,
    seed: Vec<u8>,
    /// How many half minutes its clock is ahead.
    pub(crate) ahead_steps: i64,
}

impl Phone {
    /// A device of the first account that is nobody's.
    pub(crate) fn made(kms: &TestKms, name: &str) -> Self {
        let made = kms.ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": name}));
        let device = &made["VirtualMFADevice"];
        let seed = STANDARD.decode(device["Base32StringSeed"].as_str().unwrap()).unwrap();
        let serial_number = device["SerialNumber"].as_str().unwrap().to_owned();
        Self { serial_number, seed: from_base32(&seed), ahead_steps: 0 }
    }

    /// A device of this user. It was enabled with the present code and the one before.
    pub(crate) fn enabled(kms: &TestKms, user: &str, name: &str) -> Self {
        let phone = Self::made(kms, name);
        let [first, second] = phone.two_codes();
        kms.ok("EnableMFADevice", phone.body(user, &first, &second));
        phone
    }

    /// The code after the present one: near enough to now, and not used yet.
    pub(crate) fn next_code(&self) -> String {
        self.code_at(self.step() + 1)
    }

    /// The present code after the one before it.
    pub(crate) fn two_codes(&self) -> [String; 2] {
        let step = self.step();
        [self.code_at(step - 1), self.code_at(step)]
    }

    pub(crate) fn body(&self, user: &str, first: &str, second: &str) -> Value {
        json!({
            "UserName": user,
            "SerialNumber": self.serial_number,
            "AuthenticationCode1": first,
            "AuthenticationCode2": second,
        })
    }

    fn step(&self) -> i64 {
        Timestamp::from(SystemTime::now()).as_millis() / 30_000 + self.ahead_steps
    }

    fn code_at(&self, step: i64) -> String {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, &self.seed);
        let hash = hmac::sign(&key, &step.to_be_bytes());
        let hash = hash.as_ref();
        let offset = usize::from(hash[19] & 15);
        let number = u32::from_be_bytes(hash[offset..offset + 4].try_into().unwrap()) & 0x7fff_ffff;
        format!("{:06}", number % 1_000_000)
    }
}

/// Another code than this one.
pub(crate) fn wrong_code(code: &str) -> String {
    let number: u32 = code.parse().unwrap();
    format!("{:06}", (number + 500_000) % 1_000_000)
}

pub(crate) fn from_base32(text: &[u8]) -> Vec<u8> {
    let mut bits = text.iter().flat_map(|character| {
        let value = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".iter().position(|known| known == character).unwrap();
        (0..5).rev().map(move |bit| (value >> bit) & 1 == 1)
    });
    (0..text.len() * 5 / 8).map(|_| (0..8).fold(0, |byte, _| (byte << 1) | u8::from(bits.next().unwrap()))).collect()
}
