//! Usage after a stop at any moment is what the whole log and the imports amount to.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use claviger_tlog::simulation::{Disk, FILE_BYTES_MAX, Random};
use claviger_types::{AccountId, KeyArn, Timestamp};
use claviger_usage::{Day, Origin, Settings, Usage};
use serde_json::{Value, json};

use super::cloudtrail_file_tests::{decrypt_of, file_of};
use super::folding::Folding;
use super::follower::Counting;
use super::importing::{Imported, Upload};
use crate::audit::{Entries, FollowedEntry, Followers, Log, Place};
use crate::testing::test_events::parsed;
use crate::testing::test_files::TestFiles;
use crate::testing::test_kms::{HOME, REGION, TestKms, statement};
use crate::{AuditSettings, Error, Settings as CoreSettings};

/// A deployment, and what outlives its processes.
struct Machine {
    kms: TestKms,
    /// A key that was used.
    key: String,
    /// Events that end up in the log.
    events: Vec<Vec<u8>>,
    log: Disk,
    usage: Disk,
}

/// The writer and its follower.
struct Process {
    log: Log,
    followers: Followers,
    counting: Counting,
}

impl Machine {
    fn new(settings: CoreSettings) -> Self {
        let kms = TestKms::with_settings(settings);
        let keys = [kms.key(), kms.key(), kms.admin().key("HMAC_256")];
        let ann = kms.admin().user("ann", &statement("Allow", "kms:Encrypt", "*"));
        for number in 0..4 {
            let blob = kms.admin().encrypt(&keys[number % 2], "AAAA");
            kms.ok("Decrypt", json!({"CiphertextBlob": blob}));
            let tenant = json!({"tenant": format!("t{number}")});
            ann.ok("Encrypt", json!({"KeyId": keys[0], "Plaintext": "AAAA", "EncryptionContext": tenant}));
            ann.call("Decrypt", json!({"CiphertextBlob": blob})).unwrap_err();
            kms.ok("ReEncrypt", json!({"CiphertextBlob": blob, "DestinationKeyId": keys[1]}));
            kms.ok("GenerateMac", json!({"KeyId": keys[2], "Message": "AAAA", "MacAlgorithm": "HMAC_SHA_256"}));
            kms.ok("ListKeys", json!({}));
            kms.pass(Duration::from_secs(3600 * 13));
        }
        let [key, ..] = keys;
        let mut events = kms.events();
        // Whatever else is in the log is no use.
        events.insert(7, b"no event".to_vec());
        Self { kms, key, events, log: Disk::default(), usage: Disk::default() }
    }

    /// What all events amount to.
    fn whole(&self) -> Vec<u8> {
        let mut folding = Folding::new(Usage::new(Settings::default(), 0, Timestamp::from_millis(0)));
        (0..).zip(&self.events).for_each(|(index, event)| folding.push(FollowedEntry::of(index, event)));
        folding.count();
        let mut bytes = Vec::new();
        folding.usage().write_snapshot(&mut bytes).unwrap();
        bytes
    }

    fn place(&self) -> Place {
        Place::new(&self.kms.view(), Arc::new(self.log.clone())).unwrap()
    }

    fn start(&self) -> Process {
        let log = Log::open(self.place()).unwrap();
        let mut followers = Followers::default();
        let follower = followers.add(self.place(), 0);
        followers.opened(log.size());
        // A snapshot may be as long as it likes.
        let files = Arc::new(TestFiles::new(self.usage.clone()).before_reads(|most| most.min(FILE_BYTES_MAX)));
        let service = Arc::clone(self.kms.service());
        service.usage().put(None);
        Process { log, followers, counting: Counting::open(service, follower, files).unwrap() }
    }

    /// Writes all events, counts them, and writes a snapshot.
    fn finish(&self) {
        let mut process = self.start();
        process.append(&self.events, usize::MAX);
        process.turn();
        process.counting.save().unwrap();
    }

    fn snapshot(&self) -> Option<Vec<u8>> {
        self.usage.contents().remove("snapshot")
    }

    /// What the snapshot says of uses: those that are logged, as text, and how often each principal's were imported.
    fn counted(&self) -> (BTreeSet<String>, BTreeMap<String, u64>) {
        let usage = Usage::read_snapshot(Settings::default(), &self.snapshot().unwrap()[..]).unwrap();
        let (mut logged, mut imported) = (BTreeSet::new(), BTreeMap::new());
        for key in usage.keys() {
            for row in key.rows(Day::FIRST..=Day::LAST, None) {
                if row.origin == Origin::Imported {
                    *imported.entry(row.detail.unwrap().principal_id.to_owned()).or_default() += row.count;
                } else {
                    let (period, count, first, last) = (row.period, row.count, row.first, row.last);
                    let keys: Vec<_> = row.detail.into_iter().flat_map(|detail| detail.context_keys).collect();
                    let (kind, detail) =
                        ((row.operation, row.outcome), row.detail.map(|detail| (detail.principal, keys)));
                    logged.insert(format!("{} {kind:?} {period:?} {detail:?} {count} {first} {last}", key.arn()));
                }
            }
        }
        (logged, imported)
    }

