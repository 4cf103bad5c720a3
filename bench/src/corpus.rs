//! The requests of a run: distinct, spread over all keys and credentials, and known well enough to check their replies.

use std::collections::HashSet;
use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use clap::ValueEnum;
use serde::Deserialize;

use crate::BenchError;
use crate::connection::Endpoint;
use crate::exchange::send_all;
use crate::sigv4::{self, Signer, SigningTime};
use crate::targets::{Targets, random};

/// 64 bytes: what the yardstick seals, and the order of a wrapped data key.
const PLAINTEXT_BYTES: usize = 64;
/// Preparing requests are signed in batches, so that none is older than the signature's 5 minutes when it is sent.
const BATCH: usize = 10_000;

/// Which operations a run sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Workload {
    /// `Decrypt` of ciphertexts that are made before the run.
    Decrypt,
    /// `DescribeKey`, with no cryptography beyond the signature.
    DescribeKey,
    /// `Encrypt` of 64 bytes.
    Encrypt,
    /// `GenerateDataKey` of 32 bytes.
    GenerateDataKey,
    /// The four of them in equal parts.
    Mixed,
}

/// How many requests, and what they carry.
#[derive(Clone, Copy)]
pub struct Shape {
    /// The number of requests.
    pub requests: usize,
    /// Pairs in the encryption context.
    pub context_pairs: usize,
    /// Whether each credential asks for keys of its own alone, as least privilege has it; else all ask for all.
    pub own_keys: bool,
}

/// The requests of a run before they are signed.
pub struct Corpus {
    /// Who asks, about which keys.
    pub targets: Targets,
    /// What is asked, in the order of sending.
    pub calls: Vec<Call>,
}

/// One request before it is signed.
pub struct Call {
    question: Question,
    credential: usize,
    key: usize,
    body: String,
}

enum Question {
    Decrypt { plaintext: Box<[u8]> },
    DescribeKey,
    Encrypt,
    GenerateDataKey,
}

impl Corpus {
    /// Makes the requests. Decrypts need ciphertexts, which the endpoint is asked for.
    pub async fn gather(
        workload: Workload,
        shape: Shape,
        targets: Targets,
        endpoint: &Endpoint,
        connections: usize,
    ) -> Result<Self, BenchError> {
        let mut calls = Vec::with_capacity(shape.requests);
        let mut decrypts = Vec::new();
        for index in 0..shape.requests {
            match workload.at(index) {
                Workload::Decrypt => decrypts.push(index),
                Workload::DescribeKey => calls.push(call(&targets, index, shape, Question::DescribeKey, "")),
                Workload::Encrypt => calls.push(encrypt(&targets, index, shape, &random()?)),
                _ => {
                    let members = format!(r#","KeySpec":"AES_256"{}"#, context_member(index, shape));
                    calls.push(call(&targets, index, shape, Question::GenerateDataKey, &members));
                }
            }
        }
        for batch in decrypts.chunks(BATCH) {
            calls.extend(make_decrypts(&targets, batch, shape, endpoint, connections).await?);
        }
        shuffle(&mut calls);
        Ok(Self { targets, calls })
    }

    /// How many of the requests differ from one another in what they ask or in who asks.
    pub fn distinct(&self) -> usize {
        let seen: HashSet<_> =
            self.calls.iter().map(|call| (call.question.operation(), call.credential, &call.body)).collect();
        seen.len()
    }

    /// The HTTP messages of all requests, signed now.
    pub fn sign(&self, endpoint: &Endpoint) -> Vec<Vec<u8>> {
        sign(&self.targets, &self.calls, endpoint)
    }

    /// Whether a successful reply to a request says what it must.
    pub fn holds(&self, index: usize, body: &[u8]) -> bool {
        let Some(call) = self.calls.get(index) else { return false };
        call.question.holds(key_id(&self.targets, call.key), body) == Some(true)
    }
}

impl Workload {
    fn at(self, index: usize) -> Self {
        match (self, index % 4) {
            (Self::Mixed, 0) => Self::Decrypt,
            (Self::Mixed, 1) => Self::DescribeKey,
            (Self::Mixed, 2) => Self::Encrypt,
            (Self::Mixed, _) => Self::GenerateDataKey,
            (single, _) => single,
        }
    }
}

impl Question {
    fn operation(&self) -> &'static str {
        match self {
            Self::Decrypt { .. } => "Decrypt",
            Self::DescribeKey => "DescribeKey",
            Self::Encrypt => "Encrypt",
            Self::GenerateDataKey => "GenerateDataKey",
        }
    }

