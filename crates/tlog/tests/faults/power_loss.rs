//! Power loss at any moment: no committed entry is lost, none is there twice, and the tree continues.
//!
//! A workload runs on a disk that remembers everything. Then, for thousands of moments, the disk is made as a power
//! loss at that moment may leave it: all that was synced, and of the rest a random part, torn and reordered. The log
//! must open on it, hold at least what was committed by then and each entry in its own place, and continue every
//! checkpoint that anybody was told of. A third of the images lose power again soon after.

use std::thread;

use claviger_tlog::simulation::{Disk, Image, Operation, Random};
use claviger_tlog::{Reader, SignedCheckpoint, Writer, verify};

use crate::fixture::{TestSigner, append, assert_pruned, entry, files, key, open, verified};

const IMAGES_PER_LIFE: usize = 250;

#[test]
fn no_committed_entry_is_lost_and_none_is_there_twice() {
    let images = std::env::var("CLAVIGER_POWER_LOSS_IMAGES").ok();
    let images: usize = images.map_or(3_000, |images| images.parse().expect("CLAVIGER_POWER_LOSS_IMAGES is a number"));
    let lives = images.div_ceil(IMAGES_PER_LIFE);
    let workers = thread::available_parallelism().map_or(2, usize::from).min(lives);
    let tallies: Vec<Tally> = thread::scope(|scope| {
        let worker = |worker: usize| {
            move || {
                let mut tally = Tally::default();
                for life in (worker..lives).step_by(workers) {
                    Life::live(life as u64).lose_power(IMAGES_PER_LIFE.min(images), &mut tally);
                }
                tally
            }
        };
        let workers: Vec<_> = (0..workers).map(|number| scope.spawn(worker(number))).collect();
        workers.into_iter().map(|worker| worker.join().expect("no image fails")).collect()
    });
    let sum = |of: fn(&Tally) -> usize| tallies.iter().map(of).sum::<usize>();
    let (beyond, again) = (sum(|tally| tally.beyond), sum(|tally| tally.again));
    println!("{images} images, {beyond} beyond what was told, {again} lost power again");
    // What nobody was told of is sometimes there, else the disk is no worse than a good one.
    assert!(images < 1_000 || beyond > images / 100 && again > images / 5, "{tallies:?}");
}

/// A process is killed at any moment of a rotation, the next one ends it, and then the power goes.
#[test]
fn a_rotation_that_was_interrupted_is_durable_once_the_log_is_open() {
    let disk = Disk::default();
    let mut writer = open(&disk).unwrap();
    append(&mut writer, 3).unwrap();
    let before = disk.moment();
    writer.rotate(TestSigner::boxed(2)).unwrap();
    drop(writer);
    let (base, operations) = disk.history();
    let mut random = Random::new(0);
    for moment in before..=operations.len() {
        let mut killed = base.clone();
        operations[..moment].iter().for_each(|operation| killed.apply(operation));
        let disk = Disk::new(killed);
        drop(open(&disk).unwrap());
        let (mut image, opening) = disk.history();
        opening.iter().for_each(|operation| image.apply(operation));
        for _ in 0..20 {
            let after = Disk::new(image.after_power_loss(&mut random));
            verified(&after).unwrap_or_else(|error| panic!("moment {moment}: {error}"));
        }
    }
}

#[derive(Debug, Default)]
struct Tally {
    /// Images with entries that nobody had been told of.
    beyond: usize,
    /// Images that lost power a second time.
    again: usize,
}

/// One run of a workload, and all that can be known of it.
struct Life {
    seed: u64,
    base: Image,
    operations: Vec<Operation>,
    /// The moment at which each checkpoint was told.
    told: Vec<(usize, SignedCheckpoint)>,
}

impl Life {
    fn live(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let disk = Disk::default();
        let mut told = Vec::new();
        let mut writer = open(&disk).unwrap();
        for _ in 0..14 {
            work(&mut writer, &mut random);
            told.push((disk.moment(), writer.checkpoint().clone()));
            if random.percent(20) {
                drop(writer);
                writer = open(&disk).unwrap();
            }
        }
        let (base, operations) = disk.history();
        Self { seed, base, operations, told }
    }

