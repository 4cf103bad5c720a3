//! Snapshots of usage: what is read is what is written again, whatever a damaged disk or a wrong program made of it.

use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_types::{AccessKeyId, KeyArn, KeyId, ServiceName, Timestamp};
use claviger_usage::{
    AccessKeyUse, Addressed, Day, Entry, Import, KeyUsage, Limits, Operation, Origin, Outcome, Settings, Usage, Use,
    days_without_use,
};

const OPENING: &[u8] = b"claviger-usage 2";
const IMPORT_OPENING: &[u8] = b"claviger-import1";

/// CBOR: nothing, arrays, absent, numbers at their ends, texts.
const WORDS: [&[u8]; 8] = [
    b"\x00",
    b"\x80",
    b"\x82\x01\x19\xff\xff",
    b"\xf6",
    b"\x1a\xff\xff\xff\xff",
    b"\x1b\xff\xff\xff\xff\xff\xff\xff\xff",
    b"\x3b\x7f\xff\xff\xff\xff\xff\xff\xff",
    b"\x61a",
];

/// Snapshots, and their items alone, edited. Items are put into a frame with the right checksum.
pub fn usage_snapshots(campaign: Campaign) {
    let snapshots = [written(&empty()), written(&sample())];
    let items = snapshots.iter().map(|snapshot| snapshot[OPENING.len() + 8..snapshot.len() - 8].to_vec());
    let samples: Vec<_> = items.chain(snapshots.clone()).collect();
    campaign.run(Edited::new(samples, WORDS), |Bytes(bytes)| {
        let framed = if bytes.starts_with(OPENING) { bytes.clone() } else { frame(OPENING, bytes) };
        let Ok(mut usage) = Usage::read_snapshot(Settings::default(), &framed[..]) else { return false };
        let again = written(&usage);
        let read_again = Usage::read_snapshot(Settings::default(), &again[..]).unwrap();
        assert_eq!(written(&read_again), again, "it is read as it was written");
        assert_eq!(read_again.row_count(), usage.row_count());
        ask(&usage);
        go_on(&mut usage);
        true
    });
}

/// The same for files of imports. What is read can be folded.
pub fn usage_imports(campaign: Campaign) {
    let file = bytes_of(&import());
    let items = file[IMPORT_OPENING.len() + 8..file.len() - 8].to_vec();
    campaign.run(Edited::new(vec![items, file], WORDS), |Bytes(bytes)| {
        let framed = if bytes.starts_with(IMPORT_OPENING) { bytes.clone() } else { frame(IMPORT_OPENING, bytes) };
        let Ok(import) = Import::read(&framed[..]) else { return false };
        let again = Import::read(&bytes_of(&import)[..]).unwrap();
        assert!(again.ids().eq(import.ids()), "it is read as it was written");
        assert_eq!(bytes_of(&again), bytes_of(&import));
        let mut usage = empty();
        usage.import(0, &import);
        let all = Day::FIRST..=Day::LAST;
        let counted: u64 = usage.keys().flat_map(|key| key.totals(all.clone())).map(|(_, count)| count).sum();
        assert_eq!(counted, import.len() as u64);
        ask(&usage);
        true
    });
}

fn bytes_of(import: &Import) -> Vec<u8> {
    let mut bytes = Vec::new();
    import.write(&mut bytes).unwrap();
    bytes
}

fn frame(opening: &[u8], items: &[u8]) -> Vec<u8> {
    let frame = |number: u64, items: &[u8]| {
        let checksum = crc32fast::hash(&[&number.to_be_bytes(), items].concat());
        [&u32::try_from(items.len()).unwrap().to_be_bytes(), &checksum.to_be_bytes(), items].concat()
    };
    [opening, &frame(0, items), &frame(1, &[])].concat()
}

fn written(usage: &Usage) -> Vec<u8> {
    let mut bytes = Vec::new();
    usage.write_snapshot(&mut bytes).unwrap();
    bytes
}

