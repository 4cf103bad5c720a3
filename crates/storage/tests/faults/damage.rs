//! Files that were damaged from outside, and files that are something else: an error that says so, never a panic, and
//! never contents that nobody wrote.

use claviger_storage::conformance::{Contents, Random, commit, load, put};
use claviger_storage::{ChangeLogLimits, EmbeddedStore, Medium, OpenError, Store, StoreError};
use redb::backends::InMemoryBackend;
use redb::{StorageBackend, TableDefinition};

use crate::disk::Disk;

const IMAGES: usize = 3_000;

#[test]
fn damage_is_noticed_when_it_is_read() {
    let (image, contents) = whole();
    let mut random = Random::new(42);
    let (mut refused, mut unreadable, mut unharmed) = (0, 0, 0);
    for round in 0..IMAGES {
        let mut damaged = image.clone();
        let how = damage(&mut damaged, &mut random);
        let place = format!("round {round}: {how}");
        match EmbeddedStore::open_on(Disk::new(damaged).medium(), ChangeLogLimits::default()) {
            Err(error) => {
                refused += 1;
                assert_clear(&error.to_string(), &place);
                assert!(
                    matches!(
                        error,
                        OpenError::Damaged(_) | OpenError::NotAStore | OpenError::Io(_) | OpenError::NewerFormat { .. }
                    ),
                    "{place}: {error:?}"
                );
            }
            Ok(store) => {
                match load(&store) {
                    Err(StoreError::Damaged(reason) | StoreError::Failed(reason)) => {
                        unreadable += 1;
                        assert_clear(&reason, &place);
                    }
                    Err(StoreError::Closed) => panic!("{place}: nobody closed it"),
                    Ok((loaded, _)) => {
                        unharmed += 1;
                        assert!(loaded == contents, "{place}: the damage was not noticed");
                    }
                }
                // Writing on it may fail or not, but it answers.
                let answer = commit(&store, vec![], vec![put("records/5", "new"), put("new", "x")]);
                if let Err(error) = answer {
                    assert_clear(&error.to_string(), &place);
                }
            }
        }
    }
    println!("{refused} refused, {unreadable} unreadable, {unharmed} unharmed");
    assert!(refused > 100 && unreadable > 100 && unharmed > 100, "{refused}, {unreadable}, {unharmed}");
}

#[test]
fn what_is_no_store_is_refused_by_name() {
    let mut noise = Random::new(1);
    let noise: Vec<u8> = (0..100_000).map(|_| noise.number().to_be_bytes()[0]).collect();
    for (what, content) in [
        ("an empty file", Vec::new()),
        ("one byte", vec![0]),
        ("text", b"[default]\naws_access_key_id = AKIA\n".repeat(1000)),
        ("noise", noise),
        ("zeros", vec![0; 100_000]),
        ("the beginning of a store", whole().0[..100].to_vec()),
        ("another database of the same kind", redb_file(None)),
        ("another database with a table of that name", redb_file(Some(&[]))),
    ] {
        let error = EmbeddedStore::open_on(Disk::new(content).medium(), ChangeLogLimits::default()).err();
        assert!(matches!(error, Some(OpenError::NotAStore | OpenError::Damaged(_))), "{what}: {error:?}");
    }
}

#[test]
fn a_newer_format_is_refused_by_its_number() {
    let mut head = 7_u64.to_be_bytes().to_vec();
    head.extend(b"whatever a later version puts there");
    let disk = Disk::new(redb_file(Some(&[("head", &head)])));
    let error = EmbeddedStore::open_on(disk.medium(), ChangeLogLimits::default()).err();
    assert!(matches!(error, Some(OpenError::NewerFormat { found: 7 })), "{error:?}");
    let want = "it has format 7, and this version knows formats up to 1: use a newer version";
    assert_eq!(error.unwrap().to_string(), want);
}

/// A store of some hundred records of all sizes, closed.
fn whole() -> (Vec<u8>, Contents) {
    let disk = Disk::new(Vec::new());
    let store = EmbeddedStore::create_on(disk.medium(), ChangeLogLimits::default()).unwrap();
    let mut random = Random::new(3);
    for index in 0..200 {
        let value = "x".repeat([20, 200, 900, 6_000][random.below(4)]);
        commit(&store, vec![], vec![put(&format!("records/{index}"), &value)]).unwrap();
    }
    let (contents, _) = load(&store).unwrap();
    store.close();
    (disk.content(), contents)
}

fn damage(image: &mut Vec<u8>, random: &mut Random) -> String {
    let length = image.len();
    let at = random.below(length);
    let end = length.min(at + [1, 16, 512, 4096, 40_000][random.below(5)]);
    let page = at / 4096 * 4096;
    match random.below(6) {
        0 => {
            let bit = random.below(8);
            image[at] ^= 1 << bit;
            format!("bit {bit} of byte {at} is flipped")
        }
        1 => {
            image[at..end].fill(0);
            format!("bytes {at} to {end} are zero")
        }
        2 => {
            image[at..end].iter_mut().for_each(|byte| *byte = random.number().to_be_bytes()[0]);
            format!("bytes {at} to {end} are noise")
        }
        3 => {
            image.truncate(at);
            format!("only {at} bytes are left")
        }
        4 => {
            let from = random.below(length / 4096) * 4096;
            image.copy_within(from..length.min(from + 4096).min(from + length - page), page);
            format!("the page at {page} is that at {from}")
        }
        _ => {
            // Where redb keeps what leads to everything else.
            let at = random.below(320);
            image[at] ^= 1 << random.below(8);
            format!("a bit of byte {at} is flipped")
        }
    }
}

fn assert_clear(message: &str, place: &str) {
    assert!(!message.trim().is_empty() && !message.contains('\n') && message.len() < 500, "{place}: `{message}`");
}

/// A redb database that is no store, with these rows in the table where a store has its head.
fn redb_file(rows: Option<&[(&str, &[u8])]>) -> Vec<u8> {
    const META: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("meta");
    const OTHER: TableDefinition<'_, u64, u64> = TableDefinition::new("other");
    let disk = Disk::new(Vec::new());
    let redb = redb::Builder::new().create_with_backend(disk.clone()).unwrap();
    let write = redb.begin_write().unwrap();
    write.open_table(OTHER).unwrap().insert(1, 2).unwrap();
    if let Some(rows) = rows {
        let mut meta = write.open_table(META).unwrap();
        for (name, value) in rows {
            meta.insert(*name, *value).unwrap();
        }
    }
    write.commit().unwrap();
    redb.close().unwrap();
    disk.content()
}

/// A medium may be any back-end, such as one in memory; it is opened as often as needed.
#[test]
fn a_medium_may_be_any_backend() {
    let opened = std::sync::atomic::AtomicUsize::new(0);
    let medium = Medium::new(move || match opened.fetch_add(1, std::sync::atomic::Ordering::Relaxed) {
        0 => Ok(InMemoryBackend::new()),
        _ => Err(std::io::Error::other("memory is opened once")),
    });
    let store = EmbeddedStore::create_on(medium, ChangeLogLimits::default()).unwrap();
    commit(&store, vec![], vec![put("a", "1")]).unwrap();
    assert_eq!(load(&store).unwrap().0.paths(), ["a"]);
    assert!(InMemoryBackend::new().len().unwrap() == 0);
}
