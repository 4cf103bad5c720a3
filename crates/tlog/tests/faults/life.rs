//! Logs on good days.

use claviger_tlog::simulation::Disk;
use claviger_tlog::{Directory, KeyChain, LogError, Proof, ProofError, Reader, SignedCheckpoint, WriteError, Writer};
use claviger_tlog::{leaf_hash, verify, verify_consistency};

use crate::fixture::{TestSigner, append, assert_pruned, entry, files, key, open, origin, verified};

#[test]
fn a_log_is_read_as_it_was_written() {
    let scratch = tempfile::tempdir().unwrap();
    let directory = std::sync::Arc::new(Directory::new(scratch.path().join("log")));
    let mut writer = Writer::open(directory.clone(), origin(), TestSigner::boxed(1)).unwrap();
    for count in [0, 1, 1, 253, 1, 1, 600, 70] {
        append(&mut writer, count).unwrap();
    }
    let second = Writer::open(directory.clone(), origin(), TestSigner::boxed(1)).err();
    assert!(matches!(second, Some(WriteError::AlreadyOpen)), "{second:?}");
    drop(writer);
    let mut writer = Writer::open(directory.clone(), origin(), TestSigner::boxed(1)).unwrap();
    assert_eq!(writer.next_index(), 927);
    append(&mut writer, 200).unwrap();
    let reader = Reader::open(directory.clone(), &key(1)).unwrap();
    assert_eq!((reader.size(), reader.kept_from()), (1127, 0));
    let entries: Vec<_> = reader.entries(0..u64::MAX).map(Result::unwrap).collect();
    assert_eq!(entries.len(), 1127);
    assert!((0..).zip(&entries).all(|(index, (place, read))| *place == index && *read == entry(index)));
    let some: Vec<_> = reader.entries(250..520).map(|entry| entry.unwrap().0).collect();
    assert_eq!(some, (250..520).collect::<Vec<_>>());
    assert_eq!(reader.entry(1126).unwrap(), entry(1126));
    assert!(matches!(reader.entry(1127), Err(LogError::NoEntry { index: 1127, size: 1127 })));
    let mut told = Vec::new();
    let report = verify(directory, &key(1), None, &mut |done, of| told.push((done, of))).unwrap();
    assert_eq!((report.entries, report.kept_from, report.keys.keys().count()), (1127, 0, 1));
    assert_eq!(told, [256, 512, 768, 1024, 1127].map(|done| (done, 1127)));
}

#[test]
fn each_entry_and_each_earlier_checkpoint_is_proved() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    let mut checkpoints = vec![writer.checkpoint().clone()];
    for count in [1, 2, 100, 153, 1, 255, 300, 1] {
        append(&mut writer, count).unwrap();
        checkpoints.push(writer.checkpoint().clone());
    }
    let reader = Reader::open(files(&disk), &key(1)).unwrap();
    let keys = KeyChain::of(key(1));
    for index in 0..reader.size() {
        let proof: Proof = reader.prove(index, Some(b"extra".to_vec())).unwrap().to_string().parse().unwrap();
        assert_eq!(proof.check(&entry(index), &keys).unwrap(), *reader.checkpoint().checkpoint(), "{index}");
        assert_eq!(proof.extra.as_deref(), Some(&b"extra"[..]));
        assert_eq!(proof.check(&entry(index + 1), &keys), Err(ProofError::NotIncluded), "{index}");
        let strange = proof.check(&entry(index), &KeyChain::of(key(2)));
        assert!(matches!(strange, Err(ProofError::Untrusted(_))), "{index}: {strange:?}");
    }
    assert!(matches!(reader.prove(reader.size(), None), Err(LogError::NoEntry { .. })));
    let last = reader.checkpoint().checkpoint();
    for signed in &checkpoints {
        let first = signed.checkpoint();
        let proof = reader.consistency_proof(first.size).unwrap();
        assert!(verify_consistency((first.size, first.root), (last.size, last.root), &proof), "{}", first.size);
        reader.check_pinned(signed).unwrap();
        verify(files(&disk), &key(1), Some(signed), &mut |_, _| {}).unwrap();
    }
    assert!(matches!(reader.consistency_proof(reader.size() + 1), Err(LogError::NoEntry { .. })));
    let root_of = |size: u64| {
        checkpoints.iter().find(|signed| signed.checkpoint().size == size).map(|signed| signed.checkpoint().root)
    };
    for (first, height, want) in [(0, 8, root_of(256)), (0, 9, root_of(512)), (7, 0, Some(leaf_hash(&entry(7))))] {
        assert_eq!(reader.subtree_hash(first, height).ok(), want, "2^{height} from {first}");
    }
    for (first, height) in [(1, 1), (512, 9), (reader.size(), 0), (0, 63), (0, 64), (u64::MAX, 0)] {
        let refused = reader.subtree_hash(first, height);
        assert!(matches!(refused, Err(LogError::NoEntry { .. })), "2^{height} from {first}: {refused:?}");
    }
}

