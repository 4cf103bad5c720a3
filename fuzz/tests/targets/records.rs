//! Stored records, and whole stores with something wrong in them: what is read is written back as it was, a server that
//! starts on a store which the examination finds whole serves from it, and nothing panics.

use std::sync::Arc;

use claviger_core::Error;
use claviger_core::records::{
    self, AccessKeyOwnerRecord, AccountAliasRecord, AccountRecord, AliasRecord, AuditKeyRecord, AuditPositionRecord,
    ClusterKeyRecord, DeploymentRecord, DevClockRecord, DomainKeyRecord, EventRecord, GrantRecord, GroupRecord,
    KeyRecord, ManagedPolicyRecord, MfaDeviceRecord, NamedGrantRecord, Record, RoleRecord, SessionKeyRecord,
    SessionRecord, SessionRevocationRecord, UserRecord,
};
use claviger_fuzz::{Bytes, Campaign, Choices, Driver, Edited, Request, ValueGenerator};
use claviger_storage::{MemoryStore, OPERATIONS_MAX, Store, Transaction, Write};
use serde_json::json;

use crate::world::{Caller, HOME, World, findings, row, start};

/// Every record of a deployment as every kind.
pub fn stored_records(campaign: Campaign) {
    let samples: Vec<Vec<u8>> = World::new().records().into_iter().map(|(_, value)| value).collect();
    let words: [&[u8]; 8] =
        [&[0xff], &[0x9f], &[0xbf], &[0x80], &[0xa0], &[0xf6], &[0x1b; 9], &[0x5a, 0xff, 0xff, 0xff, 0xff]];
    campaign.run(Edited::new(samples, words), |Bytes(bytes)| {
        stays::<AccessKeyOwnerRecord>(bytes)
            | stays::<AccountAliasRecord>(bytes)
            | stays::<AccountRecord>(bytes)
            | stays::<AliasRecord>(bytes)
            | stays::<AuditPositionRecord>(bytes)
            | stays::<ClusterKeyRecord>(bytes)
            | stays::<DeploymentRecord>(bytes)
            | stays::<DevClockRecord>(bytes)
            | stays::<DomainKeyRecord>(bytes)
            | event_stays(bytes)
            | stays::<GrantRecord>(bytes)
            | stays::<GroupRecord>(bytes)
            | stays::<KeyRecord>(bytes)
            | stays::<AuditKeyRecord>(bytes)
            | stays::<ManagedPolicyRecord>(bytes)
            | stays::<MfaDeviceRecord>(bytes)
            | stays::<NamedGrantRecord>(bytes)
            | stays::<RoleRecord>(bytes)
            | stays::<SessionKeyRecord>(bytes)
            | stays::<SessionRecord>(bytes)
            | stays::<SessionRevocationRecord>(bytes)
            | stays::<UserRecord>(bytes)
    });
}

/// What is read is written, and read again as the same.
fn stays<R: Record + PartialEq + std::fmt::Debug>(bytes: &[u8]) -> bool {
    let Ok(record) = records::decode::<R>(bytes) else { return false };
    assert_eq!(&bytes[..2], [R::KIND, R::VERSION]);
    assert_eq!(records::decode::<R>(&records::encode(&record)).as_ref(), Ok(&record));
    true
}

/// The same of an event, which is read where it stands.
fn event_stays(bytes: &[u8]) -> bool {
    let Ok(event) = EventRecord::parse(bytes) else { return false };
    event.parameters.iter().chain(&event.response).for_each(|shown| drop(shown.value()));
    assert_eq!(EventRecord::parse(&event.to_bytes()), Ok(event));
    true
}

/// What is done to a store.
#[derive(Debug, Clone)]
enum Damage {
    EditPath(usize, Bytes),
    EditValue(usize, Bytes),
    Remove(usize),
    Swap(usize, usize),
}

struct Damages {
    records: Vec<(String, Vec<u8>)>,
    paths: Edited,
    values: Edited,
}

