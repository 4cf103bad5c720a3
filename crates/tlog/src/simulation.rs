//! A simulated disk of files and directories: it remembers each operation, so that the disk after a power loss at any
//! moment can be made, and it fails on demand. For tests, here and of crates that write a log.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::Files;

/// What a disk writes whole or not at all.
const SECTOR: usize = 512;

/// The longest file that a log has: a bundle of entries that are as long as they may be.
pub const FILE_BYTES_MAX: usize = 256 * (2 + 65_535);

/// Handles share the disk.
#[derive(Clone, Default)]
pub struct Disk(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    image: Image,
    base: Image,
    operations: Vec<Operation>,
    counted: usize,
    faults: Faults,
    locked: Arc<()>,
}

/// What fails.
#[derive(Debug, Clone, Copy, Default)]
pub struct Faults {
    /// From this operation on (all that change or sync are counted), that many fail; writes do half of their work.
    pub operations: Option<(usize, usize)>,
    /// All files together have no more room than this.
    pub room: Option<usize>,
}

/// What changes a disk, or makes it durable.
#[derive(Clone)]
pub enum Operation {
    /// Makes a directory.
    Directory(String),
    /// Removes a file or an empty directory.
    Remove(String),
    /// Gives a file another name.
    Rename(String, String),
    /// Makes a file, or the names in a directory, durable.
    Sync(String),
    /// Writes a whole file.
    Write(String, Vec<u8>),
}

/// Files and directories as they are read, and what of them is durable.
#[derive(Clone, Default)]
pub struct Image {
    nodes: BTreeMap<usize, Node>,
    next: usize,
    /// The names as they are read.
    names: BTreeMap<String, usize>,
    /// The names that are durable, and what has happened to names since, by directory.
    durable: BTreeMap<String, usize>,
    pending: BTreeMap<String, Vec<Change>>,
}

#[derive(Clone)]
struct Node {
    directory: bool,
    bytes: Vec<u8>,
    /// What was synced last, and what was written since, the newest last.
    synced: Vec<u8>,
    unsynced: Vec<Vec<u8>>,
}

/// Names that are given and taken at once.
#[derive(Clone)]
struct Change {
    gone: Option<String>,
    there: Option<(String, usize)>,
}

impl Disk {
    /// One with these files.
    pub fn new(image: Image) -> Self {
        let state = State { image: image.clone(), base: image, ..State::default() };
        Self(Arc::new(Mutex::new(state)))
    }

    /// From now on this fails.
    pub fn set_faults(&self, faults: Faults) {
        self.lock_state().faults = faults;
    }

    /// Operations so far.
    pub fn moment(&self) -> usize {
        self.lock_state().operations.len()
    }

    /// Operations that were asked for so far, with those that failed.
    pub fn counted(&self) -> usize {
        self.lock_state().counted
    }

    /// What it began with, and all operations since.
    pub fn history(&self) -> (Image, Vec<Operation>) {
        let state = self.lock_state();
        (state.base.clone(), state.operations.clone())
    }

    /// Another disk with the same files.
    pub fn copy(&self) -> Self {
        Self::new(self.lock_state().image.clone())
    }

    /// All files with their bytes.
    pub fn contents(&self) -> BTreeMap<String, Vec<u8>> {
        let state = self.lock_state();
        let files = state.image.names.iter().map(|(path, id)| (path, &state.image.nodes[id]));
        files.filter(|(_, node)| !node.directory).map(|(path, node)| (path.clone(), node.bytes.clone())).collect()
    }

    /// Puts other bytes into a file, or takes it away.
    pub fn put(&self, path: &str, bytes: Option<Vec<u8>>) {
        let mut state = self.lock_state();
        match bytes {
            Some(bytes) => state.image.apply(&Operation::Write(path.to_owned(), bytes)),
            None => state.image.apply(&Operation::Remove(path.to_owned())),
        }
    }

