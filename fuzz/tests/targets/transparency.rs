//! The log's texts and bundles: what is read has one form, and proves nothing but what was logged.

use claviger_fuzz::{Bytes, Campaign, Edited};
use claviger_tlog::{Bundle, KeyChain, Proof, SignedCheckpoint, SignedNote, VerifierKey};

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

/// Proofs, edited: one form, and nothing is proved by a key that signed nothing.
pub fn entry_proofs(campaign: Campaign) {
    let keys = KeyChain::of(KEY.parse().unwrap());
    let hash = "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=";
    let samples = [
        format!("c2sp.org/tlog-proof@v1\nindex 73894\n{hash}\n{hash}\n\n{CHECKPOINT}"),
        format!("c2sp.org/tlog-proof@v1\nextra AQID\nindex 0\n\n{CHECKPOINT}"),
    ];
    let words = [hash, "index ", "extra ", "\n\n", "0", "18446744073709551615", "AQID"];
    campaign.run(Edited::new(samples, words).text(), |text| {
        let Ok(proof) = text.parse::<Proof>() else { return false };
        assert_eq!(proof.to_string(), *text);
        assert!(proof.check(b"entry", &keys).is_err());
        true
    });
}
