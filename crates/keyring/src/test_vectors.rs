//! The vectors in `docs/test-vectors/`: made here from fixed inputs, so that a format cannot change unnoticed, and
//! opened here, so that what was once written opens for ever. `tests/vectors/open_message.py` opens them again with
//! code of its own.
//!
//! A new version of a format gets a new file. `CLAVIGER_WRITE_TEST_VECTORS=1` writes the files of this version.

use std::path::{Path, PathBuf};

use claviger_types::{EncryptionContext, KeySpec};
use serde_json::{Value, json};

use crate::backing_key::{BackingKey, BackingKeyBinding, KeyMaterialId, Material};
use crate::cluster_key::{self, ClusterKey};
use crate::domain_key::DomainKey;
use crate::error::ModuleFailed;
use crate::fixture::*;
use crate::message::{self, Deployment, Header};
use crate::root::FileRoot;
use crate::secret_access_key::SecretAccessKey;
use crate::token::TokenPurpose;

type Pairs<'a> = &'a [(&'a str, &'a str)];

#[test]
fn messages_are_made_as_ever() {
    compare_or_write("messages-v1.json", message_vectors());
}

#[test]
fn keys_are_wrapped_as_ever() {
    compare_or_write("keys-v1.json", key_vectors());
}

#[test]
fn good_messages_open_and_bad_ones_do_not() {
    let file = read("messages-v1.json");
    for (list, opens) in [("good", true), ("bad", false)] {
        for vector in array(&file[list]) {
            let opened = open_message(vector);
            let want = opens.then(|| bytes(&vector["plaintext"]));
            assert_eq!(opened, want, "{list}: {}", vector["name"]);
        }
    }
    assert!(array(&file["good"]).len() >= 8 && array(&file["bad"]).len() >= 20);
}

#[test]
fn good_wraps_open_and_bad_ones_do_not() {
    let file = read("keys-v1.json");
    let root = FileRoot::from_text(Path::new("root"), file["root_file"].as_str().unwrap().as_bytes()).ok().unwrap();
    let cluster_vector = &file["cluster_key"];
    let cluster = ClusterKey::unwrap(number(&cluster_vector["version"]), &bytes(&cluster_vector["wrapped"]), &root);
    let cluster = cluster.ok().unwrap();
    assert_eq!(cluster.secret().expose().as_slice(), bytes(&cluster_vector["key"]));
    for (list, opens) in [("good", true), ("bad", false)] {
        for vector in array(&file[list]) {
            let opened = open_record(&cluster, vector);
            let want = opens.then(|| bytes(&vector["opened"]));
            assert_eq!(opened, want, "{list}: {}", vector["name"]);
        }
    }
    assert!(array(&file["good"]).len() >= 8 && array(&file["bad"]).len() >= 12);
}

fn message_vectors() -> Value {
    let long = "x".repeat(4096);
    let dates: Pairs<'_> = &[("from", "2026-12-01"), ("", "no name"), ("until", "")];
    let unordered: Pairs<'_> = &[("ü", "u with dots"), ("z", "last ASCII"), ("a", "first"), ("😀", "beyond the BMP")];
    let good = [
        ("one byte, no context", Deployment::Production, SINGLE_REGION, 1, &[][..], "x"),
        ("a 32-byte data key", Deployment::Production, SINGLE_REGION, 1, &[], "0123456789abcdef0123456789ABCDEF"),
        ("longest plaintext", Deployment::Production, SINGLE_REGION, 1, &[], &long),
        ("one pair", Deployment::Production, SINGLE_REGION, 1, &[("purpose", "test")], "some data"),
        ("empty names and values", Deployment::Production, SINGLE_REGION, 1, dates, "some data"),
        ("pairs out of order, beyond ASCII", Deployment::Production, SINGLE_REGION, 1, unordered, "some data"),
        ("older material of the same key", Deployment::Production, SINGLE_REGION, 101, &[], "some data"),
        ("multi-Region key", Deployment::Production, MULTI_REGION, 1, &[], "some data"),
        ("development deployment", Deployment::Development, SINGLE_REGION, 1, &[], "some data"),
    ];
    let good = good.map(|(name, deployment, key_id, start, pairs, plaintext)| {
        let key = backing_key(key_id, KeySpec::SymmetricDefault, start);
        let ciphertext = seal(&key, deployment, start, pairs, plaintext.as_bytes());
        message_vector(name, (&key, start), deployment, pairs, &ciphertext, Some(plaintext.as_bytes()))
    });
    json!({
        "format": "docs/message-format.md, messages, version 1",
        "good": good,
        "bad": bad_message_vectors(),
    })
}