    /// A file with a use by each of these principals, whose events are called after them.
    fn file(&self, principals: impl IntoIterator<Item = usize>) -> Vec<u8> {
        let record = |principal: usize| {
            let mut record = decrypt_of(&self.arn().to_string());
            record["eventID"] = json!(format!("00000000-0000-4000-8000-{principal:012}"));
            record["userIdentity"]["principalId"] = json!(principal.to_string());
            record
        };
        file_of(&principals.into_iter().map(record).collect::<Vec<Value>>())
    }

    /// Imports a file, which a process counts in its next turn.
    fn import(&self, process: &mut Process, file: Vec<u8>) -> Result<Imported, Error> {
        let (importing, view) = (self.kms.service().importing(), self.kms.view());
        let upload =
            Upload { file: file.into(), account: HOME.parse().unwrap(), key_ids: HashMap::new(), at: self.kms.now() };
        self.kms.block_on(async {
            let read = importing.read(importing.admit(upload.account)?, upload, view).await?;
            let turn = async { process.counting.turn(Duration::ZERO) };
            let (imported, more) = tokio::join!(importing.import(read), turn);
            assert!(more);
            imported
        })
    }

    fn arn(&self) -> KeyArn {
        let account: AccountId = HOME.parse().unwrap();
        KeyArn { region: REGION.parse().unwrap(), account, id: self.key.parse().unwrap() }
    }
}

impl Process {
    /// Writes so many of the events that are not in the log yet.
    fn append(&mut self, events: &[Vec<u8>], count: usize) {
        let first = self.log.size();
        let written = usize::try_from(first).unwrap();
        let group: Vec<_> = events[written..].iter().take(count).cloned().collect();
        self.log.commit(&group.iter().map(Vec::as_slice).collect::<Vec<_>>()).unwrap();
        self.followers.committed(first, group.into_iter().map(Entries::one).collect());
    }

    /// Takes what was announced, and counts it.
    fn turn(&mut self) {
        for _ in 0..10 {
            self.counting.turn(Duration::ZERO);
        }
        self.counting.count();
    }
}

/// The process ends at any moment, the power goes at any moment of the disk, and more was written than was followed.
#[test]
fn a_stop_at_any_moment() {
    let mut machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    let whole = machine.whole();
    let (mut behind, mut from_snapshot) = (0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        (machine.log, machine.usage) = (Disk::default(), Disk::default());
        for _ in 0..3 {
            let mut process = machine.start();
            for _ in 0..random.below(20) {
                match random.below(8) {
                    0 => process.turn(),
                    1 => assert!(process.counting.turn(Duration::ZERO)),
                    2 => process.counting.save().unwrap(),
                    _ => process.append(&machine.events, 1 + random.below(3)),
                }
            }
            behind += usize::from(process.log.size() > 8 && machine.snapshot().is_none());
            drop(process);
            let (mut image, operations) = machine.usage.history();
            let moment = random.below(operations.len() + 1);
            operations[..moment].iter().for_each(|operation| image.apply(operation));
            machine.usage = Disk::new(image.after_power_loss(&mut random));
            from_snapshot += usize::from(machine.snapshot().is_some());
        }
        machine.finish();
        assert!(machine.snapshot() == Some(whole.clone()), "seed {seed}");
        assert!(!machine.usage.contents().contains_key("snapshot.unusable"), "seed {seed}");
    }
    assert!(behind > 10 && from_snapshot > 30, "{behind} {from_snapshot}");
}

/// Principals of the files that are imported, some of which are in two of them.
const FILES: [std::ops::Range<usize>; 4] = [0..3, 2..6, 6..7, 5..9];

