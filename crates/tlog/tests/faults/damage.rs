//! Damage anywhere is found, and the damaged file is named.

use std::collections::BTreeMap;

use claviger_tlog::simulation::{Disk, FILE_BYTES_MAX, Random};
use claviger_tlog::{LogError, Reader};

use crate::fixture::{TestSigner, append, files, key, open, verified};

const ROUNDS: usize = 3_000;

/// A log of some thousand entries with everything that a log may have.
fn whole() -> Disk {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    append(&mut writer, 600).unwrap();
    writer.rotate(TestSigner::boxed(2)).unwrap();
    append(&mut writer, 1_500).unwrap();
    writer.prune(520).unwrap();
    append(&mut writer, 400).unwrap();
    append(&mut writer, 7).unwrap();
    append(&mut writer, 20).unwrap();
    disk
}

/// What is there of an earlier checkpoint, and no longer needed: it may be changed by nobody, but be removed.
fn is_superseded(path: &str) -> bool {
    let wide = path.rsplit_once(".p/").and_then(|(_, width)| width.parse().ok());
    wide.is_some_and(|wide: u32| if path.starts_with("tile/1/") { wide != 9 } else { wide != 223 })
}

#[test]
fn every_damage_is_found_and_named() {
    let disk = whole();
    assert_eq!(verified(&disk).unwrap().checkpoint.checkpoint().size, 2_527);
    let contents = disk.contents();
    let paths: Vec<&String> = contents.keys().collect();
    assert!(paths.len() > 25 && paths.iter().any(|path| is_superseded(path)), "{paths:?}");
    let mut random = Random::new(11);
    for round in 0..ROUNDS {
        let path = paths[random.below(paths.len())];
        let bytes = &contents[path];
        let (damaged, how) = damage(bytes, &contents, &mut random);
        let place = format!("round {round}: {path}: {how}");
        if damaged.as_ref() == Some(bytes) || damaged.is_none() && (is_superseded(path) || path == "pruned") {
            continue;
        }
        let copy = disk.copy();
        copy.put(path, damaged.clone());
        let error = verified(&copy).expect_err(&place);
        let LogError::Damaged(found) = &error else { panic!("{place}: {error}") };
        // Without its last key, a log's checkpoint is signed by a stranger.
        let named = found.file == *path || damaged.is_none() && path.starts_with("keys/") && found.file == "checkpoint";
        assert!(named, "{place}: {error}");
        assert!(!error.to_string().contains('\n'), "{place}: {error}");
    }
}

/// Small files, byte by byte and bit by bit.
#[test]
fn every_bit_of_what_is_signed_counts() {
    let disk = whole();
    for path in ["checkpoint", "keys/000", "keys/001", "pruned"] {
        let bytes = disk.contents()[path].clone();
        for bit in 0..bytes.len() * 8 {
            let mut damaged = bytes.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let copy = disk.copy();
            copy.put(path, Some(damaged));
            let error = verified(&copy).expect_err(path);
            assert!(matches!(&error, LogError::Damaged(found) if found.file == path), "{path}, bit {bit}: {error}");
        }
        for length in 0..bytes.len() {
            let copy = disk.copy();
            copy.put(path, Some(bytes[..length].to_vec()));
            assert!(verified(&copy).is_err(), "{path}, {length} bytes");
        }
    }
}

/// However long a file is that somebody planted, no more of it is read than a log would have there.
#[test]
fn a_file_that_is_too_long_is_found_and_named() {
    let disk = whole();
    for path in disk.contents().keys() {
        let copy = disk.copy();
        copy.put(path, Some(vec![b'A'; FILE_BYTES_MAX + 1]));
        let error = verified(&copy).expect_err(path);
        let LogError::Damaged(found) = &error else { panic!("{path}: {error}") };
        assert_eq!((found.file.as_str(), found.what), (path.as_str(), "is longer than a log makes it"));
    }
}

/// Names that are almost the log's are not: such a file is no key and no tile, whatever is in it.
#[test]
fn files_with_strange_names_are_none_of_the_log() {
    let disk = whole();
    let contents = disk.contents();
    for (path, like) in [
        ("keys/+1", "keys/001"),
        ("keys/0001", "keys/001"),
        ("keys/1", "keys/001"),
        ("keys/002.new", "keys/001"),
        ("keys/-0", "keys/000"),
        ("tile/entries/009.p/+5", "keys/000"),
        ("tile/entries/009.p/05", "keys/000"),
        ("tile/0/009.p/0", "keys/000"),
        ("tile/0/+09", "keys/000"),
        ("tile/entries/0009", "keys/000"),
    ] {
        let copy = disk.copy();
        copy.put(path, Some(contents[like].clone()));
        let report = verified(&copy).unwrap_or_else(|error| panic!("{path}: {error}"));
        assert_eq!((report.keys.introductions().count(), report.checkpoint.checkpoint().size), (2, 2_527), "{path}");
        append(&mut open(&copy).unwrap(), 300).unwrap_or_else(|error| panic!("{path}: {error}"));
        verified(&copy).unwrap_or_else(|error| panic!("{path}, then more: {error}"));
    }
    // A key under another name than its own is missing.
    disk.put("keys/0001", disk.contents().remove("keys/001"));
    disk.put("keys/001", None);
    assert!(matches!(verified(&disk), Err(LogError::Damaged(_))));
}