#[test]
fn the_signing_key_is_rotated() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    append(&mut writer, 300).unwrap();
    let before = writer.checkpoint().clone();
    let at_rotation = writer.rotate(TestSigner::boxed(2)).unwrap().clone();
    for number in [1, 2] {
        assert_eq!(at_rotation.note().is_signed_by(&key(number)), Ok(true), "{number}");
    }
    append(&mut writer, 10).unwrap();
    assert_eq!(writer.checkpoint().note().is_signed_by(&key(1)), Ok(false));
    assert!(matches!(writer.rotate(TestSigner::boxed(1)), Err(WriteError::KeyInUse)));
    writer.rotate(TestSigner::boxed(3)).unwrap();
    writer.rotate(TestSigner::boxed(4)).unwrap();
    append(&mut writer, 1).unwrap();
    let last = writer.checkpoint().clone();
    drop(writer);
    let old = Writer::open(files(&disk), origin(), TestSigner::boxed(2)).err();
    assert!(matches!(&old, Some(WriteError::WrongKey { expected }) if *expected == key(4)), "{old:?}");
    for trusted in 1..=4 {
        let report = verify(files(&disk), &key(trusted), Some(&before), &mut |_, _| {}).unwrap();
        assert_eq!(report.entries, 311, "{trusted}");
        let introductions = [(1, 0), (2, 300), (3, 310), (4, 310)].map(|(number, from)| (key(number), from));
        assert!(report.keys.introductions().eq(introductions.iter().map(|(key, from)| (key, *from))), "{trusted}");
    }
    let strange = verify(files(&disk), &key(5), None, &mut |_, _| {});
    assert!(matches!(strange, Err(LogError::Untrusted(_))), "{strange:?}");
    let chain = KeyChain::load(&disk, &key(1)).unwrap();
    for signed in [&before, &at_rotation, &last] {
        chain.verify(signed).unwrap();
    }
}

#[test]
fn entries_are_pruned_and_everything_stays_provable() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    append(&mut writer, 1_000).unwrap();
    let pinned = writer.checkpoint().clone();
    let early = Reader::open(files(&disk), &key(1)).unwrap();
    for (before, want) in [(0, 0), (255, 0), (600, 512), (300, 512), (u64::MAX, 768)] {
        assert_eq!(writer.prune(before).unwrap(), want, "{before}");
        let report = verify(files(&disk), &key(1), Some(&pinned), &mut |_, _| {}).unwrap();
        assert_eq!((report.entries, report.kept_from), (1_000 - want, want), "{before}");
        assert_pruned(&disk, &writer, &before.to_string());
    }
    for reader in [early, Reader::open(files(&disk), &key(1)).unwrap()] {
        let gone = reader.entry(5);
        assert!(matches!(gone, Err(LogError::Pruned { kept_from: 768, .. })), "{gone:?}");
        assert_eq!(reader.entry(768).unwrap(), entry(768));
        let proof = reader.prove(5, None).unwrap();
        proof.check(&entry(5), &KeyChain::of(key(1))).unwrap();
    }
    append(&mut writer, 100).unwrap();
    drop(writer);
    let mut writer = open(&disk).unwrap();
    assert_eq!(writer.kept_from(), 768);
    append(&mut writer, 100).unwrap();
    assert_eq!(verified(&disk).unwrap().entries, 1_200 - 768);
}

#[test]
fn partial_files_go_when_the_full_one_is_there() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    for turn in 0..20 {
        append(&mut writer, 25).unwrap();
        // Those that another writer made go too.
        if turn == 5 {
            drop(writer);
            writer = open(&disk).unwrap();
        }
    }
    let partial: Vec<_> = disk.contents().into_keys().filter(|path| path.contains(".p/")).collect();
    assert!(partial.iter().all(|path| path.contains("001.p/") || path.starts_with("tile/1/")), "{partial:?}");
    assert_eq!(partial.iter().filter(|path| path.starts_with("tile/0/")).count(), 10);
}

#[test]
fn an_entry_has_a_longest_length() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    let long = writer.append(&[0; 65_536]);
    assert!(matches!(long, Err(WriteError::EntryTooLong { bytes: 65_536 })), "{long:?}");
    writer.append(&[1; 65_535]).unwrap();
    writer.append(&[]).unwrap();
    writer.commit().unwrap();
    let reader = Reader::open(files(&disk), &key(1)).unwrap();
    assert_eq!([0, 1].map(|index| reader.entry(index).unwrap().len()), [65_535, 0]);
}

#[test]
fn a_log_has_one_name() {
    let disk = Disk::default();
    append(&mut open(&disk).unwrap(), 3).unwrap();
    let other = Writer::open(files(&disk), "kms.example/other".parse().unwrap(), TestSigner::boxed(1)).err();
    assert!(matches!(other, Some(WriteError::WrongKey { .. })), "{other:?}");
    disk.put("checkpoint", None);
    let lost = open(&disk).err();
    assert!(matches!(lost, Some(WriteError::Log(LogError::Damaged(_)))), "{lost:?}");
}

#[test]
fn a_proof_has_one_form() {
    let disk = Disk::default();
    append(&mut open(&disk).unwrap(), 5).unwrap();
    let good = Reader::open(files(&disk), &key(1)).unwrap().prove(3, Some(vec![1])).unwrap().to_string();
    assert!(good.starts_with("c2sp.org/tlog-proof@v1\nextra AQ==\nindex 3\n"), "{good}");
    for (from, to) in [
        ("@v1", "@v2"),
        ("index 3", "index 03"),
        ("index 3", "index -3"),
        ("index 3", "Index 3"),
        ("AQ==", "AQ"),
        ("\n\n", "\n"),
        ("extra AQ==\n", "extra AQ==\nextra AQ==\n"),
        ("=\n\n", "=\n\n\n"),
        ("index 3\n", "index 3\nAAAA\n"),
    ] {
        let bad = good.replacen(from, to, 1).parse::<Proof>();
        assert_eq!(bad, Err(ProofError::Form), "{from} became {to}");
    }
    assert!(SignedCheckpoint::parse(good.as_bytes()).is_err());
}
