//! The index against the log: whatever happens to it, the same is found.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex};
use std::time::Duration;

use claviger_tlog::Directory;
use claviger_tlog::simulation::Random;
use claviger_types::{AccountId, Timestamp};
use proptest::prelude::*;

use super::builder::Builder;
use super::filter::{Bundles, FILE_BYTES, Filter, GroupId, StoredFilter};
use super::rows::Rows;
use super::terms::{Scope, Term, each_term};
use super::*;
use crate::Settings;
use crate::audit::follow::{Followed, Followers};
use crate::records::{Addressed, CallerKind, CallerRecord, EventKind, KeyUseRecord};
use crate::testing::test_files::TestFiles;
use crate::testing::test_kms::{HOME, REGION};
use crate::testing::test_log::TestLog;

/// Entries of the tests' log: a whole group, and so many more that two bundles follow.
const ENTRIES: u64 = GROUP + 300;

/// Those of them that one user caused.
const RARE: [u64; 5] = [ENTRIES - 1, GROUP, GROUP - 1, 300, 5];

fn home() -> AccountId {
    HOME.parse().unwrap()
}

fn event<'e>(at: i64, name: &'e str, keys: Vec<KeyUseRecord>) -> EventRecord<'e> {
    let caller = CallerRecord {
        kind: CallerKind::User,
        path: "/",
        name,
        id: "AIDAEXAMPLE",
        access_key_id: name,
        session_name: None,
        session: None,
        environment: None,
        application: None,
    };
    EventRecord {
        service: Some("kms"),
        operation: Some("Encrypt"),
        account: Some(home().as_u64()),
        region: Some(REGION),
        caller: Some(caller),
        keys: keys.into(),
        read_only: true,
        ..EventRecord::new(EventKind::Call, at, [0x11; 16])
    }
}

/// The event at this place, which was caused so many seconds after the epoch.
fn nth(place: u64) -> Vec<u8> {
    let name = if RARE.contains(&place) { "rare" } else { "busy" };
    event(1000 * i64::try_from(place).unwrap(), name, Vec::new()).to_bytes()
}

/// A log with all of the tests' entries.
fn logged(entry: impl Fn(u64) -> Vec<u8>) -> TestLog {
    let mut log = TestLog::new(Settings::default());
    let entries: Vec<_> = (0..ENTRIES).map(entry).collect();
    entries.chunks(10_000).for_each(|entries| log.commit(entries));
    log
}

fn builder(history: &EventHistory) -> Builder {
    // The writer has ended, so that nothing is waited for.
    followed_builder(history).0
}

/// The same, and the end by which the writer tells it of the log.
fn followed_builder(history: &EventHistory) -> (Builder, Followers) {
    let mut followers = Followers::default();
    let follower = IndexBuilder::follower(history, &mut followers);
    let mut builder = Builder::new(history, follower);
    tell(&followers, history);
    builder.load().unwrap();
    (builder, followers)
}

fn tell(followers: &Followers, history: &EventHistory) {
    let reader = history.place.reader().unwrap();
    followers.opened(reader.size());
    followers.pruned(reader.kept_from());
}

fn query(value: Option<&str>, times: (Option<i64>, Option<i64>)) -> Query {
    let seconds = |seconds: i64| Timestamp::from_millis(seconds * 1000);
    let attribute = value.map(|value| (Attribute::Username, value.to_owned()));
    let times = (times.0.map(seconds), times.1.map(seconds));
    Query::new((home(), REGION.parse().unwrap()), attribute, times, 50)
}

/// The places of what is found, and how many pages it took.
fn found(history: &EventHistory, query: &Query) -> (Vec<u64>, usize) {
    let (mut places, mut pages, mut below) = (Vec::new(), 0, u64::MAX);
    loop {
        let page = history.search_now(query, below).unwrap();
        places.extend(page.events.iter().map(FoundEvent::place));
        pages += 1;
        match page.below {
            Some(next) => assert!(std::mem::replace(&mut below, next) > next, "it goes on"),
            None => return (places, pages),
        }
    }
}

