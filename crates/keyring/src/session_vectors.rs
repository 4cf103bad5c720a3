//! The vectors of sessions, MFA devices and the audit key in `docs/test-vectors/`: see `test_vectors.rs`.

use claviger_types::SessionKeyId;
use serde_json::{Value, json};

use crate::audit_key::AuditKey;
use crate::error::ModuleFailed;
use crate::fixture::{cluster_key, counting, domain_key, secret};
use crate::mfa_seed::MfaSeed;
use crate::secret::Secret;
use crate::session_key::SessionKey;
use crate::test_vectors::{array, bytes, compare_or_write, number, read, text};

const ACCESS_KEY_ID: &str = "ASIA7777777777777777";

#[test]
fn sessions_are_sealed_as_ever() {
    compare_or_write("sessions-v1.json", vectors());
}

#[test]
fn good_ones_open_and_bad_ones_do_not() {
    let file = read("sessions-v1.json");
    for (list, opens) in [("good", true), ("bad", false)] {
        for vector in array(&file[list]) {
            let want = opens.then(|| bytes(&vector["opened"]));
            assert_eq!(open(vector), want, "{list}: {}", vector["name"]);
        }
    }
    assert!(array(&file["good"]).len() >= 5 && array(&file["bad"]).len() >= 15);
}

fn session_key() -> SessionKey {
    SessionKey::from_secret(9, secret(0x60)).unwrap()
}

fn vectors() -> Value {
    let good = good();
    json!({
        "format": "docs/message-format.md, sessions, MFA devices and log keys, version 1",
        "cluster_key": { "version": 3, "key": const_hex::encode(cluster_key().secret().expose()) },
        "bad": bad(&good),
        "good": good,
    })
}

fn good() -> Vec<Value> {
    let (session_key, id) = (session_key(), ACCESS_KEY_ID.parse::<SessionKeyId>().unwrap());
    let key = const_hex::encode(session_key.secret().expose());
    let wrapped = cluster_key().wrap_session_key_with_iv(&session_key, counting(0xa5)).unwrap();
    let token = session_key.seal_with_n(&id, b"what the session is", counting(0xa6)).unwrap();
    let secret_access_key = session_key.secret_access_key(&id).unwrap();
    let domain = domain_key("111122223333", "", 7);
    let seed: Secret<20> = Secret::fill_with(|bytes| {
        *bytes = counting(0x10);
        Ok::<(), ModuleFailed>(())
    })
    .unwrap();
    let seed = MfaSeed::from_secret(seed);
    let wrapped_seed = domain.wrap_mfa_seed_with_iv(&counting(0x90), &seed, counting(0xa7)).unwrap();
    let audit_key = AuditKey::from_seed(9, secret(0x70)).unwrap();
    let wrapped_audit_key = cluster_key().wrap_audit_key_with_iv(&audit_key, counting(0xa8)).unwrap();
    vec![
        json!({
            "name": "log key", "kind": "log key", "version": 9,
            "opened": const_hex::encode(audit_key.seed().expose()), "wrapped": const_hex::encode(wrapped_audit_key),
        }),
        json!({
            "name": "session key", "kind": "session key", "version": 9,
            "opened": key, "wrapped": const_hex::encode(wrapped),
        }),
        json!({
            "name": "session token", "kind": "session token", "version": 9, "session_key": key,
            "access_key_id": ACCESS_KEY_ID, "opened": const_hex::encode("what the session is"),
            "wrapped": const_hex::encode(token),
        }),
        json!({
            "name": "secret access key of a session", "kind": "session secret", "version": 9, "session_key": key,
            "access_key_id": ACCESS_KEY_ID, "opened": const_hex::encode(secret_access_key.expose()), "wrapped": "",
        }),
        json!({
            "name": "seed of an MFA device", "kind": "mfa seed", "account": "111122223333", "region": "", "version": 7,
            "domain_key": const_hex::encode(domain.secret().expose()), "device": const_hex::encode(counting::<16>(0x90)),
            "opened": const_hex::encode(seed.secret().expose()), "wrapped": const_hex::encode(wrapped_seed),
        }),
    ]
}

/// Each good vector that is wrapped, with one thing changed.
fn bad(good: &[Value]) -> Vec<Value> {
    let mut vectors = Vec::new();
    for vector in good.iter().filter(|vector| text(&vector["kind"]) != "session secret") {
        let mut altered = bytes(&vector["wrapped"]);
        *altered.last_mut().unwrap() ^= 1;
        let short = bytes(&vector["wrapped"])[..36].to_vec();
        let changes = [
            ("version", json!(8)),
            ("access_key_id", json!("ASIA7777777777777776")),
            ("session_key", json!("00".repeat(32))),
            ("account", json!("444455556666")),
            ("device", json!("00".repeat(16))),
            ("wrapped", json!(const_hex::encode(altered))),
            ("wrapped", json!(const_hex::encode(short))),
        ];
        for (field, value) in changes.iter().filter(|(field, _)| vector.get(field).is_some()) {
            let mut vector = vector.clone();
            vector["name"] = format!("{}, other {field}", text(&vector["name"])).into();
            vector[*field] = value.clone();
            vector.as_object_mut().unwrap().remove("opened");
            vectors.push(vector);
        }
    }
    vectors
}

fn open(vector: &Value) -> Option<Vec<u8>> {
    let (wrapped, version) = (bytes(&vector["wrapped"]), number(&vector["version"]));
    let session_key = || {
        let secret = Secret::fill_with(|slot| const_hex::decode_to_slice(text(&vector["session_key"]), slot)).unwrap();
        SessionKey::from_secret(version, secret).unwrap()
    };
    let id = || text(&vector["access_key_id"]).parse::<SessionKeyId>().unwrap();
    match text(&vector["kind"]) {
        "session key" => {
            let opened = cluster_key().unwrap_session_key(version, &wrapped).ok()?;
            Some(opened.secret().expose().to_vec())
        }
        "log key" => Some(cluster_key().unwrap_audit_key(version, &wrapped).ok()?.seed().expose().to_vec()),
        "session token" => session_key().open(&id(), &wrapped).map(|opened| opened.as_bytes().to_vec()),
        "session secret" => Some(session_key().secret_access_key(&id()).unwrap().expose().as_bytes().to_vec()),
        "mfa seed" => {
            let domain = domain_key(text(&vector["account"]), text(&vector["region"]), version);
            let device = bytes(&vector["device"]).try_into().unwrap();
            Some(domain.unwrap_mfa_seed(&device, &wrapped).ok()?.secret().expose().to_vec())
        }
        other => panic!("{other}"),
    }
}
