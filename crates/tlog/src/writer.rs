//! Writing a log. Entries become part of it with a checkpoint, all of a commit or none of it.
//!
//! Tiles and bundles are written as soon as they are full, while they are in the processor's cache, and the others by the
//! commit; no checkpoint speaks of any of them yet. The commit writes the checkpoint under another name; syncs all, with
//! the directories that have their names; and gives the checkpoint its name. So whenever the power goes, the log is as
//! at one of its checkpoints, and what stands beyond it is written again. After any error the log is as at the last
//! checkpoint, or at the one that was being written: the writer refuses everything, and opening a new one tells which.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use crate::bundle::push_entry;
use crate::checkpoint::{Checkpoint, SignedCheckpoint};
use crate::edge::Edge;
use crate::error::{Damage, LogError, WriteError};
use crate::files::{Files, list_if_there, parent, read_if_there};
use crate::hash::leaf_hash;
use crate::head::{CHECKPOINT, Head, Rotation};
use crate::keys::{self, KeyChain};
use crate::note::{NOTE_BYTES_MAX, Origin, SignedNote, Signer, VerifierKey};
use crate::pruned;
use crate::removal::{remove_pruned, remove_superseded, remove_wider};
use crate::stored::{check_bundle, read_own};
use crate::tile::{self, HEIGHT, PARTIAL, Row, Tile, WIDTH, width_at};

/// The one writer of a log.
pub struct Writer {
    files: Arc<dyn Files>,
    signer: Box<dyn Signer>,
    key: VerifierKey,
    chain: KeyChain,
    checkpoint: SignedCheckpoint,
    kept_from: u64,
    /// The tree with all that was appended.
    edge: Edge,
    /// The bundle that is not full yet.
    bundle: Vec<u8>,
    /// What became full since the last commit.
    full: Vec<Tile>,
    /// What the next commit must sync.
    unsynced: Vec<String>,
    state: State,
    /// Partial files of the last commit, so that those which are as they were are not written again.
    written: Vec<(Tile, usize)>,
    /// Directories that are there, durably once the commit that found or made them is.
    folders: HashSet<String>,
    /// Held as long as this writer is.
    _lock: Box<dyn Send>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Failed,
    Ready,
}

impl Writer {
    /// Opens the log in a directory, or begins one there. What a crash left beyond the last checkpoint is dropped.
    pub fn open(files: Arc<dyn Files>, origin: Origin, signer: Box<dyn Signer>) -> Result<Self, WriteError> {
        files.create_directory("").map_err(|source| WriteError::disk(".", source))?;
        let lock = files.lock().map_err(|error| match error.kind() {
            io::ErrorKind::WouldBlock => WriteError::AlreadyOpen,
            _ => WriteError::disk(".", error),
        })?;
        let key = VerifierKey::new(origin, signer.public_key());
        let head = match read_if_there(&*files, CHECKPOINT, NOTE_BYTES_MAX)? {
            Some(bytes) => Head::new(&*files, &bytes, KeyChain::load_any(&*files)?)?,
            // Tiles come after the first checkpoint, so that a log which lost its checkpoint is not begun anew.
            None if list_if_there(&*files, tile::FOLDER)?.is_empty() => begin(&*files, &key, &*signer)?,
            None => return Err(Damage::missing(CHECKPOINT).into()),
        };
        if let Some(expected) = head.chain.newest().filter(|newest| **newest != key) {
            return Err(WriteError::WrongKey { expected: expected.clone() });
        }
        let (edge, bundle) = load_edge(&*files, &head)?;
        let mut writer = Self {
            files,
            signer,
            key,
            chain: head.chain,
            checkpoint: head.checkpoint,
            kept_from: head.kept_from,
            edge,
            bundle,
            full: Vec::new(),
            unsynced: Vec::new(),
            state: State::Ready,
            written: Vec::new(),
            folders: HashSet::from([String::new()]),
            _lock: lock,
        };
        writer.recover(head.rotation)?;
        Ok(writer)
    }

