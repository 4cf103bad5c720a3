//! Imports: kept, they are read as what was pushed; damaged, they are refused.

use claviger_types::KeyId;
use claviger_usage::{Day, Import, Origin, Settings, StoredError, Usage, Use};
use proptest::prelude::*;

use crate::made::{any_uses, at, empty, encrypt, fold_all, import_of, key, written};

fn bytes_of(import: &Import) -> Vec<u8> {
    let mut bytes = Vec::new();
    import.write(&mut bytes).unwrap();
    bytes
}

fn shown(import: &Import) -> Vec<String> {
    let mut shown = Vec::new();
    import.for_each(|used| shown.push(format!("{used:?}")));
    shown
}

proptest! {
    #[test]
    fn what_is_read_is_what_was_pushed(uses in any_uses()) {
        let import = import_of(&uses);
        let read = Import::read(&bytes_of(&import)[..]).unwrap();
        prop_assert_eq!(shown(&read), uses.iter().map(|used| format!("{used:?}")).collect::<Vec<_>>());
        prop_assert_eq!(read.at(), import.at());
        prop_assert!(read.ids().eq(import.ids()));
        prop_assert_eq!(bytes_of(&read), bytes_of(&import));
        prop_assert_eq!((read.len(), read.used_keys()), (uses.len(), uses.iter().map(|used| used.key).collect()));
    }

    /// A snapshot says which imports it holds: those that are folded again change nothing.
    #[test]
    fn an_import_is_folded_once(first in any_uses(), second in any_uses(), logged in any_uses()) {
        let mut whole = empty(Settings::default());
        whole.import(3, &import_of(&first));
        prop_assert_eq!((whole.next_import(), whole.imported_uses()), (4, first.len() as u64));
        let mut restored = Usage::read_snapshot(Settings::default(), &written(&whole)[..]).unwrap();
        for usage in [&mut whole, &mut restored] {
            fold_all(usage, &logged);
            usage.import(3, &import_of(&first));
            usage.import(5, &import_of(&second));
        }
        prop_assert_eq!(restored.imported_uses(), (first.len() + second.len()) as u64);
        prop_assert_eq!(written(&restored), written(&whole));
    }
}

#[test]
fn what_is_left_out_is_not_kept() {
    let one = encrypt(at(0, 0));
    let other = Use { key: key(2), ..one };
    let mut import = import_of(&[one, other, one]);
    let events: Vec<_> = import.ids().map(|id| (id.account, id.event[15], id.operation)).collect();
    assert_eq!(events, [0, 1, 2].map(|event| (one.key.account, event, one.operation)));
    import.retain(|id| id.event[15] == 1);
    assert_eq!((import.len(), import.is_empty()), (1, false));
    assert_eq!(shown(&import), [format!("{other:?}")]);
    assert!(import.used_keys().iter().eq([&key(2)]));
    let alone = import_of(&[one]);
    let mut import = import_of(&[one, Use { principal: "arn:aws:iam::111122223333:user/other", key: key(3), ..one }]);
    import.retain(|id| id.event[15] == 0);
    assert_eq!(bytes_of(&import), bytes_of(&alone), "nothing is left of the others");
}

/// Of a year that is imported today most days are months at once.
#[test]
fn days_are_counted_back_from_the_import() {
    let mut usage = Usage::new(Settings::default(), 0, at(-20_000, 0));
    usage
        .import(0, &import_of(&[encrypt(at(-200, 0)), encrypt(at(-200, 1)), encrypt(at(-199, 0)), encrypt(at(-1, 0))]));
    let key = usage.key(&key(1)).unwrap();
    let rows = key.rows(Day::FIRST..=Day::LAST, None);
    let rows: Vec<_> = rows.map(|row| (row.origin, row.count, row.first == row.last)).collect();
    assert_eq!(rows, [(Origin::Imported, 3, false), (Origin::Imported, 1, true)]);
}

#[test]
fn texts_that_are_too_long_are_refused() {
    let long = "x".repeat(2 * 1024 + 1);
    let value = "x".repeat(8_192 - 8);
    let one = encrypt(at(0, 0));
    let mut import = Import::new(at(0, 0));
    for refused in [
        Use { principal: &long, ..one },
        Use { error_code: Some(&long), ..one },
        Use { encryption_context: &[("a", &value)], ..one },
        Use { encryption_context: &[("", ""); 1_025], ..one },
    ] {
        assert!(import.push([0; 16], &refused).is_none());
    }
    assert!(import.is_empty());
    for longest in [
        Use { principal: &long[1..], encryption_context: &[("a", &value[1..])], ..one },
        Use { encryption_context: &[("", ""); 1_024], ..one },
    ] {
        let mut import = Import::new(at(0, 0));
        import.push([0; 16], &longest).unwrap();
        assert_eq!(shown(&Import::read(&bytes_of(&import)[..]).unwrap()), [format!("{longest:?}")]);
    }
}

#[test]
fn any_changed_byte_is_found() {
    let mrk = Use { key: claviger_types::KeyArn { id: KeyId::multi_region([7; 16]), ..key(1) }, ..encrypt(at(0, 0)) };
    let bytes = bytes_of(&import_of(&[encrypt(at(0, 0)), mrk]));
    assert_eq!(Import::read(&bytes[..]).unwrap().len(), 2);
    for place in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[place] ^= 1 << (place % 8);
        let refused = Import::read(&changed[..]);
        assert!(matches!(refused, Err(StoredError::Damaged(_) | StoredError::Unknown)), "byte {place}");
        assert!(matches!(Import::read(&bytes[..place]), Err(StoredError::Damaged("ends early"))), "cut at {place}");
    }
}