    fn lock_state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn change(&self, operation: Operation) -> io::Result<()> {
        let mut state = self.lock_state();
        let number = state.counted;
        state.counted += 1;
        let fails = state.faults.operations.is_some_and(|(from, count)| number >= from && number - from < count);
        let full = match (&operation, state.faults.room) {
            (Operation::Write(path, bytes), Some(room)) => state.image.bytes_without(path) + bytes.len() > room,
            _ => false,
        };
        let operation = match operation {
            Operation::Write(path, bytes) if fails || full => {
                let half = bytes[..bytes.len() / 2].to_vec();
                Operation::Write(path, half)
            }
            _ if fails => return Err(io::Error::other("the disk failed")),
            operation => operation,
        };
        state.image.check(&operation)?;
        state.image.apply(&operation);
        state.operations.push(operation);
        match (fails, full) {
            (true, _) => Err(io::Error::other("the disk failed")),
            (_, true) => Err(io::ErrorKind::StorageFull.into()),
            _ => Ok(()),
        }
    }
}

impl Files for Disk {
    fn read(&self, path: &str, most: usize) -> io::Result<Vec<u8>> {
        assert!(most <= FILE_BYTES_MAX + 1, "{path}: {most} bytes are too many to ask for");
        let state = self.lock_state();
        let node = state.image.node(path).filter(|node| !node.directory);
        node.map(|node| node.bytes[..node.bytes.len().min(most)].to_vec()).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let state = self.lock_state();
        if !path.is_empty() && !state.image.node(path).is_some_and(|node| node.directory) {
            return Err(io::ErrorKind::NotFound.into());
        }
        Ok(state.image.inside(path).map(|name| name.rsplit('/').next().unwrap().to_owned()).collect())
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        if path.is_empty() || self.lock_state().image.node(path).is_some_and(|node| node.directory) {
            return Ok(());
        }
        self.change(Operation::Directory(path.to_owned()))
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.change(Operation::Write(path.to_owned(), bytes.to_vec()))
    }

    fn sync(&self, paths: &[&str]) -> io::Result<()> {
        paths.iter().try_for_each(|path| self.change(Operation::Sync((*path).to_owned())))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.change(Operation::Rename(from.to_owned(), to.to_owned()))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.change(Operation::Remove(path.to_owned()))
    }