/// Without the marker, what was pruned is missing.
#[test]
fn a_removed_marker_is_found() {
    let disk = whole();
    disk.put("pruned", None);
    let error = verified(&disk).unwrap_err();
    assert!(matches!(&error, LogError::Damaged(found) if found.file == "tile/entries/000"), "{error}");
}

/// A reader and a writer that meet damage say so; they do not serve it.
#[test]
fn readers_and_writers_meet_damage_without_harm() {
    let disk = whole();
    let contents = disk.contents();
    let paths: Vec<&String> = contents.keys().collect();
    let mut random = Random::new(12);
    for round in 0..1_500 {
        let path = paths[random.below(paths.len())];
        let (damaged, how) = damage(&contents[path], &contents, &mut random);
        let copy = disk.copy();
        copy.put(path, damaged);
        let place = format!("round {round}: {path}: {how}");
        if let Ok(reader) = Reader::open(files(&copy), &key(1)) {
            for (index, read) in reader.entries(reader.kept_from()..reader.size()).flatten() {
                assert_eq!(read, crate::fixture::entry(index), "{place}");
            }
            let index = random.below(2_527) as u64;
            if let Ok(proof) = reader.prove(index, None) {
                proof.check(&crate::fixture::entry(index), reader.keys()).expect(&place);
            }
        }
        if let Ok(mut writer) = open(&copy) {
            append(&mut writer, 300).expect(&place);
        }
    }
}

/// The tile above has another hash than that of the exchanged one.
#[test]
fn an_entry_and_its_hash_exchanged_together_are_found() {
    let disk = whole();
    let mut tile = disk.contents()["tile/0/005"].clone();
    let mut bundle = disk.contents()["tile/entries/005"].clone();
    bundle[2] ^= 1;
    let length = usize::from(bundle[1]) + 256 * usize::from(bundle[0]);
    tile[..32].copy_from_slice(claviger_tlog::leaf_hash(&bundle[2..2 + length]).as_bytes());
    disk.put("tile/0/005", Some(tile));
    disk.put("tile/entries/005", Some(bundle));
    let error = verified(&disk).unwrap_err();
    assert!(matches!(&error, LogError::Damaged(found) if found.file == "tile/0/005"), "{error}");
    let reader = Reader::open(files(&disk), &key(1)).unwrap();
    for error in [
        reader.entry(1_280).unwrap_err(),
        reader.entries(1_200..1_300).find_map(Result::err).unwrap(),
        reader.prove(1_280, None).unwrap_err(),
    ] {
        assert!(matches!(&error, LogError::Damaged(found) if found.file == "tile/0/005"), "{error}");
    }
    assert_eq!(reader.entry(1_279).unwrap(), crate::fixture::entry(1_279));
}

/// None takes the file away.
fn damage(bytes: &[u8], others: &BTreeMap<String, Vec<u8>>, random: &mut Random) -> (Option<Vec<u8>>, String) {
    let mut damaged = bytes.to_vec();
    let at = random.below(bytes.len());
    let end = bytes.len().min(at + [1, 2, 32, 64, 300][random.below(5)]);
    let how = match random.below(9) {
        0 => {
            damaged[at] ^= 1 << random.below(8);
            format!("a bit of byte {at} is flipped")
        }
        1 => {
            damaged.drain(at..end);
            format!("bytes {at} to {end} are gone")
        }
        2 => {
            damaged.insert(at, random.number() as u8);
            format!("a byte is put in at {at}")
        }
        3 => {
            damaged.truncate(at);
            format!("only {at} bytes are left")
        }
        4 => {
            damaged.push(random.number() as u8);
            "a byte is appended".to_owned()
        }
        5 => {
            let middle = at + (end - at) / 2;
            damaged[at..end].rotate_left(middle - at);
            format!("bytes {at} to {end} are in another order")
        }
        6 => {
            damaged[at..end].fill(0);
            format!("bytes {at} to {end} are zero")
        }
        7 => {
            let (other, content) = others.iter().nth(random.below(others.len())).unwrap();
            damaged.clone_from(content);
            format!("it is as `{other}`")
        }
        _ => return (None, "it is gone".to_owned()),
    };
    (Some(damaged), how)
}
