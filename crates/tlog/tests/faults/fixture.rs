//! Keys, entries and logs that the tests share.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use claviger_tlog::simulation::{Disk, Random};
use claviger_tlog::{Files, LogError, Origin, Report, Signer, VerifierKey, WriteError, Writer, verify};

pub(crate) const ORIGIN: &str = "kms.example/audit";

/// The signer of that number.
pub(crate) struct TestSigner(Ed25519KeyPair);

impl TestSigner {
    pub(crate) fn new(number: u8) -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap())
    }

    pub(crate) fn boxed(number: u8) -> Box<dyn Signer> {
        Box::new(Self::new(number))
    }
}

impl Signer for TestSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}

pub(crate) fn origin() -> Origin {
    ORIGIN.parse().unwrap()
}

pub(crate) fn key(number: u8) -> VerifierKey {
    VerifierKey::new(origin(), TestSigner::new(number).public_key())
}

/// The entry at that place: no two are the same, and they have many lengths.
pub(crate) fn entry(index: u64) -> Vec<u8> {
    let mut random = Random::new(index);
    let length = [0, 3, 40, 250, 251, 700][random.below(6)];
    let mut entry = index.to_be_bytes().to_vec();
    entry.extend((0..length).map(|place| (index as u8).wrapping_add(place as u8)));
    entry
}

/// Appends the entries that belong there.
pub(crate) fn append(writer: &mut Writer, count: u64) -> Result<(), WriteError> {
    for _ in 0..count {
        let index = writer.next_index();
        assert_eq!(writer.append(&entry(index))?, index);
    }
    writer.commit().map(|_| ())
}

/// Opens with whichever key is the log's newest: of a rotation that was under way, a caller has both.
pub(crate) fn open(disk: &Disk) -> Result<Writer, WriteError> {
    let open = |number| Writer::open(files(disk), origin(), TestSigner::boxed(number));
    match open(1) {
        Err(WriteError::WrongKey { expected }) => {
            let number = (2..=9).find(|number| key(*number) == expected).expect("one of the tests' keys");
            open(number)
        }
        other => other,
    }
}

pub(crate) fn files(disk: &Disk) -> Arc<dyn Files> {
    Arc::new(disk.clone())
}

/// An open log has no bundle below its marker, nor a part of one, whatever interrupted the pruning.
pub(crate) fn assert_pruned(disk: &Disk, writer: &Writer, place: &str) {
    let kept = format!("tile/entries/{:03}", writer.kept_from() / 256);
    let below = |path: &String| path.starts_with("tile/entries/") && *path < kept;
    let left: Vec<_> = disk.contents().into_keys().filter(below).collect();
    assert!(left.is_empty(), "{place}: {left:?} are below {kept}");
}

pub(crate) fn verified(disk: &Disk) -> Result<Report, LogError> {
    verify(files(disk), &key(1), None, &mut |_, _| {})
}
