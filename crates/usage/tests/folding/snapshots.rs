//! Snapshots: read, they go on as what was written; damaged, they are refused.

use claviger_types::{AccessKeyId, ServiceName};
use claviger_usage::{AccessKeyUse, Entry, Settings, StoredError, Usage, Use};
use proptest::prelude::*;

use crate::made::{any_uses, at, empty, encrypt, fold_all, folded, import_of, key, tight, written};

proptest! {
    /// The first entries from a snapshot and the rest folded again are the same as all of them folded, to the byte; bounds
    /// that are met included. Entries that are folded again change nothing.
    #[test]
    fn a_snapshot_goes_on_as_what_was_written(
        logged in any_uses(),
        imported in any_uses(),
        cut in any::<prop::sample::Index>(),
        is_tight in any::<bool>(),
    ) {
        let settings = || if is_tight { tight() } else { Settings::default() };
        let cut = cut.index(logged.len() + 1);
        let mut whole = empty(settings());
        whole.import(0, &import_of(&imported));
        fold_all(&mut whole, &logged[..cut]);
        let snapshot = written(&whole);
        fold_all(&mut whole, &logged[cut..]);

        let mut restored = Usage::read_snapshot(settings(), &snapshot[..]).unwrap();
        prop_assert_eq!(restored.next_entry(), cut as u64);
        for (index, used) in (0..).zip(&logged) {
            let request_id = [u8::try_from(index % 256).unwrap(); 16];
            restored.fold(&Entry { index, request_id, access_key: None, uses: &[*used] }).unwrap();
        }
        prop_assert_eq!(restored.memory_bytes(), whole.memory_bytes());
        prop_assert_eq!(written(&restored), written(&whole));
    }
}

/// Enough for several frames, with something of each kind.
fn sample() -> Usage {
    let principals: Vec<String> =
        (0..600).map(|number| format!("arn:aws:iam::111122223333:role/{number:0200}")).collect();
    let one = encrypt(at(0, 0));
    let uses: Vec<_> = principals.iter().map(|principal| Use { principal, ..one }).collect();
    let mut usage = folded(Settings::default(), &uses);
    usage.import(0, &import_of(&[Use { key: key(2), ..one }]));
    let access_key = AccessKeyUse {
        id: AccessKeyId::from_random([1; 16]),
        at: at(1, 0),
        region: "us-east-1".parse().unwrap(),
        service: ServiceName::Sts,
    };
    let index = usage.next_entry();
    usage.fold(&Entry { index, request_id: [0; 16], access_key: Some(access_key), uses: &[] }).unwrap();
    usage
}

#[test]
fn any_changed_byte_is_found() {
    let bytes = written(&sample());
    assert!(bytes.len() > 128 * 1024, "several frames: {}", bytes.len());
    assert!(Usage::read_snapshot(Settings::default(), &bytes[..]).is_ok());
    let ends = (0..300).chain(bytes.len() - 300..bytes.len());
    for place in ends.chain((300..bytes.len()).step_by(997)) {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let refused = Usage::read_snapshot(Settings::default(), &changed[..]);
        assert!(matches!(refused, Err(StoredError::Damaged(_) | StoredError::Unknown)), "byte {place}");
        let cut = Usage::read_snapshot(Settings::default(), &bytes[..place]);
        assert!(matches!(cut, Err(StoredError::Damaged("ends early"))), "cut at {place}");
    }
}

#[test]
fn refusals_say_what_is_wrong() {
    let bytes = written(&sample());
    let more = [&bytes[..], b"x"].concat();
    // The first frame twice.
    let length = u32::from_be_bytes(bytes[16..20].try_into().unwrap()) as usize + 8;
    let twice = [&bytes[..16 + length], &bytes[16..]].concat();
    let long = [&bytes[..16], &[0xff; 8]].concat();
    for (bytes, want) in [
        (&more[..], "it is damaged: it does not end where it should"),
        (&twice, "it is damaged: it holds a frame whose checksum is wrong"),
        (&long, "it is damaged: it holds a frame that is too long"),
        (b"", "it is damaged: it ends early"),
        (b"claviger-usage 3", "it is none, or of another version"),
    ] {
        assert_eq!(Usage::read_snapshot(Settings::default(), bytes).unwrap_err().to_string(), want);
    }
}

#[test]
fn a_snapshot_holds_no_text_of_a_key_that_is_forgotten() {
    let mut usage = sample();
    usage.retain_keys(|arn| *arn == key(2));
    let bytes = written(&usage);
    assert!(bytes.len() < 1_000, "{}", bytes.len());
    let restored = Usage::read_snapshot(Settings::default(), &bytes[..]).unwrap();
    assert!(restored.memory_bytes() < usage.memory_bytes());
    assert_eq!(written(&restored), bytes);
}