    /// The last checkpoint.
    pub fn checkpoint(&self) -> &SignedCheckpoint {
        &self.checkpoint
    }

    /// The keys that sign the log.
    pub fn keys(&self) -> &KeyChain {
        &self.chain
    }

    /// The first entry that was not pruned.
    pub fn kept_from(&self) -> u64 {
        self.kept_from
    }

    /// Whether entries can be appended: after most errors only a new writer can tell what is there.
    pub fn is_ready(&self) -> bool {
        self.state == State::Ready
    }

    /// The place that the next entry gets.
    pub fn next_index(&self) -> u64 {
        self.edge.size()
    }

    /// Appends an entry, which is part of the log from the next commit on. Returns its place. What becomes full with it is
    /// written: after any error but that the entry is too long, the writer refuses everything.
    pub fn append(&mut self, entry: &[u8]) -> Result<u64, WriteError> {
        self.ready()?;
        let index = self.edge.size();
        push_entry(&mut self.bundle, entry).ok_or(WriteError::EntryTooLong { bytes: entry.len() })?;
        let full = self.edge.push(leaf_hash(entry));
        if !full.is_empty() {
            self.state = State::Failed;
            let mut bundle = std::mem::take(&mut self.bundle);
            self.write_full(Tile::entries(index >> HEIGHT), &bundle)?;
            bundle.clear();
            self.bundle = bundle;
            for (tile, hashes) in full {
                self.write_full(tile, &tile::encode(&hashes))?;
            }
            self.state = State::Ready;
        }
        Ok(index)
    }

    /// Makes all that was appended durable, with a new checkpoint. After an error nobody knows whether it is.
    pub fn commit(&mut self) -> Result<&SignedCheckpoint, WriteError> {
        self.ready()?;
        if self.edge.size() > self.checkpoint.checkpoint().size {
            self.state = State::Failed;
            self.write_commit()?;
            self.state = State::Ready;
        }
        Ok(&self.checkpoint)
    }

    /// Commits, and has all further checkpoints signed by another key. The one at this very size bears both signatures.
    /// Whoever calls must have kept the new key before: the log may need it from then on.
    pub fn rotate(&mut self, signer: Box<dyn Signer>) -> Result<&SignedCheckpoint, WriteError> {
        self.commit()?;
        let key = VerifierKey::new(self.key.name().clone(), signer.public_key());
        if self.chain.keys().any(|known| *known == key) {
            return Err(WriteError::KeyInUse);
        }
        self.state = State::Failed;
        let size = self.edge.size();
        let before = Some((&self.chain, &*self.signer));
        let (path, statement) = KeyChain::statement(before, &key, &*signer, size)?;
        put_durably(&*self.files, &path, statement.to_string().as_bytes(), Vec::new())?;
        self.chain.push(key.clone(), size);
        (self.key, self.signer) = (key, signer);
        self.finish_rotation()?;
        self.state = State::Ready;
        Ok(&self.checkpoint)
    }

    /// Removes entries before this one, as far as whole bundles of them are full. Their hashes stay, so that all that
    /// was proved stays provable. Returns the first entry that is kept. If only removing fails, the log is in order and can
    /// be written: what is below the marker is none of it any more, and the next pruning removes it.
    pub fn prune(&mut self, before: u64) -> Result<u64, WriteError> {
        self.ready()?;
        let kept_from = before.min(self.checkpoint.checkpoint().size) / WIDTH as u64 * WIDTH as u64;
        if kept_from > self.kept_from {
            // An interrupted one is ended when the log is opened.
            self.state = State::Failed;
            let text = pruned::text(self.key.name().as_str(), kept_from);
            let marker = SignedNote::sign(text, &self.key, &*self.signer)?;
            put_durably(&*self.files, pruned::FILE, marker.to_string().as_bytes(), Vec::new())?;
            self.kept_from = kept_from;
            self.state = State::Ready;
        }
        // Folders that are empty then are gone.
        self.folders = HashSet::from([String::new()]);
        remove_pruned(&*self.files, self.kept_from)?;
        Ok(self.kept_from)
    }

