//! A transparency log in a directory: append-only, Merkle-hashed, with signed checkpoints.
//!
//! Entries are opaque bytes. It knows no event, no policy, no storage and no private key: whoever writes gives a
//! [`Signer`]. Layout and texts are the public ones of C2SP (tlog-tiles, tlog-checkpoint, signed-note, tlog-proof), the
//! hashes those of RFC 6962, so that a log is read by programs that are not ours. What is our own, the chain of signing
//! keys and the marker of what was pruned, is signed notes too. `docs/audit-log.md` describes the whole.
//!
//! - [`Writer`] appends entries and commits them in groups; the checkpoint is the commit point.
//! - [`Reader`] reads entries and makes proofs, which [`Proof::check`] checks without the log.
//! - [`verify`] checks a whole log offline, and that it continues a checkpoint that was kept elsewhere.

mod bundle;
mod checkpoint;
mod edge;
mod error;
mod files;
mod hash;
mod head;
mod keys;
mod note;
mod proof;
mod pruned;
mod reader;
mod removal;
mod rows;
#[cfg(feature = "simulation")]
pub mod simulation;
mod stored;
mod tile;
mod tree;
mod verify;
mod writer;

pub use bundle::{BadBundle, Bundle, ENTRY_BYTES_MAX};
pub use checkpoint::{Checkpoint, SignedCheckpoint};
pub use error::{Damage, LogError, WriteError};
pub use files::{Directory, Files, open_regular};
pub use hash::{Hash, leaf_hash};
pub use keys::KeyChain;
pub use note::{NoteError, Origin, SignedNote, Signer, VerifierKey};
pub use proof::{Proof, ProofError};
pub use reader::{Entries, Reader};
pub use tile::BUNDLE_ENTRIES;
pub use tree::{verify_consistency, verify_inclusion};
pub use verify::{Report, verify};
pub use writer::Writer;

/// What every log has in its directory, damaged or not.
pub const PARTS: [&str; 3] = [head::CHECKPOINT, keys::FOLDER, tile::FOLDER];
