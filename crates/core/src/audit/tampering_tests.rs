//! The log as the server writes it, altered by somebody: each single change of any of its files is found and named, and
//! who holds the audit key and writes everything anew is caught by a checkpoint that was kept elsewhere.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use claviger_tlog::simulation::{Disk, Random};
use claviger_tlog::{Files, LogError, SignedCheckpoint, Signer, VerifierKey, Writer, verify};
use serde_json::json;

use super::Place;
use super::log::origin;
use crate::testing::test_log::TestLog;
use crate::view::DeploymentAuditKey;
use crate::{Settings, jobs};

/// Changes that are tried on each file.
const CHANGES_PER_FILE: usize = 150;

/// Of which so many changed something.
const CHANGES_MIN: usize = 2_000;

/// A log of several bundles with commands, uses and jobs in it, two rotations, a pruned beginning, and partial files of
/// several commits.
fn written() -> TestLog {
    let mut log = TestLog::new(Settings { dev_clock: true, ..Settings::default() });
    let day = Duration::from_secs(86_400);
    log.fill(300, day);
    for size in [700, 1_025] {
        log.kms.ok("RotateAuditKey", json!({}));
        log.meet();
        for _ in 0..2 {
            log.block_on(jobs::persist(&log.service));
            log.turn();
        }
        log.meet();
        log.fill(size, day);
    }
    log.service.audit_upkeep().prune(256);
    for number in 0..4 {
        log.kms.ok("CreateUser", json!({"UserName": format!("user-{number}")}));
        log.turn();
    }
    log
}

fn contents(files: &dyn Files, folder: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    for name in files.list(folder).unwrap() {
        let path = if folder.is_empty() { name } else { format!("{folder}/{name}") };
        match files.list(&path) {
            Ok(_) => contents(files, &path, found),
            Err(_) => drop(found.insert(path.clone(), files.read(&path, 1 << 30).unwrap())),
        }
    }
}

/// A disk with these files.
fn disk_of(files: &BTreeMap<String, Vec<u8>>) -> Disk {
    let disk = Disk::default();
    for (path, bytes) in files {
        let slashes = path.match_indices('/').map(|(at, _)| &path[..at]);
        slashes.for_each(|folder| disk.create_directory(folder).unwrap());
        disk.write(path, bytes).unwrap();
    }
    disk
}

/// What somebody might do to a file, and in what words.
fn change(bytes: &[u8], others: &[&Vec<u8>], random: &mut Random) -> (Option<Vec<u8>>, &'static str) {
    let mut changed = bytes.to_vec();
    let (at, other) = (random.below(bytes.len()), random.below(bytes.len()));
    let how = match random.below(8) {
        0 => return (None, "removed"),
        1 => {
            changed.truncate(at);
            "truncated"
        }
        2 => {
            changed.extend_from_slice(&bytes[at..]);
            "longer"
        }
        3 => {
            drop(changed.drain(..at));
            "without its beginning"
        }
        4 => {
            changed.swap(at, other);
            "two bytes exchanged"
        }
        5 => {
            changed.clone_from(others[random.below(others.len())]);
            "replaced by another file"
        }
        6 => {
            changed.rotate_left(at);
            "turned"
        }
        _ => {
            changed[at] ^= 1 << random.below(8);
            "a bit changed"
        }
    };
    (Some(changed), how)
}