    fn ready(&self) -> Result<(), WriteError> {
        match self.state {
            State::Ready => Ok(()),
            State::Failed => Err(WriteError::Failed),
        }
    }

    fn write_commit(&mut self) -> Result<(), WriteError> {
        let checkpoint = Checkpoint { origin: self.key.name().clone(), size: self.edge.size(), root: self.edge.root() };
        let note = SignedNote::sign(checkpoint.to_string(), &self.key, &*self.signer)?;
        let signed = SignedCheckpoint::of_note(note).ok_or(WriteError::Signer)?;
        let partial = self.partial_files();
        for (tile, width, bytes) in &partial {
            let begun = self.written.iter().any(|(written, _)| written == tile);
            if !begun {
                remove_wider(&*self.files, *tile, 0)?;
            }
            if !self.written.contains(&(*tile, *width)) {
                self.write(tile.path(*width), bytes)?;
            }
        }
        self.write_checkpoint(&signed)?;
        self.written = partial.into_iter().map(|(tile, width, _)| (tile, width)).collect();
        for tile in std::mem::take(&mut self.full) {
            let folder = tile.partial_folder();
            // Most have none: they became full within a commit.
            if self.folders.remove(&folder) {
                // The full file has replaced them; if they stay, nothing reads them.
                let _ = remove_superseded(&*self.files, tile);
            }
        }
        Ok(())
    }

    fn write_full(&mut self, tile: Tile, bytes: &[u8]) -> Result<(), WriteError> {
        self.full.push(tile);
        self.write(tile.path(WIDTH), bytes)
    }

    /// The files at the right edge, as they must be now.
    fn partial_files(&self) -> Vec<(Tile, usize, Vec<u8>)> {
        let width = width_at(self.edge.size() >> HEIGHT, self.edge.size());
        let bundle = (Tile::entries(self.edge.size() >> HEIGHT), width, self.bundle.clone());
        let tiles = self.edge.partial_tiles().map(|(tile, hashes)| (tile, hashes.len(), tile::encode(hashes)));
        tiles.chain((width > 0).then_some(bundle)).collect()
    }

    /// Writes a file under a name that no checkpoint speaks of.
    fn write(&mut self, path: String, bytes: &[u8]) -> Result<(), WriteError> {
        self.make_folder(parent(&path))?;
        self.files.write(&path, bytes).map_err(|source| WriteError::disk(&path, source))?;
        self.unsynced.push(parent(&path).to_owned());
        self.unsynced.push(path);
        Ok(())
    }

    fn make_folder(&mut self, folder: &str) -> Result<(), WriteError> {
        if !self.folders.contains(folder) {
            let above = parent(folder);
            self.make_folder(above)?;
            self.files.create_directory(folder).map_err(|source| WriteError::disk(folder, source))?;
            let names = list_if_there(&*self.files, folder)?.into_iter();
            let partial = names.filter(|name| name.ends_with(PARTIAL)).map(|name| format!("{folder}/{name}"));
            self.folders.extend(partial);
            self.unsynced.extend([above.to_owned(), folder.to_owned()]);
            self.folders.insert(folder.to_owned());
        }
        Ok(())
    }

    fn write_checkpoint(&mut self, signed: &SignedCheckpoint) -> Result<(), WriteError> {
        let sync = std::mem::take(&mut self.unsynced);
        put_durably(&*self.files, CHECKPOINT, signed.to_string().as_bytes(), sync)?;
        self.checkpoint = signed.clone();
        Ok(())
    }