fn bad_message_vectors() -> Vec<Value> {
    let pairs: Pairs<'_> = &[("purpose", "test")];
    let key = backing_key(SINGLE_REGION, KeySpec::SymmetricDefault, 1);
    let (production, development) = (Deployment::Production, Deployment::Development);
    let good = seal(&key, production, 1, pairs, b"some data");
    let bad = |name: &str, deployment, pairs, ciphertext: &[u8]| {
        message_vector(name, (&key, 1), deployment, pairs, ciphertext, None)
    };
    let mut vectors = Vec::new();
    for (field, offset) in [
        ("version", 0),
        ("suite", 1),
        ("flags", 2),
        ("key id", 3),
        ("backing key id", 19),
        ("N", 35),
        ("commitment", 51),
        ("IV", 83),
        ("body", 95),
        ("tag", 104),
    ] {
        let mut altered = good.clone();
        altered[offset] ^= 1;
        vectors.push(bad(&format!("first byte of {field} altered"), production, pairs, &altered));
    }
    let mut aws = good.clone();
    aws[0] = 1;
    for (name, ciphertext) in [
        ("begins as a blob of AWS", aws),
        ("empty", vec![]),
        ("header only", good[..95].to_vec()),
        ("one byte short of a message", good[..110].to_vec()),
        ("last byte missing", good[..good.len() - 1].to_vec()),
        ("one byte too many", [&good[..], &[0]].concat()),
    ] {
        vectors.push(bad(name, production, pairs, &ciphertext));
    }
    vectors.push(bad("context missing", production, &[], &good));
    vectors.push(bad("context differs in case", production, &[("purpose", "Test")], &good));
    vectors.push(bad("context with one pair more", production, &[("purpose", "test"), ("a", "")], &good));
    vectors.push(bad("other deployment", development, pairs, &good));
    let dev = seal(&key, development, 1, pairs, b"some data");
    vectors.push(bad("development message in production", production, pairs, &dev));
    let header = Header::new(production, key_id(&key), key.material_id().backing_key_id(), counting(0x60)).unwrap();
    let uncommitted = message::seal_with_another_commitment(&counting::<32>(1), header, b"some data");
    vectors.push(bad("commitment of another key, all else right", production, &[], &uncommitted));
    let older = backing_key(SINGLE_REGION, KeySpec::SymmetricDefault, 101);
    vectors.push(message_vector("other material of the same key", (&older, 101), production, pairs, &good, None));
    let other = backing_key("1234abcd-12ab-34cd-56ef-1234567890ac", KeySpec::SymmetricDefault, 1);
    vectors.push(message_vector("other key with the same material", (&other, 1), production, pairs, &good, None));
    vectors
}

fn message_vector(
    name: &str,
    (key, start): (&BackingKey, u8),
    deployment: Deployment,
    pairs: Pairs<'_>,
    ciphertext: &[u8],
    plaintext: Option<&[u8]>,
) -> Value {
    let mut vector = json!({
        "name": name,
        "deployment": if deployment == Deployment::Production { "production" } else { "development" },
        "key_id": key_id(key).to_string(),
        "backing_key": const_hex::encode(counting::<32>(start)),
        "key_material_id": key.material_id().to_string(),
        "encryption_context": pairs,
        "ciphertext": const_hex::encode(ciphertext),
    });
    if let Some(plaintext) = plaintext {
        vector["plaintext"] = const_hex::encode(plaintext).into();
    }
    vector
}

fn seal(key: &BackingKey, deployment: Deployment, start: u8, pairs: Pairs<'_>, plaintext: &[u8]) -> Vec<u8> {
    let id = key.material_id().backing_key_id();
    let header = Header::new(deployment, key_id(key), id, counting(0x60)).unwrap();
    message::seal(&counting::<32>(start), header, plaintext, &context(pairs)).unwrap()
}

fn key_id(key: &BackingKey) -> claviger_types::KeyId {
    key.binding().key_id
}