    fn holds(&self, key_id: &str, body: &[u8]) -> Option<bool> {
        match self {
            Self::Decrypt { plaintext } => {
                let reply: DecryptReply = serde_json::from_slice(body).ok()?;
                Some(*BASE64.decode(reply.plaintext).ok()? == **plaintext && reply.key_id.ends_with(key_id))
            }
            Self::DescribeKey => {
                let reply: DescribeKeyReply = serde_json::from_slice(body).ok()?;
                Some(reply.key_metadata.key_id == key_id)
            }
            Self::Encrypt => {
                let reply: EncryptReply = serde_json::from_slice(body).ok()?;
                let ciphertext = BASE64.decode(reply.ciphertext_blob).ok()?;
                Some(ciphertext.len() > PLAINTEXT_BYTES && reply.key_id.ends_with(key_id))
            }
            Self::GenerateDataKey => {
                let reply: GenerateDataKeyReply = serde_json::from_slice(body).ok()?;
                let (data_key, wrapped) =
                    (BASE64.decode(reply.plaintext).ok()?, BASE64.decode(reply.ciphertext_blob).ok()?);
                Some(data_key.len() == 32 && wrapped.len() > 32 && reply.key_id.ends_with(key_id))
            }
        }
    }
}

fn call(targets: &Targets, index: usize, shape: Shape, question: Question, members: &str) -> Call {
    let (credential, key) = spread(index, shape, targets);
    let body = format!(r#"{{"KeyId":"{}"{members}}}"#, key_id(targets, key));
    Call { question, credential, key, body }
}

fn encrypt(targets: &Targets, index: usize, shape: Shape, plaintext: &[u8; PLAINTEXT_BYTES]) -> Call {
    let members = format!(r#","Plaintext":"{}"{}"#, BASE64.encode(plaintext), context_member(index, shape));
    call(targets, index, shape, Question::Encrypt, &members)
}

async fn make_decrypts(
    targets: &Targets,
    indexes: &[usize],
    shape: Shape,
    endpoint: &Endpoint,
    connections: usize,
) -> Result<Vec<Call>, BenchError> {
    let plaintexts = indexes.iter().map(|_| random::<PLAINTEXT_BYTES>()).collect::<Result<Vec<_>, _>>()?;
    let encrypts: Vec<_> =
        indexes.iter().zip(&plaintexts).map(|(index, plaintext)| encrypt(targets, *index, shape, plaintext)).collect();
    let replies = send_all(endpoint, "Encrypt", sign(targets, &encrypts, endpoint), connections).await?;
    let mut decrypts = Vec::with_capacity(replies.len());
    for (((index, plaintext), reply), encrypt) in indexes.iter().zip(plaintexts).zip(replies).zip(encrypts) {
        let reply: EncryptReply =
            serde_json::from_slice(&reply).map_err(|_| BenchError::Reply("Encrypt".to_owned()))?;
        let body = format!(r#"{{"CiphertextBlob":"{}"{}}}"#, reply.ciphertext_blob, context_member(*index, shape));
        let question = Question::Decrypt { plaintext: Box::from(plaintext) };
        decrypts.push(Call { question, body, ..encrypt });
    }
    Ok(decrypts)
}

fn key_id(targets: &Targets, key: usize) -> &str {
    targets.key_ids.get(key).map(String::as_str).unwrap_or_default()
}

/// Request `index` asks key `index mod keys`. Unless the keys are each credential's own, each further round over them
/// shifts the credentials by one, so that keys × credentials requests differ from one another even if their bodies don't.
fn spread(index: usize, shape: Shape, targets: &Targets) -> (usize, usize) {
    let keys = targets.key_ids.len().max(1);
    let key = index % keys;
    let shift = if shape.own_keys { 0 } else { index / keys };
    ((key + shift) % targets.credentials.len().max(1), key)
}

fn sign(targets: &Targets, calls: &[Call], endpoint: &Endpoint) -> Vec<Vec<u8>> {
    let time = SigningTime::now();
    let signers: Vec<_> =
        targets.credentials.iter().map(|credential| Signer::new(credential, &time, &targets.region, "kms")).collect();
    let message = |call: &Call| {
        let target = format!("TrentService.{}", call.question.operation());
        let body = call.body.as_bytes();
        let call_headers = sigv4::Call { host: &endpoint.host, content_type: sigv4::JSON, target: Some(&target), body };
        signers.get(call.credential).map(|signer| signer.message(&call_headers))
    };
    calls.iter().filter_map(message).collect()
}

/// The encryption context of request `index`: its first pair differs from request to request.
fn context_member(index: usize, shape: Shape) -> String {
    if shape.context_pairs == 0 {
        return String::new();
    }
    let mut text = format!(r#","EncryptionContext":{{"record":"customer-{index:08}""#);
    for pair in 1..shape.context_pairs {
        // Writing to a string cannot fail.
        let _ = write!(text, r#","purpose-{pair}":"quarterly-report""#);
    }
    text.push('}');
    text
}

/// Fisher and Yates' shuffle, so that neighbours in time are not neighbours in the server's indexes. The seed is fixed:
/// each round of a comparison sends the same order.
fn shuffle<T>(items: &mut [T]) {
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    for last in (1..items.len()).rev() {
        // Marsaglia's xorshift64.
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let other = state % (last as u64 + 1);
        items.swap(last, other as usize);
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct EncryptReply {
    ciphertext_blob: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DecryptReply {
    plaintext: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct GenerateDataKeyReply {
    ciphertext_blob: String,
    plaintext: String,
    key_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct DescribeKeyReply {
    key_metadata: KeyMetadata,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct KeyMetadata {
    key_id: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY_ID: &str = "1234abcd-12ab-44cd-96ef-1234567890ab";

    #[tokio::test]
    async fn requests_are_distinct_and_reach_every_key_and_credential() {
        let nowhere = Endpoint { host: "127.0.0.1:1".to_owned() };
        for workload in [Workload::Encrypt, Workload::GenerateDataKey, Workload::DescribeKey] {
            for (requests, keys) in [(5_000, 100), (3_000, 3_000), (1_000, 77)] {
                for context_pairs in [0, 2] {
                    let case = format!("{workload:?} requests={requests} keys={keys} context_pairs={context_pairs}");
                    let targets = Targets::made_up("us-east-1", "111122223333", 50, keys).unwrap();
                    let shape = Shape { requests, context_pairs, own_keys: false };
                    let corpus = Corpus::gather(workload, shape, targets, &nowhere, 1).await.unwrap();
                    assert_eq!(corpus.calls.len(), requests, "{case}");
                    assert_eq!(corpus.distinct(), requests, "{case}");
                    let used_keys: HashSet<_> = corpus.calls.iter().map(|call| call.key).collect();
                    let used_credentials: HashSet<_> = corpus.calls.iter().map(|call| call.credential).collect();
                    assert_eq!((used_keys.len(), used_credentials.len()), (keys, 50), "{case}");
                    for call in &corpus.calls {
                        serde_json::from_str::<serde_json::Value>(&call.body)
                            .unwrap_or_else(|error| panic!("{case}: {error}: {}", call.body));
                    }
                }
            }
        }
    }

    #[tokio::test]
    async fn who_has_keys_of_its_own_asks_for_no_other() {
        let nowhere = Endpoint { host: "127.0.0.1:1".to_owned() };
        for (own_keys, pairs) in [(true, 100), (false, 5_000)] {
            let targets = Targets::made_up("us-east-1", "111122223333", 50, 100).unwrap();
            let shape = Shape { requests: 5_000, context_pairs: 0, own_keys };
            let corpus = Corpus::gather(Workload::Encrypt, shape, targets, &nowhere, 1).await.unwrap();
            let used: HashSet<_> = corpus.calls.iter().map(|call| (call.credential, call.key)).collect();
            assert_eq!((used.len(), corpus.distinct()), (pairs, 5_000));
        }
    }

    #[test]
    fn a_shuffle_keeps_every_item() {
        let mut items: Vec<_> = (0..1_000).collect();
        shuffle(&mut items);
        assert_ne!(items, (0..1_000).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..1_000).collect::<Vec<_>>());
    }

    #[test]
    fn a_reply_holds_only_if_it_says_what_was_asked() {
        let (arn, long) = (format!("arn:aws:kms:us-east-1:111122223333:key/{KEY_ID}"), BASE64.encode([7; 99]));
        let (secret, data_key) = (BASE64.encode([1; 64]), BASE64.encode([2; 32]));
        let decrypt = || Question::Decrypt { plaintext: Box::from([1; 64]) };
        for (question, body, want) in [
            (Question::Encrypt, format!(r#"{{"CiphertextBlob":"{long}","KeyId":"{arn}"}}"#), true),
            (Question::Encrypt, format!(r#"{{"CiphertextBlob":"{long}","KeyId":"arn:other"}}"#), false),
            (Question::Encrypt, format!(r#"{{"CiphertextBlob":"{data_key}","KeyId":"{arn}"}}"#), false),
            (Question::Encrypt, "{}".to_owned(), false),
            (decrypt(), format!(r#"{{"Plaintext":"{secret}","KeyId":"{arn}"}}"#), true),
            (decrypt(), format!(r#"{{"Plaintext":"{data_key}","KeyId":"{arn}"}}"#), false),
            (
                Question::GenerateDataKey,
                format!(r#"{{"CiphertextBlob":"{long}","Plaintext":"{data_key}","KeyId":"{arn}"}}"#),
                true,
            ),
            (
                Question::GenerateDataKey,
                format!(r#"{{"CiphertextBlob":"{long}","Plaintext":"{secret}","KeyId":"{arn}"}}"#),
                false,
            ),
            (Question::DescribeKey, format!(r#"{{"KeyMetadata":{{"KeyId":"{KEY_ID}"}}}}"#), true),
            (Question::DescribeKey, r#"{"KeyMetadata":{"KeyId":"other"}}"#.to_owned(), false),
        ] {
            assert_eq!(question.holds(KEY_ID, body.as_bytes()) == Some(true), want, "{body}");
        }
    }
}
