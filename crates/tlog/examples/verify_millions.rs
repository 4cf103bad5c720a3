//! Measures a log on this machine's disk: `verify_millions DIR [ENTRIES]` writes 5 million entries of 250 bytes, verifies them,
//! and commits small groups.
#![expect(clippy::print_stdout, reason = "what it is for")]

mod common;

use std::error::Error;
use std::sync::Arc;
use std::time::Instant;

use aws_lc_rs::signature::Ed25519KeyPair;
use claviger_tlog::{Directory, Signer, VerifierKey, Writer, verify};

use crate::common::Key;

const ENTRY_BYTES: usize = 250;
const ENTRIES_PER_LARGE_GROUP: u64 = 50_000;
const SMALL_GROUPS: u64 = 300;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let directory = arguments.next().ok_or("which directory?")?;
    let entries: u64 = arguments.next().map_or(Ok(5_000_000), |entries| entries.parse())?;
    let key = Key(Ed25519KeyPair::from_seed_unchecked(&[7; 32])?);
    let trusted = VerifierKey::new("measure.example/log".parse()?, key.public_key());
    let files = Arc::new(Directory::new(directory));
    let mut writer = Writer::open(files.clone(), trusted.name().clone(), Box::new(key))?;

    let started = Instant::now();
    while writer.next_index() < entries {
        for _ in 0..ENTRIES_PER_LARGE_GROUP.min(entries - writer.next_index()) {
            append(&mut writer)?;
        }
        writer.commit()?;
    }
    println!("{entries} entries written in {:.1} s", started.elapsed().as_secs_f64());

    let started = Instant::now();
    let report = verify(files, &trusted, None, &mut |_, _| {})?;
    println!("{} entries verified in {:.1} s", report.entries, started.elapsed().as_secs_f64());

    for per_group in [1, 10, 100] {
        let mut times = Vec::new();
        for _ in 0..SMALL_GROUPS {
            (0..per_group).try_for_each(|_| append(&mut writer))?;
            let started = Instant::now();
            writer.commit()?;
            times.push(started.elapsed().as_secs_f64() * 1e3);
        }
        times.sort_by(f64::total_cmp);
        let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
        println!("groups of {per_group}: median {:.2} ms, 95 of 100 within {:.2} ms", at(50), at(95));
    }
    Ok(())
}

fn append(writer: &mut Writer) -> Result<(), Box<dyn Error>> {
    let mut entry = [0x5A; ENTRY_BYTES];
    if let Some(head) = entry.first_chunk_mut() {
        *head = writer.next_index().to_be_bytes();
    }
    writer.append(&entry)?;
    Ok(())
}