fn open_message(vector: &Value) -> Option<Vec<u8>> {
    let binding = binding(text(&vector["key_id"]), KeySpec::SymmetricDefault);
    let material = Material::fill_with(KeySpec::SymmetricDefault, |slot| {
        slot.copy_from_slice(&bytes(&vector["backing_key"]));
        Ok::<(), ModuleFailed>(())
    });
    let domain = domain_key("111122223333", "us-east-1", 7);
    let stored = domain.wrap_material(&binding, &material.unwrap(), [0; 12]).unwrap();
    assert_eq!(stored.material_id.to_string(), text(&vector["key_material_id"]), "{}", vector["name"]);
    let key = domain.unwrap_backing_key(binding, &stored.material_id, &stored.wrapped).ok().unwrap();
    let deployment = match text(&vector["deployment"]) {
        "production" => Deployment::Production,
        "development" => Deployment::Development,
        other => panic!("{other}"),
    };
    let pairs: Vec<(String, String)> = serde_json::from_value(vector["encryption_context"].clone()).unwrap();
    let context = EncryptionContext::from_pairs(pairs).unwrap();
    key.decrypt(deployment, &bytes(&vector["ciphertext"]), &context).ok().map(|plain| plain.as_bytes().to_vec())
}

fn key_vectors() -> Value {
    let (root, cluster) = (file_root(), cluster_key());
    let wrapped = root.wrap_with_iv(cluster.secret(), &cluster_key::aad(3), counting(0xa0)).ok().unwrap();
    let good = good_key_vectors(&cluster);
    json!({
        "format": "docs/message-format.md, wrapped keys and tokens, version 1",
        "root_file": root.to_text(&secret(0x00)).unwrap().as_str(),
        "cluster_key": { "version": 3, "key": const_hex::encode(cluster.secret().expose()), "wrapped": const_hex::encode(wrapped) },
        "bad": bad_key_vectors(&good),
        "good": good,
    })
}

fn good_key_vectors(cluster: &ClusterKey) -> Vec<Value> {
    let (account, access_key_id) = ("111122223333", "AKIA7777777777777777");
    let mut vectors = Vec::new();
    for region in ["us-east-1", ""] {
        let domain = domain_key(account, region, 7);
        let wrapped = cluster.wrap_domain_key_with_iv(&domain, counting(0xa1)).unwrap();
        vectors.push(json!({
            "name": format!("domain key, {}", if region.is_empty() { "global space" } else { region }),
            "kind": "domain key", "account": account, "region": region, "version": 7,
            "opened": const_hex::encode(domain.secret().expose()), "wrapped": const_hex::encode(wrapped),
        }));
    }
    let home = domain_key(account, "us-east-1", 7);
    let symmetric = KeySpec::SymmetricDefault;
    let specs = KeySpec::ALL.iter().map(|spec| (*spec, SINGLE_REGION)).chain([(symmetric, MULTI_REGION)]);
    for (spec, key_id) in specs {
        let stored = home.wrap_material(&binding(key_id, spec), &material(spec, 1), counting(0xa2)).unwrap();
        vectors.push(json!({
            "name": format!("backing key, {spec}, {key_id}"), "kind": "backing key",
            "account": account, "region": "us-east-1", "version": 7,
            "domain_key": const_hex::encode(home.secret().expose()), "key_id": key_id,
            "key_material_id": stored.material_id.to_string(),
            "key_spec": spec.as_str(), "key_usage": spec.usage().as_str(),
            "opened": const_hex::encode(&counting::<64>(1)[..spec.material_bytes()]), "wrapped": const_hex::encode(stored.wrapped),
        }));
    }
    let global = domain_key(account, "", 7);
    let secret = SecretAccessKey::from_text("wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY".into()).unwrap();
    let wrapped = global.wrap_secret_access_key_with_iv(&access_key_id.parse().unwrap(), &secret, counting(0xa3));
    vectors.push(json!({
        "name": "secret access key", "kind": "secret access key", "account": account, "region": "", "version": 7,
        "domain_key": const_hex::encode(global.secret().expose()), "access_key_id": access_key_id,
        "opened": const_hex::encode(secret.expose()), "wrapped": const_hex::encode(wrapped.unwrap()),
    }));
    let token_key = cluster.token_key(TokenPurpose::Marker).unwrap();
    let sealed = token_key.seal_with_n(b"account, operation, filter", b"after this", counting(0xa4)).unwrap();
    vectors.push(json!({
        "name": "marker", "kind": "token", "purpose": "marker",
        "aad": const_hex::encode("account, operation, filter"),
        "opened": const_hex::encode("after this"), "wrapped": const_hex::encode(sealed),
    }));
    vectors
}