    fn lose_power(&self, images: usize, tally: &mut Tally) {
        let mut random = Random::new(self.seed ^ 0x0FF0);
        let mut moments: Vec<_> = (0..images).map(|_| random.below(self.operations.len() + 1)).collect();
        moments.sort_unstable();
        let (mut image, mut applied) = (self.base.clone(), 0);
        for moment in moments {
            self.operations[applied..moment].iter().for_each(|operation| image.apply(operation));
            applied = moment;
            let place = format!("life {}, moment {moment}", self.seed);
            let told: Vec<_> = self.told.iter().filter(|(when, _)| *when <= moment).map(|(_, told)| told).collect();
            // One in ten is killed first: its successor reads what was never synced.
            let disk = match random.percent(10) {
                true => Disk::new(image.clone()),
                false => Disk::new(image.after_power_loss(&mut random)),
            };
            let writer = self.assert_whole(&disk, &told, &place);
            let committed = told.last().map_or(0, |told| told.checkpoint().size);
            tally.beyond += usize::from(writer.next_index() > committed);
            if random.percent(34) {
                tally.again += 1;
                self.lose_power_again(writer, &disk, &told, &place, &mut random);
            }
        }
    }

    /// The power is lost once more: while the log was opened, or while it was written to again.
    fn lose_power_again(
        &self,
        mut writer: Writer,
        disk: &Disk,
        told: &[&SignedCheckpoint],
        place: &str,
        random: &mut Random,
    ) {
        work(&mut writer, random);
        let (end, last) = (disk.moment(), writer.checkpoint().clone());
        drop(writer);
        let (mut image, operations) = disk.history();
        let moment = random.below(end + 1);
        operations[..moment].iter().for_each(|operation| image.apply(operation));
        let mut told = told.to_vec();
        if moment == end {
            told.push(&last);
        }
        let disk = Disk::new(image.after_power_loss(random));
        self.assert_whole(&disk, &told, &format!("{place}, then again at {moment}"));
    }

    /// The log opens, and holds what it must.
    fn assert_whole(&self, disk: &Disk, told: &[&SignedCheckpoint], place: &str) -> Writer {
        // An auditor may come before the writer does.
        if let Some(last) = told.last() {
            let audited = verify(files(disk), &key(1), Some(last), &mut |_, _| {});
            assert!(audited.is_ok(), "{place}: before it is opened: {audited:?}");
        }
        let mut writer = open(disk).unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_entries(disk, told, place);
        assert_pruned(disk, &writer, place);
        append(&mut writer, 1 + self.seed % 3).unwrap_or_else(|error| panic!("{place}: {error}"));
        verified(disk).unwrap_or_else(|error| panic!("{place}: after more was written: {error}"));
        writer
    }
}

fn assert_entries(disk: &Disk, told: &[&SignedCheckpoint], place: &str) {
    let reader = Reader::open(files(disk), &key(1)).unwrap_or_else(|error| panic!("{place}: {error}"));
    for told in told {
        reader.check_pinned(told).unwrap_or_else(|error| panic!("{place}: {}: {error}", told.checkpoint().size));
    }
    for found in reader.entries(reader.kept_from()..reader.size()) {
        let (index, found) = found.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert!(found == entry(index), "{place}: entry {index} is another");
    }
}

/// Mostly small groups; sometimes large ones, a new key, less of the past.
fn work(writer: &mut Writer, random: &mut Random) {
    match random.below(12) {
        0 => append(writer, random.below(600) as u64).unwrap(),
        1 => {
            let next = writer.keys().keys().count() as u8 + 1;
            if next <= 9 {
                writer.rotate(TestSigner::boxed(next)).unwrap();
            }
        }
        2 => {
            let before = writer.next_index() / 2;
            writer.prune(before).unwrap();
        }
        3 => append(writer, random.below(300) as u64).unwrap(),
        _ => append(writer, random.below(12) as u64).unwrap(),
    }
}