fn file(log: &TestLog) -> PathBuf {
    log.index().join("00000000")
}

/// Without an index the same is found, in more pages, each of which has read no more than it may.
#[test]
fn what_is_rare() {
    let log = logged(nth);
    let history = log.history();
    let rare = query(Some("rare"), (None, None));
    let all = (ENTRIES.div_ceil(BUNDLE_ENTRIES) as usize).div_ceil(BUNDLES_MAX);
    assert_eq!(found(&history, &rare), (RARE.to_vec(), all));
    assert_eq!(found(&history, &query(Some("none"), (None, None))), (Vec::new(), all));
    assert_eq!(history.search_now(&rare, GROUP).unwrap().events.len(), 1);

    let mut builder = builder(&history);
    assert_eq!(builder.turn(), Followed::Ended);
    assert_eq!(std::fs::metadata(file(&log)).unwrap().len(), FILE_BYTES as u64);
    assert_eq!(found(&history, &rare), (RARE.to_vec(), 1));
    assert_eq!(found(&history, &query(Some("none"), (None, None))), (Vec::new(), 1));
    let from = |from: u64, to: u64| query(None, (i64::try_from(from).ok(), i64::try_from(to).ok()));
    for (first, last) in [(0, 9), (1000, 1040), (GROUP - 2, GROUP + 1), (ENTRIES - 1, ENTRIES + 5), (ENTRIES, ENTRIES)]
    {
        let want: Vec<_> = (first..=last).rev().filter(|place| *place < ENTRIES).collect();
        assert_eq!(found(&history, &from(first, last)), (want, 1), "{first} to {last}");
    }

    // A later start finds the file, and does not write it again.
    let written = std::fs::metadata(file(&log)).unwrap().modified().unwrap();
    let history = log.history();
    let mut builder = self::builder(&history);
    assert_eq!(found(&history, &rare).0, RARE);
    builder.turn();
    assert_eq!(found(&history, &rare), (RARE.to_vec(), 1));
    assert_eq!(std::fs::metadata(file(&log)).unwrap().modified().unwrap(), written);

    for damage in [cut, flip, empty, remove] {
        damage(&file(&log));
        assert_eq!(found(&history, &rare).0, RARE, "no event is hidden");
        // Not every part of a file is asked by every search.
        let history = log.history();
        let mut builder = self::builder(&history);
        assert_eq!(found(&history, &rare).0, RARE);
        builder.turn();
        builder.turn();
        assert_eq!(found(&history, &rare), (RARE.to_vec(), 1), "it was made again");
    }
}

/// The index of another log, which somebody left there, is not used.
#[test]
fn an_index_of_other_entries() {
    let others = logged(|place| event(i64::try_from(place).unwrap(), "busy", Vec::new()).to_bytes());
    let history = others.history();
    builder(&history).turn();
    let log = logged(nth);
    std::fs::create_dir(log.index()).unwrap();
    std::fs::copy(file(&others), file(&log)).unwrap();
    let history = log.history();
    let mut builder = builder(&history);
    assert_eq!(found(&history, &query(Some("rare"), (None, None))).0, RARE);
    builder.turn();
    builder.turn();
    assert_eq!(found(&history, &query(Some("rare"), (None, None))), (RARE.to_vec(), 1));
}