/// Each good vector with one thing changed.
fn bad_key_vectors(good: &[Value]) -> Vec<Value> {
    let find = |kind: &str| good.iter().rfind(|vector| text(&vector["kind"]) == kind).unwrap();
    let foreign = find("secret access key")["wrapped"].clone();
    let mut vectors = Vec::new();
    for (kind, changes) in [
        (
            "domain key",
            &[("account", json!("444455556666")), ("region", json!("us-east-2")), ("version", json!(8))][..],
        ),
        (
            "backing key",
            &[
                ("account", json!("444455556666")),
                ("region", json!("us-east-2")),
                ("version", json!(8)),
                ("key_id", json!("1234abcd-12ab-34cd-56ef-1234567890ab")),
                ("key_material_id", json!("00".repeat(32))),
                ("key_spec", json!("HMAC_256")),
                ("wrapped", foreign.clone()),
            ],
        ),
        ("secret access key", &[("account", json!("444455556666")), ("access_key_id", json!("AKIA7777777777777776"))]),
        ("token", &[("aad", json!("00")), ("wrapped", foreign)]),
    ] {
        let good = find(kind);
        let mut altered = bytes(&good["wrapped"]);
        *altered.last_mut().unwrap() ^= 1;
        let short = bytes(&good["wrapped"])[..20].to_vec();
        let damaged = [("wrapped", json!(const_hex::encode(altered))), ("wrapped", json!(const_hex::encode(short)))];
        for (index, (field, value)) in changes.iter().chain(&damaged).enumerate() {
            let mut vector = good.clone();
            vector["name"] = format!("{kind}, change {index}: other {field}").into();
            vector[*field] = value.clone();
            if *field == "key_spec" {
                vector["key_usage"] = "GENERATE_VERIFY_MAC".into();
            }
            vector.as_object_mut().unwrap().remove("opened");
            vectors.push(vector);
        }
    }
    vectors
}

fn open_record(cluster: &ClusterKey, vector: &Value) -> Option<Vec<u8>> {
    let wrapped = bytes(&vector["wrapped"]);
    if text(&vector["kind"]) == "token" {
        let key = cluster.token_key(TokenPurpose::Marker).unwrap();
        return key.open(&bytes(&vector["aad"]), &wrapped).map(|opened| opened.as_bytes().to_vec());
    }
    let scope = scope(text(&vector["account"]), text(&vector["region"]));
    let version = number(&vector["version"]);
    let domain = || {
        let secret =
            crate::Secret::fill_with(|slot| const_hex::decode_to_slice(text(&vector["domain_key"]), slot)).unwrap();
        DomainKey::from_secret(scope, version, secret).unwrap()
    };
    match text(&vector["kind"]) {
        "domain key" => {
            let opened = cluster.unwrap_domain_key(scope, version, &wrapped).ok()?;
            Some(opened.secret().expose().to_vec())
        }
        "backing key" => {
            let spec = KeySpec::from_name(text(&vector["key_spec"])).unwrap();
            let binding: BackingKeyBinding = binding(text(&vector["key_id"]), spec);
            let id = KeyMaterialId::from_bytes(bytes(&vector["key_material_id"]).try_into().unwrap());
            let opened = domain().unwrap_backing_key(binding, &id, &wrapped).ok()?;
            opened.check_material_id().unwrap();
            Some(opened.material().to_vec())
        }
        "secret access key" => {
            let opened = domain().unwrap_secret_access_key(&text(&vector["access_key_id"]).parse().unwrap(), &wrapped);
            Some(opened.ok()?.expose().as_bytes().to_vec())
        }
        other => panic!("{other}"),
    }
}

fn context(pairs: Pairs<'_>) -> EncryptionContext {
    let owned = pairs.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
    EncryptionContext::from_pairs(owned).unwrap()
}

pub(crate) fn compare_or_write(name: &str, vectors: Value) {
    if std::env::var_os("CLAVIGER_WRITE_TEST_VECTORS").is_some() {
        std::fs::create_dir_all(path(name).parent().unwrap()).unwrap();
        std::fs::write(path(name), serde_json::to_string_pretty(&vectors).unwrap() + "\n").unwrap();
    }
    assert_eq!(read(name), vectors, "{name}");
}

pub(crate) fn read(name: &str) -> Value {
    serde_json::from_str(&std::fs::read_to_string(path(name)).unwrap()).unwrap()
}

fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/test-vectors").join(name)
}

pub(crate) fn array(value: &Value) -> &[Value] {
    value.as_array().unwrap()
}

pub(crate) fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

pub(crate) fn number(value: &Value) -> u32 {
    value.as_u64().unwrap().try_into().unwrap()
}

pub(crate) fn bytes(value: &Value) -> Vec<u8> {
    const_hex::decode(text(value)).unwrap()
}
