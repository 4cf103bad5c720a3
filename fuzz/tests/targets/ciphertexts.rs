//! Ciphertexts: only what was encrypted opens, only with its own context and key, and a header says what stands in it.

use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_keyring::message::{Header, OVERHEAD_BYTES};
use claviger_keyring::{BackingKey, BackingKeyBinding, Deployment, DomainKey};
use claviger_types::{EncryptionContext, KeySpec};

use crate::world::{KEY_ID, MULTI_REGION_KEY_ID, domain_key};

/// A good message, and what it opens with.
struct Message {
    ciphertext: Vec<u8>,
    plaintext: Vec<u8>,
    key: usize,
    deployment: Deployment,
    context: usize,
}

/// Good messages, edited, under every key, deployment and context.
pub fn ciphertexts(campaign: Campaign) {
    let domain = domain_key(1);
    let keys = [KEY_ID, KEY_ID, MULTI_REGION_KEY_ID].map(|id| backing_key(&domain, id));
    let pairs = [vec![], vec![("purpose".to_owned(), "test".to_owned())]];
    let contexts = pairs.map(|pairs| EncryptionContext::from_pairs(pairs).unwrap());
    let messages = messages(&keys, &contexts);
    let samples: Vec<&Vec<u8>> = messages.iter().map(|message| &message.ciphertext).collect();
    let words: [&[u8]; 6] = [&[0xc1, 1, 0], &[0xd1, 1, 0], &[0xc1, 1, 1], &[0x01, 2, 2], &[0; 16], &[0xff; 12]];
    campaign.run(Edited::new(samples, words), |Bytes(bytes)| {
        let header = check_header(bytes);
        for (number, key) in keys.iter().enumerate() {
            for deployment in [Deployment::Development, Deployment::Production] {
                for (place, context) in contexts.iter().enumerate() {
                    let good = messages.iter().find(|message| {
                        message.ciphertext == *bytes
                            && (message.key, message.deployment, message.context) == (number, deployment, place)
                    });
                    let opened = key.decrypt(deployment, bytes, context);
                    let opened = opened.as_ref().ok().map(|plaintext| plaintext.as_bytes());
                    assert_eq!(opened, good.map(|message| message.plaintext.as_slice()));
                }
            }
        }
        header
    });
}

fn check_header(bytes: &[u8]) -> bool {
    let Ok(header) = Header::parse(bytes) else { return false };
    assert!(bytes.len() >= OVERHEAD_BYTES);
    assert_eq!(header.key_id().as_bytes(), &bytes[3..19]);
    assert_eq!(header.key_id().is_multi_region(), bytes[2] == 1);
    assert_eq!(header.backing_key_id().as_bytes(), &bytes[19..35]);
    assert_eq!(header.deployment() == Deployment::Development, bytes[0] == 0xd1);
    assert_eq!(Header::parse(&[bytes, b"more"].concat()), Ok(header), "the header depends on what follows it");
    true
}

fn backing_key(domain: &DomainKey, id: &str) -> BackingKey {
    let binding = BackingKeyBinding { key_id: id.parse().unwrap(), spec: KeySpec::SymmetricDefault };
    let stored = domain.generate_backing_key(binding).ok().unwrap();
    domain.unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).ok().unwrap()
}

fn messages(keys: &[BackingKey], contexts: &[EncryptionContext]) -> Vec<Message> {
    let mut messages = Vec::new();
    for (key, backing_key) in keys.iter().enumerate() {
        for (context, pairs) in contexts.iter().enumerate() {
            for (plaintext, deployment) in [
                (vec![7; 1], Deployment::Development),
                (vec![0; 32], Deployment::Production),
                (vec![1; 300], Deployment::Production),
            ] {
                let ciphertext = backing_key.encrypt(deployment, &plaintext, pairs).unwrap();
                messages.push(Message { ciphertext, plaintext, key, deployment, context });
            }
        }
    }
    messages
}
