//! Full and failing disks: the writer says so, the log is as at a checkpoint, and it goes on.

use claviger_tlog::simulation::{Disk, Faults};
use claviger_tlog::{WriteError, Writer};

use crate::fixture::{TestSigner, append, assert_pruned, files, key, open, verified};

/// Some of everything; returns the size that was committed last.
fn work(disk: &Disk) -> (u64, Result<(), WriteError>) {
    let mut committed = 0;
    let outcome = open(disk).and_then(|mut writer| {
        committed = writer.next_index();
        let outcome = steps(&mut writer, &mut committed);
        // Whoever failed refuses all that follows, unless only what was pruned could not be removed.
        if outcome.is_err() && (!writer.is_ready() || writer.kept_from() == 0) {
            let signer = TestSigner::boxed(8);
            let appended = writer.append(b"x").err();
            let refused = [appended, writer.prune(0).err(), writer.commit().err(), writer.rotate(signer).err()];
            assert!(refused.iter().all(|error| matches!(error, Some(WriteError::Failed))), "{refused:?}");
        }
        outcome
    });
    (committed, outcome)
}

fn steps(writer: &mut Writer, committed: &mut u64) -> Result<(), WriteError> {
    for count in [3, 200, 120] {
        append(writer, count)?;
        *committed = writer.next_index();
    }
    if writer.keys().keys().count() == 1 {
        writer.rotate(TestSigner::boxed(2))?;
    }
    append(writer, 700)?;
    *committed = writer.next_index();
    writer.prune(*committed - 500)?;
    append(writer, 1)?;
    *committed = writer.next_index();
    Ok(())
}

#[test]
fn after_an_error_at_any_operation_the_log_goes_on() {
    let good = Disk::default();
    work(&good).1.unwrap();
    let operations = good.counted();
    assert!(operations > 60, "{operations}");
    for failing in 0..operations {
        for count in [1, usize::MAX] {
            let place = format!("operation {failing}, {count} fail");
            let disk = Disk::default();
            disk.set_faults(Faults { operations: Some((failing, count)), room: None });
            let (committed, outcome) = work(&disk);
            match &outcome {
                Err(WriteError::Io { .. }) => {}
                // What removes superseded files may fail and harm nothing.
                Ok(()) => {}
                other => panic!("{place}: {other:?}"),
            }
            disk.set_faults(Faults::default());
            let mut writer = open(&disk).expect(&place);
            assert_pruned(&disk, &writer, &place);
            assert!(writer.next_index() >= committed, "{place}: {} of {committed}", writer.next_index());
            append(&mut writer, 300).expect(&place);
            drop(writer);
            let report = verified(&disk).expect(&place);
            let reader = claviger_tlog::Reader::open(files(&disk), &key(1)).expect(&place);
            assert!(report.checkpoint.checkpoint().size >= committed + 300, "{place}");
            for entry in reader.entries(reader.kept_from()..reader.size()) {
                let (index, entry) = entry.expect(&place);
                assert_eq!(entry, crate::fixture::entry(index), "{place}");
            }
        }
    }
}

#[test]
fn on_a_full_disk_the_writer_says_so_and_goes_on_when_there_is_room() {
    let mut full = 0;
    for room in (0..700).map(|step| step * 1_500) {
        let disk = Disk::default();
        disk.set_faults(Faults { room: Some(room), operations: None });
        let (committed, outcome) = work(&disk);
        if let Err(error) = outcome {
            full += 1;
            assert!(
                matches!(&error, WriteError::Io { source, .. }
                if source.kind() == std::io::ErrorKind::StorageFull),
                "{room}: {error:?}"
            );
        }
        if committed > 0 {
            let report = verified(&disk).unwrap_or_else(|error| panic!("{room}: {error}"));
            assert!(report.checkpoint.checkpoint().size >= committed, "{room}");
        }
        disk.set_faults(Faults::default());
        let mut writer = open(&disk).unwrap_or_else(|error| panic!("{room}: {error}"));
        assert!(writer.next_index() >= committed, "{room}");
        append(&mut writer, 10).unwrap();
        verified(&disk).unwrap_or_else(|error| panic!("{room}: {error}"));
    }
    assert!(full > 50, "{full}");
}

/// What was pruned is none of the log any more: that it cannot be removed stops nobody, and the next pruning removes it.
#[test]
fn a_bundle_that_cannot_be_removed() {
    let mut kept = 0;
    for failing in 0..40 {
        let disk = Disk::default();
        let mut writer = open(&disk).unwrap();
        append(&mut writer, 700).unwrap();
        disk.set_faults(Faults { operations: Some((disk.counted() + failing, 1)), room: None });
        if writer.prune(512).is_ok() || !writer.is_ready() {
            continue;
        }
        kept += 1;
        assert_eq!(writer.kept_from(), 512, "{failing}");
        append(&mut writer, 10).unwrap();
        verified(&disk).unwrap();
        writer.prune(0).unwrap();
        assert_pruned(&disk, &writer, &failing.to_string());
    }
    assert!(kept >= 2, "{kept}");
}