fn empty() -> Usage {
    Usage::new(Settings::default(), 7, Timestamp::from_millis(1_767_225_600_000))
}

fn used(days: i64, error_code: Option<&'static str>) -> Use<'static> {
    let account = "111122223333".parse().unwrap();
    Use {
        at: Timestamp::from_millis(1_767_225_600_000 + days * 86_400_000),
        key: KeyArn { region: "eu-central-1".parse().unwrap(), account, id: KeyId::multi_region([5; 16]) },
        operation: Operation::Decrypt,
        addressed: Addressed::Ciphertext,
        backing_key: Some([1; 32]),
        principal_id: "AROA1",
        principal: "arn:aws:iam::111122223333:role/one",
        source: Some("office"),
        environment: Some("prod"),
        application: None,
        encryption_context: &[("tenant", "blue"), ("a", "b")],
        error_code,
        event_copy: 0,
    }
}

/// Months, days, failures, imports, a use without detail, an access key.
fn sample() -> Usage {
    let limits = Limits { principals_per_key: 1, ..Limits::default() };
    let mut usage = Usage::new(Settings { limits, ..Settings::default() }, 0, used(0, None).at);
    let other = Use { principal: "arn:aws:iam::111122223333:role/two", ..used(100, None) };
    let access_key = AccessKeyUse {
        id: AccessKeyId::from_random([1; 16]),
        at: other.at,
        region: "us-east-1".parse().unwrap(),
        service: ServiceName::Kms,
    };
    let uses = [used(0, None), used(40, None), used(100, None), other, used(100, Some("DisabledException"))];
    usage.fold(&Entry { index: 0, request_id: [2; 16], access_key: Some(access_key), uses: &uses }).unwrap();
    usage.import(0, &import());
    usage
}

fn import() -> Import {
    let mut import = Import::new(used(0, None).at);
    for (number, used) in [(1, used(-30, None)), (2, used(-100, Some("AccessDenied")))] {
        import.push([number; 16], &used).unwrap();
    }
    import
}

/// Every answer can be given.
fn ask(usage: &Usage) {
    let all = Day::FIRST..=Day::LAST;
    let rows: usize = usage.keys().map(|key| key.rows(all.clone(), None).count()).sum();
    assert_eq!(rows, usage.row_count());
    for key in usage.keys() {
        check_key(usage, &key);
    }
}

fn check_key(usage: &Usage, key: &KeyUsage<'_>) {
    let all = Day::FIRST..=Day::LAST;
    let now = Timestamp::from_millis(1_800_000_000_000);
    assert!(days_without_use(key.last_use(), now, usage.tracking_since(), now) >= 0);
    assert!(key.protects().all(|of| of.values().is_sorted()));
    let mut after = None;
    for row in key.rows(all.clone(), None) {
        assert!(after < Some(row.place), "each row has a place of its own, in order");
        after = Some(row.place);
        let keys = row.detail.map_or(0, |detail| detail.context_keys.count());
        assert!(row.first <= row.last && keys < 1_000 && row.period.first_day() <= row.period.last_day());
    }
    assert!(key.totals(all).len() <= Operation::ALL.len() * 2 * 2 * 6);
}

/// What was read takes further entries: one of today, and one by which all days become months.
fn go_on(usage: &mut Usage) {
    for days in [100, 10_000] {
        let index = usage.next_entry();
        usage.fold(&Entry { index, request_id: [3; 16], access_key: None, uses: &[used(days, None)] }).unwrap();
        ask(usage);
    }
    let key = usage.key(&used(0, None).key).unwrap();
    let successes = key.totals(Day::FIRST..=Day::LAST).into_iter();
    let logged = |(kind, _): &(claviger_usage::Kind, u64)| {
        (kind.origin, kind.outcome, kind.operation) == (Origin::Logged, Outcome::Success, Operation::Decrypt)
    };
    assert!(successes.filter(logged).map(|(_, count)| count).fold(0, u64::saturating_add) >= 2);
}