/// The same with imports: what was answered stays counted, and nothing is counted twice, however often it comes.
#[test]
fn imports_and_a_stop_at_any_moment() {
    let mut machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    machine.finish();
    let (logged, none) = machine.counted();
    assert!(!logged.is_empty() && none.is_empty());
    let (mut answered_and_kept, mut from_snapshot, mut lost) = (0, 0, 0);
    for seed in 0..60 {
        let mut random = Random::new(seed);
        (machine.log, machine.usage) = (Disk::default(), Disk::default());
        let mut kept = BTreeSet::new();
        for _ in 0..3 {
            let mut process = machine.start();
            // What was answered, and how much had happened to the disk then.
            let mut answered: Vec<(usize, std::ops::Range<usize>)> = Vec::new();
            for _ in 0..random.below(16) {
                match random.below(8) {
                    0 => process.turn(),
                    1 => process.counting.save().unwrap(),
                    2 | 3 => process.append(&machine.events, 1 + random.below(3)),
                    _ => {
                        let principals = FILES[random.below(FILES.len())].clone();
                        match machine.import(&mut process, machine.file(principals.clone())) {
                            Ok(imported) => {
                                assert_eq!(imported.accepted + imported.duplicates, principals.len() as u64);
                                answered.push((machine.usage.history().1.len(), principals));
                            }
                            Err(error) => assert!(matches!(error, Error::Throttled), "{error:?}"),
                        }
                    }
                }
            }
            drop(process);
            let (mut image, operations) = machine.usage.history();
            let moment = random.below(operations.len() + 1);
            operations[..moment].iter().for_each(|operation| image.apply(operation));
            machine.usage = Disk::new(image.after_power_loss(&mut random));
            let all = answered.len();
            let before = answered.into_iter().filter(|(at, _)| *at <= moment).map(|(_, principals)| principals);
            let before: Vec<_> = before.collect();
            lost += all - before.len();
            kept.extend(before.into_iter().flatten());
            from_snapshot += usize::from(machine.snapshot().is_some());
        }
        answered_and_kept += kept.len();
        if random.below(3) == 0 {
            machine.usage.put("snapshot", None);
        }
        machine.finish();
        let (logged_now, imported) = machine.counted();
        assert_eq!(logged_now, logged, "seed {seed}");
        assert!(imported.values().all(|count| *count == 1), "seed {seed}: {imported:?}");
        assert!(kept.iter().all(|principal| imported.contains_key(&principal.to_string())), "seed {seed}: {kept:?}");

        let mut process = machine.start();
        process.turn();
        for principals in FILES {
            machine.import(&mut process, machine.file(principals)).unwrap();
        }
        process.counting.save().unwrap();
        let all: BTreeMap<_, _> = (0..9).map(|principal: usize| (principal.to_string(), 1)).collect();
        assert_eq!(machine.counted(), (logged.clone(), all), "seed {seed}");
    }
    assert!(answered_and_kept > 60 && from_snapshot > 60 && lost > 20, "{answered_and_kept} {from_snapshot} {lost}");
}

#[test]
fn what_an_import_is_answered() {
    let machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    machine.finish();
    let mut process = machine.start();
    let early = machine.import(&mut process, machine.file(0..3));
    assert!(matches!(early, Err(Error::Throttled)), "usage is being read: {early:?}");
    process.turn();
    let imported = |accepted, duplicates, keys| Imported { accepted, duplicates, keys, ..Imported::default() };
    for (principals, want) in
        [([0, 1, 2, 1], imported(3, 1, 1)), ([2, 3, 4, 0], imported(2, 2, 1)), ([0, 1, 2, 3], imported(0, 4, 0))]
    {
        assert_eq!(machine.import(&mut process, machine.file(principals)).unwrap(), want, "{principals:?}");
    }
    let files =
        || machine.usage.contents().into_keys().filter(|path| path.starts_with("imported/")).collect::<Vec<_>>();
    let [first, second] = ["imported/0000000000", "imported/0000000001"].map(str::to_owned);
    assert_eq!(files(), [first.clone(), second.clone()], "nothing is kept of what was imported before");
    let totals = machine.kms.service().usage().totals();
    assert_eq!(totals.imported_uses, 5);

    // What a newer release wrote stays, and nothing is told without it.
    drop(process);
    let bytes = machine.usage.contents().remove(&second).unwrap();
    let mut newer = bytes.clone();
    newer[15] = b'9';
    machine.usage.put(&second, Some(newer));
    let mut process = machine.start();
    process.turn();
    assert_eq!(files(), [first.clone(), second.clone()]);
    assert!(machine.kms.service().usage().last_uses().is_none());

    // What is damaged and not counted yet is set aside, and may be imported again.
    drop(process);
    machine.usage.put(&second, Some(bytes[1..].to_vec()));
    let mut process = machine.start();
    process.turn();
    assert_eq!(files(), [first.clone(), format!("{second}.unusable")]);
    assert_eq!(machine.import(&mut process, machine.file(0..5)).unwrap(), imported(2, 3, 1));
    process.counting.save().unwrap();
    drop(process);
    // What is counted already, nobody can tell whether it comes again.
    machine.usage.put(&first, Some(vec![1; 100]));
    let mut process = machine.start();
    process.turn();
    let refused = machine.import(&mut process, machine.file(5..6));
    assert!(matches!(&refused, Err(Error::Internal(reason)) if reason.contains("not kept")), "{refused:?}");
    assert_eq!(machine.counted().1.len(), 5);
}

