//! A hostile operator, who has the current key, is caught by a checkpoint that was kept elsewhere.

use claviger_tlog::simulation::Disk;
use claviger_tlog::{LogError, Reader, SignedCheckpoint, verify};

use crate::fixture::{TestSigner, append, entry, files, key, open};

/// A log with a rotation in it, where one entry was never logged, or another was.
fn forged(pinned_size: u64, forged_at: u64) -> Disk {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    for index in 0..pinned_size + 50 {
        if index == 100 {
            writer.rotate(TestSigner::boxed(2)).unwrap();
        }
        let bytes = if index == forged_at { b"another".to_vec() } else { entry(index) };
        writer.append(&bytes).unwrap();
    }
    writer.commit().unwrap();
    disk
}

fn pinned(size: u64) -> SignedCheckpoint {
    let disk = forged(size - 50, u64::MAX);
    let reader = Reader::open(files(&disk), &key(1)).unwrap();
    assert_eq!(reader.size(), size);
    reader.checkpoint().clone()
}

#[test]
fn a_rewritten_log_does_not_continue_the_pinned_checkpoint() {
    for (size, forged_at) in [(300, 0), (300, 255), (300, 299), (512, 40), (512, 511)] {
        let pinned = pinned(size);
        let disk = forged(size, forged_at);
        let alone = verify(files(&disk), &key(1), None, &mut |_, _| {});
        assert!(alone.is_ok(), "the forger has the key: {alone:?}");
        let caught = verify(files(&disk), &key(1), Some(&pinned), &mut |_, _| {});
        assert!(matches!(caught, Err(LogError::Pinned(_))), "{size}, {forged_at}: {caught:?}");
        let honest = forged(size, size);
        verify(files(&honest), &key(1), Some(&pinned), &mut |_, _| {}).unwrap();
    }
}

#[test]
fn a_shortened_log_does_not_continue_the_pinned_checkpoint() {
    let pinned = pinned(400);
    let disk = forged(300, u64::MAX);
    let caught = verify(files(&disk), &key(1), Some(&pinned), &mut |_, _| {});
    assert!(matches!(caught, Err(LogError::Pinned("the log is shorter"))), "{caught:?}");
}

/// Only the key that was in force at a size speaks for it: one that was stolen after its retirement is worth nothing.
#[test]
fn a_retired_key_signs_nothing_new() {
    let disk = forged(300, u64::MAX);
    let reader = Reader::open(files(&disk), &key(1)).unwrap();
    let other = Disk::default();
    let mut writer = open(&other).unwrap();
    append(&mut writer, 350).unwrap();
    assert_eq!(writer.checkpoint().checkpoint(), reader.checkpoint().checkpoint());
    let caught = reader.check_pinned(writer.checkpoint());
    assert!(matches!(caught, Err(LogError::Pinned(_))), "{caught:?}");
}

/// A retired key cannot have entries pruned that it never saw either.
#[test]
fn a_retired_key_prunes_nothing_new() {
    let disk = forged(600, u64::MAX);
    let other = Disk::default();
    let mut writer = open(&other).unwrap();
    append(&mut writer, 650).unwrap();
    writer.prune(512).unwrap();
    disk.put("pruned", other.contents().remove("pruned"));
    for bundle in ["tile/entries/000", "tile/entries/001"] {
        disk.put(bundle, None);
    }
    let caught = verify(files(&disk), &key(1), None, &mut |_, _| {});
    assert!(matches!(&caught, Err(LogError::Damaged(found)) if found.file == "pruned"), "{caught:?}");
}