    /// Makes the log that was found durable: its last writer may have died before it was, and a kernel that failed to
    /// write may have forgotten so.
    fn recover(&mut self, rotation: Rotation) -> Result<(), WriteError> {
        self.written = self.partial_files().into_iter().map(|(tile, width, _)| (tile, width)).collect();
        self.written.iter().try_for_each(|(tile, width)| remove_wider(&*self.files, *tile, *width))?;
        // Without the names of the statements, which the last writer may not have synced, nobody would know the new key.
        self.unsynced.push(keys::FOLDER.to_owned());
        match rotation {
            Rotation::Finished => self.write_checkpoint(&self.checkpoint.clone())?,
            Rotation::Unfinished => self.finish_rotation()?,
        }
        // Only now, since with the checkpoint's name the marker's is durable too. What cannot be removed is none of the log.
        let _ = remove_pruned(&*self.files, self.kept_from);
        Ok(())
    }

    /// The checkpoint as it stands, signed by the new key too.
    fn finish_rotation(&mut self) -> Result<(), WriteError> {
        let mut note = self.checkpoint.note().clone();
        note.keep_first_signature();
        note.add_signature(&self.key, &*self.signer)?;
        let signed = SignedCheckpoint::of_note(note).ok_or(WriteError::Signer)?;
        self.write_checkpoint(&signed)
    }
}

/// The first key and the checkpoint of an empty tree.
fn begin(files: &dyn Files, key: &VerifierKey, signer: &dyn Signer) -> Result<Head, WriteError> {
    let (path, statement) = KeyChain::statement(None, key, signer, 0)?;
    files.create_directory(keys::FOLDER).map_err(|source| WriteError::disk(keys::FOLDER, source))?;
    put_durably(files, &path, statement.to_string().as_bytes(), vec![String::new()])?;
    let checkpoint = Checkpoint { origin: key.name().clone(), size: 0, root: Edge::default().root() };
    let note = SignedNote::sign(checkpoint.to_string(), key, signer)?;
    put_durably(files, CHECKPOINT, note.to_string().as_bytes(), Vec::new())?;
    let checkpoint = SignedCheckpoint::of_note(note).ok_or(WriteError::Signer)?;
    let chain = KeyChain::of(key.clone());
    Ok(Head { chain, checkpoint, kept_from: 0, rotation: Rotation::Finished })
}

/// The right edge and the partial bundle, held against the checkpoint.
fn load_edge(files: &dyn Files, head: &Head) -> Result<(Edge, Vec<u8>), LogError> {
    let size = head.size();
    let edge = Edge::load(size, |tile, width| Ok::<_, LogError>(read_own(files, tile, width)?.hashes()?))?;
    if edge.root() != head.checkpoint.checkpoint().root {
        return Err(Damage::other_root().into());
    }
    let first = edge.partial_tiles().find(|(tile, _)| tile.row == Row::Level(0));
    let Some((tile, hashes)) = first else { return Ok((edge, Vec::new())) };
    let tile = Tile::entries(tile.index);
    let stored = read_own(files, tile, hashes.len())?;
    let mut bundle = Vec::with_capacity(stored.bytes.len());
    for entry in check_bundle(&stored, hashes, tile.index << HEIGHT)? {
        // INVARIANT: it was in a bundle, so it is short enough.
        let _ = push_entry(&mut bundle, entry);
    }
    Ok((edge, bundle))
}

/// Puts a file in the place of another, durably and at once, after everything in `sync` is durable.
fn put_durably(files: &dyn Files, path: &str, bytes: &[u8], mut sync: Vec<String>) -> Result<(), WriteError> {
    let draft = format!("{path}.new");
    files.write(&draft, bytes).map_err(|source| WriteError::disk(&draft, source))?;
    sync.push(draft.clone());
    // Files before their directories: a file's sync often makes its name durable too, and the directory's is then quick.
    sync.sort_unstable_by(|a, b| b.cmp(a));
    sync.dedup();
    let paths: Vec<&str> = sync.iter().map(String::as_str).collect();
    files.sync(&paths).map_err(|source| WriteError::disk(path, source))?;
    files.rename(&draft, path).map_err(|source| WriteError::disk(path, source))?;
    files.sync(&[parent(path)]).map_err(|source| WriteError::disk(path, source))
}
