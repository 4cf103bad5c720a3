//! Writes a log for programs that are not ours to read: `sample DIR`. It has a rotation, a pruned beginning, partial
//! files and, in `DIR.proofs/`, proofs with the entries that they are of. The public keys are printed, the newest last.
#![expect(clippy::print_stdout, reason = "what it is for")]

mod common;

use std::error::Error;
use std::fs;
use std::sync::Arc;

use aws_lc_rs::signature::Ed25519KeyPair;
use claviger_tlog::{Directory, Reader, Signer, VerifierKey, Writer};

use crate::common::Key;

/// Enough for two levels of full tiles, and for tiles of three.
const ENTRIES: u64 = 66_000;

fn key(number: u8) -> Result<Box<dyn Signer>, Box<dyn Error>> {
    Ok(Box::new(Key(Ed25519KeyPair::from_seed_unchecked(&[number; 32])?)))
}

fn main() -> Result<(), Box<dyn Error>> {
    let directory = std::env::args().nth(1).ok_or("which directory?")?;
    let files = Arc::new(Directory::new(&directory));
    let origin: claviger_tlog::Origin = "kms.example/audit".parse()?;
    let proofs = format!("{directory}.proofs");
    fs::create_dir_all(&proofs)?;
    let mut writer = Writer::open(files.clone(), origin.clone(), key(1)?)?;
    let trusted = VerifierKey::new(origin, key(1)?.public_key());
    let mut group = 1;
    while writer.next_index() < ENTRIES {
        for _ in 0..group {
            let index = writer.next_index();
            writer.append(format!("entry {index}").repeat(1 + usize::try_from(index % 5)?).as_bytes())?;
        }
        writer.commit()?;
        fs::write(format!("{proofs}/{}.checkpoint", writer.next_index()), writer.checkpoint().to_string())?;
        group = group * 3 + 1;
        if writer.next_index() > 1_000 && writer.keys().keys().count() == 1 {
            writer.rotate(key(2)?)?;
            writer.append(b"the first entry under the second key")?;
            writer.commit()?;
        }
    }
    let reader = Reader::open(files, &trusted)?;
    for index in [0, 1, 255, 256, 1_000, 65_535, 65_536, reader.size() - 1] {
        let entry = reader.entry(index)?;
        fs::write(format!("{proofs}/{index}.tlog-proof"), reader.prove(index, Some(entry))?.to_string())?;
    }
    writer.prune(1_500)?;
    reader.keys().keys().for_each(|key| println!("{key}"));
    Ok(())
}
