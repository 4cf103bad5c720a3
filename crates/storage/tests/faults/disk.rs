//! A simulated disk: it remembers each write and sync, so that the disk after a power loss at any moment can be made,
//! and it fails on demand.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use claviger_storage::Medium;
use claviger_storage::conformance::Random;
use redb::StorageBackend;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// Handles share the disk.
#[derive(Clone)]
pub(crate) struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// What is on the platters for certain: everything before the first event.
    base: Vec<u8>,
    events: Vec<Event>,
    /// What is read: everything that was written.
    content: Vec<u8>,
    faults: Faults,
    operations: usize,
    /// A sync failed, and the operating system has forgotten what it could not write.
    forgotten: Option<Random>,
}

/// What happened to a disk.
#[derive(Clone)]
pub(crate) enum Event {
    SetLen(usize),
    Sync,
    Write(usize, Vec<u8>),
}

/// What fails.
#[derive(Debug, Clone, Default)]
pub(crate) struct Faults {
    /// From this operation on (writes, changes of length and syncs are counted), that many fail.
    pub(crate) operations: Option<(usize, usize)>,
    /// The disk has no room beyond this length.
    pub(crate) room: Option<usize>,
    /// After a sync that failed, whoever opens the disk anew finds a random part of what was not synced.
    pub(crate) failed_syncs_forget: bool,
    /// Syncs do their work and then say that they failed.
    pub(crate) syncs_deny: bool,
    /// The disk cannot be opened.
    pub(crate) unopenable: bool,
}

impl Disk {
    pub(crate) fn new(base: Vec<u8>) -> Self {
        let content = base.clone();
        Self(Arc::new(Mutex::new(State { base, content, ..State::default() })))
    }

    pub(crate) fn medium(&self) -> Medium {
        let disk = self.clone();
        Medium::new(move || {
            let mut state = disk.lock();
            state.forget();
            match state.faults.unopenable {
                true => Err(io::Error::other("the disk is away")),
                false => Ok(disk.clone()),
            }
        })
    }

    pub(crate) fn set_faults(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// Writes, changes of length and syncs so far.
    pub(crate) fn operations(&self) -> usize {
        self.lock().operations
    }

    pub(crate) fn content(&self) -> Vec<u8> {
        self.lock().content.clone()
    }

    /// Puts another disk in its place.
    pub(crate) fn set_content(&self, content: Vec<u8>) {
        let mut state = self.lock();
        state.base = content.clone();
        state.content = content;
        state.events.clear();
    }

    /// The base and all events since.
    pub(crate) fn history(&self) -> (Vec<u8>, Vec<Event>) {
        let state = self.lock();
        (state.base.clone(), state.events.clone())
    }

    /// How many events there are.
    pub(crate) fn moment(&self) -> usize {
        self.lock().events.len()
    }

    /// The disk as a new process finds it after the old one was killed at some moment: all that was written is read,
    /// but only what was synced survives a power loss.
    pub(crate) fn after_kill(base: Vec<u8>, events: Vec<Event>) -> Self {
        let mut content = base.clone();
        events.iter().for_each(|event| event.apply(&mut content));
        Self(Arc::new(Mutex::new(State { base, content, events, ..State::default() })))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the disk holds after a power loss: `synced`, and of the events after the last sync a random part, cut into
/// sectors, in random order.
pub(crate) fn power_loss(synced: &[u8], unsynced: &[Event], random: &mut Random) -> Vec<u8> {
    let mut image = synced.to_vec();
    let kept = [0, 10, 50, 90, 100][random.below(5)];
    let mut sectors = Vec::new();
    for event in unsynced {
        match event {
            Event::SetLen(_) if !random.percent(kept.max(20)) => {}
            Event::SetLen(_) => event.apply(&mut image),
            Event::Sync => panic!("a sync is not unsynced"),
            Event::Write(offset, bytes) => {
                let mut start = 0;
                while start < bytes.len() {
                    let end = bytes.len().min((offset + start) / SECTOR * SECTOR + SECTOR - offset);
                    if random.percent(kept) {
                        sectors.push((offset + start, &bytes[start..end]));
                    }
                    start = end;
                }
            }
        }
    }
    let reordered = random.percent(50);
    while !sectors.is_empty() {
        let index = if reordered { random.below(sectors.len()) } else { 0 };
        let (offset, bytes) = sectors.remove(index);
        write(&mut image, offset, bytes);
    }
    image
}

impl Event {
    pub(crate) fn apply(&self, image: &mut Vec<u8>) {
        match self {
            Self::SetLen(length) => image.resize(*length, 0),
            Self::Sync => {}
            Self::Write(offset, bytes) => write(image, *offset, bytes),
        }
    }
}

fn write(image: &mut Vec<u8>, offset: usize, bytes: &[u8]) {
    let end = offset + bytes.len();
    if image.len() < end {
        image.resize(end, 0);
    }
    image[offset..end].copy_from_slice(bytes);
}

impl State {
    fn forget(&mut self) {
        let Some(mut random) = self.forgotten.take() else { return };
        let synced = self.events.iter().rposition(|event| matches!(event, Event::Sync)).map_or(0, |sync| sync + 1);
        let unsynced = self.events.split_off(synced);
        let mut image = std::mem::take(&mut self.base);
        self.events.drain(..).for_each(|event| event.apply(&mut image));
        self.content = power_loss(&image, &unsynced, &mut random);
        self.base = self.content.clone();
    }

    /// Counts an operation, which fails if it is to.
    fn count(&mut self) -> io::Result<()> {
        let operation = self.operations;
        self.operations += 1;
        match self.faults.operations {
            Some((from, count)) if (from..from.saturating_add(count)).contains(&operation) => {
                Err(io::Error::other("the disk failed"))
            }
            _ => Ok(()),
        }
    }

    fn allow(&self, end: usize) -> io::Result<()> {
        match self.faults.room {
            Some(room) if end > room && end > self.content.len() => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl std::fmt::Debug for Disk {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Disk")
    }
}

impl StorageBackend for Disk {
    fn len(&self) -> io::Result<u64> {
        Ok(self.lock().content.len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let state = self.lock();
        let offset = usize::try_from(offset).unwrap_or(usize::MAX);
        let bytes = offset.checked_add(out.len()).and_then(|end| state.content.get(offset..end));
        out.copy_from_slice(bytes.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }

    fn set_len(&self, length: u64) -> io::Result<()> {
        let mut state = self.lock();
        state.count()?;
        let length = usize::try_from(length).map_err(|_| io::ErrorKind::FileTooLarge)?;
        state.allow(length)?;
        // A damaged file may ask for anything.
        if length > 1 << 30 {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        let event = Event::SetLen(length);
        event.apply(&mut state.content);
        state.events.push(event);
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        let mut state = self.lock();
        if let Err(error) = state.count() {
            if state.faults.failed_syncs_forget {
                state.forgotten = Some(Random::new(state.operations as u64));
            }
            return Err(error);
        }
        state.events.push(Event::Sync);
        match state.faults.syncs_deny {
            true => Err(io::Error::other("the disk failed, or says so")),
            false => Ok(()),
        }
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut state = self.lock();
        state.count()?;
        let offset = usize::try_from(offset).map_err(|_| io::ErrorKind::FileTooLarge)?;
        state.allow(offset + data.len())?;
        let event = Event::Write(offset, data.to_vec());
        event.apply(&mut state.content);
        state.events.push(event);
        Ok(())
    }
}