    fn lock(&self) -> io::Result<Box<dyn Send>> {
        let state = self.lock_state();
        match Arc::strong_count(&state.locked) {
            1 => Ok(Box::new(state.locked.clone())),
            _ => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl Image {
    /// The operation's own conditions, as an operating system has them.
    fn check(&self, operation: &Operation) -> io::Result<()> {
        let there = |path: &str| path.is_empty() || self.names.contains_key(path);
        let good = match operation {
            Operation::Directory(path) | Operation::Write(path, _) => there(parent(path)),
            Operation::Remove(path) if self.inside(path).next().is_some() => {
                return Err(io::ErrorKind::DirectoryNotEmpty.into());
            }
            Operation::Remove(path) | Operation::Sync(path) | Operation::Rename(path, _) => there(path),
        };
        if good { Ok(()) } else { Err(io::ErrorKind::NotFound.into()) }
    }

    /// Does what the operation does.
    pub fn apply(&mut self, operation: &Operation) {
        match operation {
            Operation::Directory(path) => self.give(path, Node::new(true)),
            Operation::Remove(path) => {
                self.names.remove(path);
                self.happened(path, Change { gone: Some(path.clone()), there: None });
            }
            Operation::Rename(from, to) => {
                let id = self.names.remove(from).expect("it is there");
                self.names.insert(to.clone(), id);
                self.happened(to, Change { gone: Some(from.clone()), there: Some((to.clone(), id)) });
            }
            Operation::Sync(path) => {
                if let Some(node) = self.names.get(path).and_then(|id| self.nodes.get_mut(id)) {
                    node.synced.clone_from(&node.bytes);
                    node.unsynced.clear();
                }
                for change in self.pending.remove(path).unwrap_or_default() {
                    change.apply(&mut self.durable);
                }
            }
            Operation::Write(path, bytes) => {
                if !self.names.contains_key(path) {
                    self.give(path, Node::new(false));
                }
                let node = self.nodes.get_mut(&self.names[path]).expect("it is there");
                node.bytes.clone_from(bytes);
                node.unsynced.push(bytes.clone());
            }
        }
    }

    /// What a power loss leaves: all that was synced, of names since then a random part, and of bytes since then random
    /// sectors.
    pub fn after_power_loss(&self, random: &mut Random) -> Self {
        let kept = [0, 10, 50, 90, 100][random.below(5)];
        let mut names = self.durable.clone();
        for changes in self.pending.values() {
            let happened = changes.iter().filter(|_| random.percent(kept)).collect::<Vec<_>>();
            happened.into_iter().for_each(|change| change.apply(&mut names));
        }
        // What stands in a directory whose name was lost is lost too, as is whatever stands under a lost parent.
        let reachable = |path: &str| {
            let mut above = parent(path);
            while !above.is_empty() && names.contains_key(above) {
                above = parent(above);
            }
            above.is_empty()
        };
        let found = names.iter().filter(|(path, _)| reachable(path));
        let mut image = Self { next: self.next, ..Self::default() };
        for (path, id) in found {
            let node = &self.nodes[id];
            let bytes = node.after_power_loss(kept, random);
            image.nodes.insert(*id, Node { bytes: bytes.clone(), synced: bytes, unsynced: Vec::new(), ..node.clone() });
            image.names.insert(path.clone(), *id);
        }
        image.durable = image.names.clone();
        image
    }

    fn node(&self, path: &str) -> Option<&Node> {
        self.names.get(path).map(|id| &self.nodes[id])
    }

    fn inside<'a>(&'a self, path: &'a str) -> impl Iterator<Item = &'a String> {
        self.names.keys().filter(move |name| parent(name) == path)
    }

    fn bytes_without(&self, path: &str) -> usize {
        self.names.iter().filter(|(name, _)| *name != path).map(|(_, id)| self.nodes[id].bytes.len()).sum()
    }

    fn give(&mut self, path: &str, node: Node) {
        let id = self.next;
        self.next += 1;
        self.nodes.insert(id, node);
        self.names.insert(path.to_owned(), id);
        self.happened(path, Change { gone: None, there: Some((path.to_owned(), id)) });
    }

    fn happened(&mut self, path: &str, change: Change) {
        self.pending.entry(parent(path).to_owned()).or_default().push(change);
    }
}

impl Change {
    fn apply(&self, names: &mut BTreeMap<String, usize>) {
        if let Some(gone) = &self.gone {
            names.remove(gone);
        }
        if let Some((path, id)) = &self.there {
            names.insert(path.clone(), *id);
        }
    }
}

impl Node {
    fn new(directory: bool) -> Self {
        Self { directory, bytes: Vec::new(), synced: Vec::new(), unsynced: Vec::new() }
    }

    fn after_power_loss(&self, kept: usize, random: &mut Random) -> Vec<u8> {
        let mut bytes = self.synced.clone();
        for written in &self.unsynced {
            // The length is part of the directory's side of things and may be lost or kept apart from the bytes.
            if random.percent(kept.max(20)) {
                bytes.resize(written.len(), 0);
            }
            for (number, sector) in written.chunks(SECTOR).enumerate() {
                let from = number * SECTOR;
                if from < bytes.len() && random.percent(kept) {
                    let end = bytes.len().min(from + sector.len());
                    bytes[from..end].copy_from_slice(&sector[..end - from]);
                }
            }
        }
        bytes
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// A sequence of numbers for each seed.
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// The next number below a bound.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.number() % bound as u64) as usize
    }

    /// Yes, so many times of a hundred.
    pub fn percent(&mut self, chance: usize) -> bool {
        self.below(100) < chance
    }
}