#[test]
fn each_single_change_is_found_and_named() {
    let log = written();
    let place = Place::new(&log.service.view(), Arc::clone(&log.files)).unwrap();
    let (checkpoint, key) = {
        let reader = place.reader().unwrap();
        (reader.checkpoint().checkpoint().clone(), reader.keys().keys().next().unwrap().clone())
    };
    let mut files = BTreeMap::new();
    contents(&*log.files, "", &mut files);
    // For copying only: it proves nothing, and the writer holds the other.
    files.retain(|path, _| path != "verifier-key" && path != "lock");
    for part in ["checkpoint", "pruned", "keys/002", "tile/0/002", "tile/1/000.p/4", "tile/entries/003"] {
        assert!(files.contains_key(part), "{part} is not in {:?}", files.keys());
    }
    assert!(!files.contains_key("tile/entries/000"), "it was pruned");
    let whole = disk_of(&files);
    let verified = |disk: &Disk| verify(Arc::new(disk.clone()), &key, None, &mut |_, _| {});
    assert_eq!(verified(&whole).unwrap().kept_from, 256);
    let others: Vec<_> = files.values().collect();
    let (mut random, mut tried) = (Random::new(5), 0);
    for (path, bytes) in &files {
        let current = if path.starts_with("tile/1/") { checkpoint.size / 256 } else { checkpoint.size % 256 };
        let superseded = path.rsplit_once(".p/").is_some_and(|(_, width)| width.parse() != Ok(current));
        for _ in 0..CHANGES_PER_FILE {
            let (changed, how) = change(bytes, &others, &mut random);
            // What nothing needs any more may be gone.
            if changed.as_ref() == Some(bytes) || changed.is_none() && superseded {
                continue;
            }
            let disk = whole.copy();
            disk.put(path, changed.clone());
            let error = verified(&disk).err().unwrap_or_else(|| panic!("{path}, {how}, is not found"));
            tried += 1;
            let LogError::Damaged(damage) = &error else { panic!("{path}, {how}: {error}") };
            let named = match path.as_str() {
                // Without its last key, a log's checkpoint is signed by a stranger; without its marker, an entry is missing.
                path if path.starts_with("keys/") => damage.file == path || changed.is_none(),
                "pruned" => damage.file == "pruned" || changed.is_none() && damage.file == "tile/entries/000",
                path => damage.file == path,
            };
            assert!(named, "{path}, {how}: {error}");
        }
    }
    assert!(tried > CHANGES_MIN, "{tried} changes");
}

/// The deployment's own key, in the hands of whoever has the data directory and the root of trust.
struct Stolen(Arc<DeploymentAuditKey>);

impl Signer for Stolen {
    fn public_key(&self) -> [u8; 32] {
        self.0.key.public_key()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.key.sign(message)
    }
}

/// An operator leaves one event out, or changes its outcome, writes the whole log anew and signs it by the current key:
/// it verifies by that key. Neither a pin nor whoever trusts an older key is deceived.
#[test]
fn a_log_that_is_written_anew_is_caught_by_a_pin() {
    let log = written();
    let view = log.service.view();
    let place = Place::new(&view, Arc::clone(&log.files)).unwrap();
    let reader = place.reader().unwrap();
    let pin = SignedCheckpoint::parse(&log.files.read("checkpoint", 1 << 20).unwrap()).unwrap();
    let first_key = reader.keys().keys().next().unwrap().clone();
    let origin = origin(view.deployment().unwrap()).unwrap();
    let stolen = view.audit_keys().next_back().unwrap();
    let current = VerifierKey::new(origin.clone(), stolen.key.public_key());
    let entries: Vec<Vec<u8>> = reader.entries(256..u64::MAX).map(|entry| entry.unwrap().1).collect();
    // Entries that were pruned stand for themselves: the hostile operator never had them.
    for (left_out, grown) in [(None, 0), (Some(700), 0), (Some(700), 500)] {
        let disk = Disk::default();
        let files: Arc<dyn Files> = Arc::new(disk.clone());
        let mut writer =
            Writer::open(Arc::clone(&files), origin.clone(), Box::new(Stolen(Arc::clone(stolen)))).unwrap();
        (0..256_u32).for_each(|number| assert!(writer.append(&number.to_be_bytes()).is_ok()));
        for (number, entry) in entries.iter().enumerate() {
            if left_out != Some(number) {
                writer.append(entry).unwrap();
            }
        }
        (0..grown).for_each(|_| assert!(writer.append(b"more").is_ok()));
        writer.commit().unwrap();
        drop(writer);
        let held = |key: &VerifierKey, pin: Option<&SignedCheckpoint>| {
            verify(Arc::clone(&files), key, pin, &mut |_, _| {}).map(drop)
        };
        held(&current, None).unwrap_or_else(|error| panic!("{left_out:?}: {error}"));
        let caught = held(&current, Some(&pin)).unwrap_err();
        assert!(matches!(caught, LogError::Pinned(_)), "{left_out:?}: {caught}");
        assert!(matches!(held(&first_key, None), Err(LogError::Untrusted(_))), "{left_out:?}");
    }
    // The log as it was written continues the pin.
    verify(Arc::clone(&log.files), &current, Some(&pin), &mut |_, _| {}).unwrap();
}