/// What was pruned is not found, and has no file, neither at once nor after a start.
#[test]
fn what_was_pruned() {
    let mut log = logged(nth);
    let history = log.history();
    let (mut builder, followers) = followed_builder(&history);
    builder.turn();
    let rare = query(Some("rare"), (None, None));
    assert_eq!(found(&history, &rare), (RARE.to_vec(), 1));

    // In part: the group's filters stay.
    log.prune(2 * BUNDLE_ENTRIES);
    tell(&followers, &history);
    builder.turn();
    assert!(file(&log).exists());
    assert_eq!(found(&history, &rare), (RARE[..3].to_vec(), 1));
    assert_eq!(found(&history, &query(None, (Some(500), Some(520)))).0, (512..=520).rev().collect::<Vec<_>>());

    let kept = vec![RARE[0]];
    log.prune(GROUP + BUNDLE_ENTRIES);
    tell(&followers, &history);
    builder.turn();
    assert!(!file(&log).exists());
    assert_eq!(found(&history, &rare), (kept.clone(), 1));

    let history = log.history();
    std::fs::write(file(&log), []).unwrap();
    let mut builder = self::builder(&history);
    assert!(!file(&log).exists(), "a start removes what is left");
    assert_eq!(builder.turn(), Followed::Ended);
    assert_eq!(found(&history, &rare), (kept, 1));
}

/// Filters that are made anew while the first of their entries go.
#[test]
fn filters_of_what_is_being_pruned() {
    let mut log = logged(nth);
    let history = log.history();
    let mut builder = builder(&history);
    log.prune(2 * BUNDLE_ENTRIES);
    builder.turn();
    assert_eq!((builder.kept_from, file(&log).exists()), (2 * BUNDLE_ENTRIES, false), "it was not told before");
    assert_eq!(found(&history, &query(Some("rare"), (None, None))).0, RARE[..3]);
}

/// Whoever follows from before what was pruned goes on behind it, in whatever group that is.
#[test]
fn an_index_that_jumps_ahead() {
    let mut log = logged(nth);
    let history = log.history();
    let (mut builder, followers) = followed_builder(&history);
    builder.turn();
    let whole = file(&log);
    assert!(whole.exists());
    let more: Vec<_> = (ENTRIES..3 * GROUP + 10).map(nth).collect();
    more.chunks(10_000).for_each(|entries| log.commit(entries));
    log.prune(2 * GROUP + 3 * BUNDLE_ENTRIES);
    tell(&followers, &history);
    drop(followers);
    while builder.turn() == Followed::Open {}
    assert!(!whole.exists(), "its entries are gone");
    let folder = std::fs::read_dir(log.index()).unwrap();
    let names: Vec<_> = folder.map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
    assert_eq!(names, ["00000002"]);
    let none = query(Some("none"), (None, None));
    assert_eq!(found(&history, &none), (Vec::new(), 1));
    let last = i64::try_from(3 * GROUP + 9).unwrap();
    assert_eq!(found(&history, &query(Some("busy"), (Some(last), None))).0, [3 * GROUP + 9]);
}

/// While a thread makes the index of a log that grows and is pruned, and after that, the same is found.
#[test]
fn a_log_that_is_written_and_pruned_meanwhile() {
    let (mut log, follower) = TestLog::followed(Settings::default());
    let history = log.history();
    let indexing = IndexBuilder::start(&history, follower).unwrap();
    let is_rare = |place: &u64| place.is_multiple_of(7_919);
    let nth = |place: u64| {
        let name = if is_rare(&place) { "rare" } else { "busy" };
        event(1000 * i64::try_from(place).unwrap(), name, Vec::new()).to_bytes()
    };
    let rare = query(Some("rare"), (None, None));
    let (mut random, mut kept_from, mut size) = (Random::new(1), 0, 0);
    let mut want = Vec::new();
    while size < 2 * GROUP + 300 {
        let more = size + 1 + random.below(9_000) as u64;
        log.commit(&(size..more).map(nth).collect::<Vec<_>>());
        size = more;
        if random.percent(40) {
            let half = usize::try_from(size / 2 / BUNDLE_ENTRIES).unwrap();
            kept_from = kept_from.max(random.below(half + 1) as u64 * BUNDLE_ENTRIES);
            log.prune(kept_from);
        }
        want = (kept_from..size).filter(is_rare).rev().collect();
        assert_eq!(found(&history, &rare).0, want, "{size} entries, kept from {kept_from} on");
    }
    assert!(kept_from > 0);
    let _log = log.close();
    indexing.stop();
    assert_eq!(found(&history, &rare).0, want);
    let mut builder = builder(&history);
    while builder.turn() == Followed::Open {}
    assert_eq!(found(&history, &rare), (want, 1));
}