#[test]
fn a_snapshot_that_cannot_be_used() {
    let mut machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    machine.finish();
    let whole = machine.snapshot().unwrap();
    assert!(whole == machine.whole());
    let (mut damaged, mut newer) = (whole.clone(), whole.clone());
    damaged[100] ^= 1;
    newer[15] = b'9';
    for (name, bytes) in [("damaged", damaged), ("newer", newer), ("cut", whole[..200].to_vec()), ("empty", Vec::new())]
    {
        machine.usage.put("snapshot", Some(bytes.clone()));
        machine.finish();
        assert!(machine.snapshot() == Some(whole.clone()), "{name}");
        assert!(machine.usage.contents().get("snapshot.unusable") == Some(&bytes), "{name}");
    }
    // The log was taken back to an earlier day.
    machine.log = Disk::default();
    machine.events.truncate(5);
    machine.finish();
    assert!(machine.snapshot() == Some(machine.whole()));
}

/// Nothing is told before the log is read, and nothing old once it cannot be.
#[test]
fn a_log_that_cannot_be_read() {
    let machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    machine.finish();
    let known = machine.kms.service().usage().last_uses().unwrap();
    assert!(known.of_key(&machine.arn()).is_some());
    machine.usage.put("snapshot", None);
    let whole = machine.log.contents();
    let entries: BTreeMap<_, _> = whole.iter().filter(|(path, _)| path.contains("entries")).collect();
    assert!(!entries.is_empty());
    // The writer has read what it needs before.
    let mut process = machine.start();
    for path in entries.keys() {
        machine.log.put(path, Some(vec![0; 10]));
    }
    process.turn();
    assert!(machine.kms.service().usage().last_uses().is_none());
    drop(process);
    for (path, bytes) in entries {
        machine.log.put(path, Some(bytes.clone()));
    }
    let mut process = machine.start();
    assert!(machine.kms.service().usage().last_uses().is_none());
    process.turn();
    let known = machine.kms.service().usage().last_uses().unwrap();
    assert!(known.of_key(&machine.arn()).is_some());
}

/// Without a snapshot, tracking begins with what a pruned log still holds.
#[test]
fn a_log_that_was_pruned() {
    let mut machine = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    let events = machine.events.clone();
    machine.events = (0..600).map(|number| events[number % events.len()].clone()).collect();
    machine.finish();
    let key = Arc::clone(machine.kms.view().key(machine.arn().region, machine.arn().id).unwrap());
    let far = machine.kms.now() + Duration::from_secs(1_000_000);
    let since = || machine.kms.service().usage().last_uses().unwrap().tracking_since(&key, far);
    assert_eq!(since(), key.created_at);
    let mut log = Log::open(machine.place()).unwrap();
    log.prune(300).unwrap();
    assert_eq!(log.kept_from(), 256);
    drop(log);
    machine.finish();
    assert_eq!(since(), key.created_at, "the snapshot knows what was pruned");
    machine.usage.put("snapshot", None);
    machine.finish();
    let first_kept = parsed(&machine.events[256]).at;
    assert_eq!(since(), Timestamp::from_millis(first_kept).max(key.created_at));
    let totals = machine.kms.service().usage().totals();
    assert_eq!(totals.entries, 600);
}

/// While requests leave no events, nothing is known of since when: not even after a stop without warning.
#[test]
fn while_requests_leave_no_events() {
    const DAY: Duration = Duration::from_secs(86_400);
    let first = Machine::new(CoreSettings { dev_clock: true, ..CoreSettings::default() });
    first.finish();
    // Others with the same log and the same snapshot.
    let after = |requests| {
        let audit = AuditSettings { requests, ..AuditSettings::default() };
        let kms = TestKms::with_settings(CoreSettings { dev_clock: true, audit, ..CoreSettings::default() });
        let (key, events, usage) = (kms.key(), first.events.clone(), first.usage.clone());
        let machine = Machine { kms, key, events, log: Disk::default(), usage };
        Log::open(machine.place())
            .unwrap()
            .commit(&machine.events.iter().map(Vec::as_slice).collect::<Vec<_>>())
            .unwrap();
        machine
    };
    let told = |machine: &Machine, later| {
        let mut process = machine.start();
        process.turn();
        let view = machine.kms.view();
        let (key, now) = (view.key(machine.arn().region, machine.arn().id).unwrap(), machine.kms.now());
        let known = machine.kms.service().usage().last_uses().unwrap();
        (known.days_without_use(key, now + later), known.tracking_since(key, now + later) == now + later)
    };
    assert_eq!(told(&after(true), 40 * DAY), (40, false));
    assert_eq!(told(&after(false), 40 * DAY), (0, true));
    assert_eq!(told(&after(true), 40 * DAY), (40, false), "since the last start");
    let tracked = after(true);
    tracked.finish();
    tracked.kms.pass(50 * DAY);
    assert_eq!(told(&tracked, 40 * DAY), (90, false), "a later start changes nothing");
}
