//! The log's texts and bundles: what is read has one form, and proves nothing but what was logged.

use std::sync::Arc;

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_tlog::{
    Bundle, Directory, KeyChain, Origin, Proof, Reader, SignedCheckpoint, SignedNote, Signer, VerifierKey, Writer,
};

/// Source: C2SP tlog-checkpoint, its example.
const CHECKPOINT: &str = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n\
    — example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";

/// Source: the documentation of Go's `golang.org/x/mod/sumdb/note`.
const KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
const NOTE: &str = "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n\n\
    — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

const WORDS: [&str; 8] = ["\n", "\n\n", "— ", "+", "=", "0", "18446744073709551615", "example.com/behind-the-sofa"];

/// Signed notes and checkpoints, edited: only the text that was signed is signed.
pub fn notes(campaign: Campaign) {
    let key: VerifierKey = KEY.parse().unwrap();
    let (text, _) = NOTE.rsplit_once("\n\n").unwrap();
    campaign.run(Edited::new([NOTE, CHECKPOINT], WORDS), |Bytes(bytes)| {
        let Ok(note) = SignedNote::parse(bytes) else { return false };
        let again = SignedNote::parse(note.to_string().as_bytes());
        assert_eq!(again.as_ref(), Ok(&note), "it is read as it is written");
        if note.is_signed_by(&key) == Ok(true) {
            assert_eq!(note.text(), format!("{text}\n"));
        }
        if let Ok(checkpoint) = SignedCheckpoint::parse(bytes) {
            assert_eq!(checkpoint.checkpoint().to_string(), note.text());
        }
        true
    });
}

/// Verifier keys, edited: a key that is read is written the same way.
pub fn verifier_keys(campaign: Campaign) {
    campaign.run(Edited::new([KEY], WORDS).text(), |text| {
        let Ok(key) = text.parse::<VerifierKey>() else { return false };
        assert_eq!(key.to_string(), *text);
        true
    });
}

/// Entry bundles, edited: the entries with their lengths are the bytes, all of them.
pub fn entry_bundles(campaign: Campaign) {
    let samples = [&b"\0\x01a\0\0\0\x03abc"[..], &[0; 12], &[&[1, 0][..], &[7; 256]].concat()];
    let words: [&[u8]; 4] = [&[0, 0], &[0xff, 0xff], &[0, 1], &[1, 0]];
    campaign.run(Edited::new(samples, words), |Bytes(bytes)| {
        let mut good = false;
        for count in 0..8 {
            let Ok(bundle) = Bundle::parse(bytes, count) else { continue };
            assert_eq!(bundle.entries().len(), count);
            let length = |entry: &&[u8]| u16::try_from(entry.len()).unwrap().to_be_bytes();
            let again: Vec<u8> =
                bundle.entries().iter().flat_map(|entry| [&length(entry)[..], entry].concat()).collect();
            assert_eq!(again, *bytes);
            good |= count > 0;
        }
        good
    });
}

/// Proofs of a log's entries, edited: one form, and what is proved of an entry is its own place in the log, by the
/// log's own key.
pub fn entry_proofs(campaign: Campaign) {
    let log = Log::new();
    let keys = KeyChain::of(log.key.clone());
    let strange = KeyChain::of(KEY.parse().unwrap());
    for (entry, proof) in &log.proofs {
        assert!(proof.check(entry, &keys).is_ok(), "what is not edited is proved");
    }
    let samples = log.proofs.iter().map(|(_, proof)| proof.to_string());
    let samples: Vec<_> = samples.chain([format!("c2sp.org/tlog-proof@v1\nindex 0\n\n{CHECKPOINT}")]).collect();
    let hash = log.proofs.iter().find_map(|(_, proof)| proof.path.first()).unwrap().to_string();
    let words = [hash.as_str(), "index ", "extra ", "\n\n", "0", "18446744073709551615", "AQID"];
    campaign.run(Edited::new(samples, words).text(), |text| {
        let Ok(proof) = text.parse::<Proof>() else { return false };
        assert_eq!(proof.to_string(), *text);
        let is_of = |good: &Proof| {
            let same_log = proof.checkpoint.checkpoint() == good.checkpoint.checkpoint();
            proof.index == good.index && proof.path == good.path && same_log
        };
        let good = log.proofs.iter().find(|(_, good)| is_of(good));
        for (entry, _) in &log.proofs {
            assert!(proof.check(entry, &strange).is_err(), "a key that signed nothing");
            let is_there = good.is_some_and(|(there, _)| there == entry);
            assert!(is_there || proof.check(entry, &keys).is_err(), "{}", entry.escape_ascii());
        }
        // Whatever was edited in what proves nothing, such as `extra`, it is a proof still.
        let Some((entry, good)) = good.filter(|(_, good)| good.checkpoint == proof.checkpoint) else { return false };
        assert!(proof.check(entry, &keys).is_ok(), "{good}");
        true
    });
}

/// Proofs of some entries, from logs of one key and several sizes.
struct Log {
    key: VerifierKey,
    proofs: Vec<(Vec<u8>, Proof)>,
}

impl Log {
    fn new() -> Self {
        let origin: Origin = "example.com/log".parse().unwrap();
        let key = VerifierKey::new(origin.clone(), LogSigner::new().public_key());
        let mut proofs = Vec::new();
        for size in [1, 2, 7, 300] {
            let scratch = tempfile::tempdir().unwrap();
            let files = Arc::new(Directory::new(scratch.path().join("log")));
            let mut writer = Writer::open(files.clone(), origin.clone(), Box::new(LogSigner::new())).unwrap();
            let entry = |index: u64| format!("entry {index}").into_bytes();
            (0..size).for_each(|index| assert_eq!(writer.append(&entry(index)).unwrap(), index));
            writer.commit().unwrap();
            let reader = Reader::open(files, &key).unwrap();
            for index in [0, size / 2, size - 1] {
                proofs.push((entry(index), reader.prove(index, Some(vec![1, 2, 3])).unwrap()));
            }
        }
        Self { key, proofs }
    }
}

struct LogSigner(Ed25519KeyPair);

impl LogSigner {
    fn new() -> Self {
        Self(Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap())
    }
}

impl Signer for LogSigner {
    fn public_key(&self) -> [u8; 32] {
        self.0.public_key().as_ref().try_into().unwrap()
    }

    fn sign(&self, message: &[u8]) -> [u8; 64] {
        self.0.sign(message).as_ref().try_into().unwrap()
    }
}