fn cut(file: &Path) {
    let bytes = std::fs::read(file).unwrap();
    std::fs::write(file, &bytes[..bytes.len() - 1]).unwrap();
}

/// One bit of each row, and of the head.
fn flip(file: &Path) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes.iter_mut().step_by(36).for_each(|byte| *byte ^= 1);
    std::fs::write(file, bytes).unwrap();
}

fn empty(file: &Path) {
    std::fs::write(file, []).unwrap();
}

fn remove(file: &Path) {
    std::fs::remove_file(file).unwrap();
}

/// A search whose log was not begun finds nothing; an entry that cannot be read is said so.
#[test]
fn logs_that_cannot_be_searched() {
    let mut log = TestLog::new(Settings::default());
    assert_eq!(found(&log.history(), &query(None, (None, None))), (Vec::new(), 1));
    log.commit(&[b"no event".to_vec()]);
    let history = log.history();
    let error = history.search_now(&query(None, (None, None)), u64::MAX).unwrap_err();
    assert!(error.to_string().starts_with("entry 0 of the audit log: "), "{error}");
    builder(&history).turn();
    assert!(history.search_now(&query(None, (None, None)), u64::MAX).is_err());
}

fn terms(event: &EventRecord<'_>) -> Vec<Term> {
    let mut terms = Vec::new();
    each_term(event, &mut |term| terms.push(term));
    terms
}