impl ValueGenerator for Damages {
    type Output = Vec<Damage>;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Vec<Damage>> {
        let mut choices = Choices::new(driver);
        let damages = (0..choices.below(3)).map(|_| {
            let index = choices.below(self.records.len());
            let (path, value) = &self.records[index];
            match choices.below(8) {
                0 => Damage::Remove(index),
                1 => Damage::Swap(index, choices.below(self.records.len())),
                2 => Damage::EditPath(index, self.edited(&mut choices, &self.paths, path.as_bytes())),
                _ => Damage::EditValue(index, self.edited(&mut choices, &self.values, value)),
            }
        });
        Some(damages.collect())
    }
}

impl Damages {
    fn edited<D: Driver>(&self, choices: &mut Choices<'_, D>, edits: &Edited, bytes: &[u8]) -> Bytes {
        let mut bytes = bytes.to_vec();
        for _ in 0..=choices.below(2) {
            edits.edit(choices, &mut bytes);
        }
        Bytes(bytes)
    }
}

/// A deployment's store, damaged.
pub fn stored_states(campaign: Campaign) {
    let world = World::new();
    let records: Vec<_> = world.records().into_iter().filter(|(path, _)| !path.starts_with("outbox/")).collect();
    let path_words =
        ["/", "global", "us-east-1", "eu-west-1", "keys/", "aliases/", "0000000001", "111122223333", ".", "é"];
    let damages = Damages {
        paths: Edited::new(records.iter().map(|(path, _)| path), path_words),
        values: Edited::new(records.iter().map(|(_, value)| value), ["Enabled", "HMAC_384", "us-east-1", "\u{0}"]),
        records: records.clone(),
    };
    campaign.run(damages, |damages| {
        let mut records = records.clone();
        damages.iter().for_each(|damage| apply(damage, &mut records));
        let store = Arc::new(stored(&records));
        let whole = findings(store.as_ref()).is_empty();
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        match start(&shared) {
            Ok(started) => {
                serve(&world.moved_to(Arc::clone(&store), started), whole);
                true
            }
            Err(problem) => {
                store.close();
                assert!(!whole, "found whole, and yet: {problem}");
                false
            }
        }
    });
}

fn apply(damage: &Damage, records: &mut [(String, Vec<u8>)]) {
    match damage {
        Damage::EditPath(index, Bytes(path)) => records[*index].0 = String::from_utf8_lossy(path).into_owned(),
        Damage::EditValue(index, Bytes(value)) => records[*index].1.clone_from(value),
        Damage::Remove(index) => records[*index].0.clear(),
        Damage::Swap(one, other) => {
            let value = records[*one].1.clone();
            records[*one].1 = std::mem::replace(&mut records[*other].1, value);
        }
    }
}

/// A store of these records; one without a path is left out.
fn stored(records: &[(String, Vec<u8>)]) -> MemoryStore {
    let store = MemoryStore::new();
    let distinct: std::collections::BTreeMap<_, _> =
        records.iter().filter(|(path, _)| !path.is_empty()).cloned().collect();
    let writes: Vec<Write> = distinct.into_iter().map(|(path, value)| Write::Put { path, value }).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    for writes in writes.chunks(OPERATIONS_MAX) {
        let transaction = Transaction { preconditions: Vec::new(), writes: writes.to_vec() };
        runtime.block_on(store.commit(transaction)).unwrap();
    }
    store
}

/// A few requests. The service may fail only where the examination found something.
fn serve(world: &World, whole: bool) {
    for (name, body) in [
        ("DescribeKey", json!({"KeyId": world.mark("key")})),
        ("Encrypt", json!({"KeyId": "alias/app", "Plaintext": "AA=="})),
        ("Decrypt", json!({"CiphertextBlob": world.mark("ciphertext")})),
        ("ListAliases", json!({})),
        ("ListGrants", json!({"KeyId": world.mark("key")})),
        ("ListRetirableGrants", json!({"RetiringPrincipal": HOME})),
        ("ListUsers", json!({})),
        ("EnableKey", json!({"KeyId": world.mark("disabled")})),
        ("CreateKey", json!({})),
        ("CreateUser", json!({"UserName": "new"})),
    ] {
        let row = row(name);
        let body = Request { row, body }.encoded();
        if let Some(Err(Error::Internal(reason))) = world.call(&world.service.view(), Caller::Admin, row, &body) {
            assert!(!whole, "found whole, and yet {name} fails: {reason}");
        }
    }
}