/// Of what an account may not see there is no term.
#[test]
fn terms_of_what_is_not_seen() {
    let away: AccountId = "444455556666".parse().unwrap();
    let key = KeyUseRecord {
        account: away.as_u64(),
        id: [0x22; 16],
        multi_region: false,
        addressed: Addressed::Alias,
        material: None,
        grant: None,
    };
    let refusal = crate::records::ErrorRecord { code: "AccessDeniedException", message: None };
    let refused = EventRecord { error: Some(refusal), ..event(0, "ann", vec![key]) };
    let allowed = event(0, "ann", vec![key]);
    let id = "22222222-2222-2222-2222-222222222222";
    let holds = |event: &EventRecord<'_>, account, attribute, value: &str| {
        terms(event).contains(&Scope::new(account, REGION).with(attribute, value))
    };
    for (account, attribute, value, of_refused, of_allowed) in [
        (home(), Attribute::ResourceName, id, false, true),
        (home(), Attribute::ResourceType, "AWS::KMS::Key", false, true),
        (home(), Attribute::Username, "ann", true, true),
        (away, Attribute::ResourceName, id, true, true),
        (away, Attribute::Username, "ann", false, false),
        (away, Attribute::AccessKeyId, "ann", false, false),
    ] {
        let found = [&refused, &allowed].map(|event| holds(event, account, attribute, value));
        assert_eq!(found, [of_refused, of_allowed], "{account} {attribute:?}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]
    /// A filter finds all that was added to it, and as a file too; a file that was changed anywhere hides nothing.
    #[test]
    fn filters(
        added in proptest::collection::vec((0..256_u64, "[a-d]{1,3}", -5..5_i64), 1..60),
        wanted in "[a-d]{1,3}",
        changed in 0..FILE_BYTES,
        span in (-6..6_i64, -6..6_i64),
    ) {
        let group = GroupId { number: 7, root: [9; 32] };
        let mut filter = Filter::default();
        for (place, name, second) in &added {
            filter.add(*place, second * 1000, &Rows::of(&event(0, name, Vec::new())));
        }
        let query = query(Some(&wanted), (Some(span.0.min(span.1)), Some(span.0.max(span.1))));
        let times = query.times();
        let holds = |bundles: Bundles| added.iter().all(|(place, name, second)| {
            *name != wanted || !times.range().contains(&(second * 1000)) || bundles.contains(*place)
        });
        let candidates = filter.candidates(&query);
        prop_assert!(holds(candidates));
        let few = (0..256).filter(|place| candidates.contains(*place)).count();
        prop_assert!(few <= added.iter().filter(|(_, name, _)| *name == wanted).count() + 1, "{}", few);
        let mut bytes = filter.to_bytes(group);
        prop_assert_eq!(bytes.len(), FILE_BYTES);
        let stored = |bytes: &[u8], group| {
            let bytes = bytes.to_vec();
            StoredFilter::new(group, move |at, part: &mut [u8]| {
                let at = usize::try_from(at).unwrap();
                let found = bytes.get(at..at + part.len()).ok_or(io::ErrorKind::UnexpectedEof)?;
                part.copy_from_slice(found);
                Ok(())
            })
        };
        prop_assert_eq!(stored(&bytes, group).times(), Some(filter.times()));
        prop_assert_eq!(stored(&bytes, group).candidates(&query, filter.times()), Some(candidates));
        for other in [GroupId { number: 8, ..group }, GroupId { root: [8; 32], ..group }] {
            prop_assert_eq!(stored(&bytes, other).candidates(&query, filter.times()), None);
        }
        bytes[changed] ^= 0x10;
        let changed = stored(&bytes, group).candidates(&query, filter.times());
        prop_assert!(changed.is_none_or(|bundles| bundles == candidates));
    }
}

/// A part of the log that cannot be read is not read again at once, and keeps nobody from ending.
#[test]
fn a_log_that_cannot_be_followed() {
    let mut log = TestLog::new(Settings::default());
    log.commit(&(0..600).map(nth).collect::<Vec<_>>());
    let history = log.history();
    let bundle = log.index().with_file_name("audit").join("tile/entries/001");
    let mut bytes = std::fs::read(&bundle).unwrap();
    bytes[100] ^= 1;
    std::fs::write(&bundle, bytes).unwrap();
    let mut builder = builder(&history);
    assert_eq!((builder.turn(), builder.turn()), (Followed::Open, Followed::Ended));
}

/// What holds readers up.
#[derive(Default)]
struct Gate {
    open: Mutex<bool>,
    told: Condvar,
    came: AtomicUsize,
}

impl Gate {
    fn pass(&self) {
        self.came.fetch_add(1, Ordering::SeqCst);
        drop(self.told.wait_while(self.open.lock().unwrap(), |open| !*open).unwrap());
    }

    fn open(&self) {
        *self.open.lock().unwrap() = true;
        self.told.notify_all();
    }
}

/// As long as a search reads, its account waits, also if nobody waits for that search any more.
#[test]
fn an_account_reads_once_at_a_time() {
    let mut log = TestLog::new(Settings::default());
    log.commit(&[nth(5), nth(6)]);
    let gate = Arc::new(Gate::default());
    let before = Arc::clone(&gate);
    let files = TestFiles::new(Directory::new(log.index().with_file_name("audit"))).before_reads(move |most| {
        before.pass();
        most
    });
    let place = Place::new(&log.kms.view(), Arc::new(files)).unwrap();
    let history = Arc::new(EventHistory::new(place, log.index(), u32::MAX));
    let search = || {
        let admission = history.admit(home(), REGION.parse().unwrap(), Timestamp::from_millis(0)).unwrap();
        admission.search(query(None, (None, None)), None)
    };
    log.block_on(async {
        let given_up = tokio::time::timeout(Duration::from_millis(50), search()).await;
        assert!(given_up.is_err() && gate.came.load(Ordering::SeqCst) == 1);
        let mut next = Box::pin(search());
        assert!(tokio::time::timeout(Duration::from_millis(50), next.as_mut()).await.is_err());
        assert_eq!(gate.came.load(Ordering::SeqCst), 1, "the first one still reads");
        gate.open();
        assert_eq!(next.await.unwrap().events.len(), 2);
    });
}
