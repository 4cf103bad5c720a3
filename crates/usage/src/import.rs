//! Uses that others recorded, as they are kept: in a file for each import, since no log of ours tells of them.
//!
//! `docs/formats.md` describes the file. Texts and keys stand in it once. Each use bears the id of its event, so that it is
//! known when it comes again.

use std::io::{self, Read, Write};

use claviger_types::{AccountId, KeyArn, Timestamp, limits};
use indexmap::IndexSet;
use minicbor::{Decode, Encode};

use crate::entry::{Addressed, Operation, Use};
use crate::frames::{FrameReader, FrameWriter};
use crate::snapshot::{KeyName, StoredError};
use crate::texts::{TextId, Texts};

/// What a file begins with: its name and the version of its form.
const OPENING: &[u8; 16] = b"claviger-import1";
const NAME: &[u8] = b"claviger-import";

/// Bytes of a text that is kept, other than those of the encryption context.
const TEXT_BYTES_MAX: usize = 2 * 1024;

/// Uses that were imported together.
#[derive(Debug)]
pub struct Import {
    at: Timestamp,
    texts: Texts,
    keys: IndexSet<KeyArn>,
    uses: Vec<UseItem>,
}

/// By what a use is known that is imported again. The two uses of a ReEncrypt are told apart by their actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct ImportedId {
    /// Whose key it was.
    pub account: AccountId,
    /// The id of the event.
    pub event: [u8; 16],
    /// As which action.
    pub operation: Operation,
}

#[derive(Encode, Decode)]
struct Head {
    #[cbor(n(0), with = "crate::snapshot::millis")]
    at: Timestamp,
    #[n(1)]
    texts: u32,
    #[n(2)]
    keys: u32,
    #[n(3)]
    uses: u32,
}

#[derive(Debug, Encode, Decode)]
struct UseItem {
    #[cbor(n(0), with = "minicbor::bytes")]
    event: [u8; 16],
    #[cbor(n(1), with = "crate::snapshot::millis")]
    at: Timestamp,
    #[n(2)]
    key: u32,
    #[n(3)]
    operation: Operation,
    #[n(4)]
    addressed: Addressed,
    #[cbor(n(5), with = "minicbor::bytes")]
    backing_key: Option<[u8; 32]>,
    #[n(6)]
    principal_id: TextId,
    #[n(7)]
    principal: TextId,
    /// Source, environment, application, code of the error.
    #[n(8)]
    labels: [Option<TextId>; 4],
    #[n(9)]
    encryption_context: Vec<(TextId, TextId)>,
}

impl Import {
    /// Nothing yet, imported at this time.
    pub fn new(at: Timestamp) -> Self {
        Self { at, texts: Texts::default(), keys: IndexSet::new(), uses: Vec::new() }
    }

    /// Adds a use of this event. None if it has texts that are too long to be kept.
    pub fn push(&mut self, event: [u8; 16], used: &Use<'_>) -> Option<()> {
        let labels = [used.source, used.environment, used.application, used.error_code];
        let pairs = used.encryption_context;
        let mut texts = [used.principal_id, used.principal].into_iter().chain(labels.into_iter().flatten());
        // Those of the canonical form (`claviger_types::EncryptionContext`) beside its first two.
        let context_bytes: usize = pairs.iter().map(|(name, value)| 8 + name.len() + value.len()).sum();
        if texts.any(|text| text.len() > TEXT_BYTES_MAX) || context_bytes > limits::ENCRYPTION_CONTEXT_BYTES_MAX {
            return None;
        }
        let item = UseItem {
            event,
            at: used.at,
            key: u32::try_from(self.keys.insert_full(used.key).0).ok()?,
            operation: used.operation,
            addressed: used.addressed,
            backing_key: used.backing_key,
            principal_id: self.texts.keep(used.principal_id)?,
            principal: self.texts.keep(used.principal)?,
            labels: labels.map(|label| label.and_then(|label| self.texts.keep(label))),
            encryption_context: pairs
                .iter()
                .map(|(name, value)| Some((self.texts.keep(name)?, self.texts.keep(value)?)))
                .collect::<Option<_>>()?,
        };
        self.uses.push(item);
        Some(())
    }

    /// When it was imported.
    pub fn at(&self) -> Timestamp {
        self.at
    }

    /// How many uses there are.
    pub fn len(&self) -> usize {
        self.uses.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.uses.is_empty()
    }

    /// Whose uses they are, use by use.
    pub fn ids(&self) -> impl Iterator<Item = ImportedId> {
        self.uses.iter().filter_map(|used| used.id(&self.keys))
    }

    /// The keys that are used.
    pub fn used_keys(&self) -> IndexSet<KeyArn> {
        self.uses.iter().filter_map(|used| self.keys.get_index(used.key as usize)).copied().collect()
    }

    /// Leaves out all uses but these, and what only the others name.
    pub fn retain(&mut self, mut keep: impl FnMut(ImportedId) -> bool) {
        let mut kept = Self::new(self.at);
        let mut pairs = Vec::new();
        for used in &self.uses {
            if used.id(&self.keys).is_some_and(&mut keep) {
                // INVARIANT: what was pushed once can be pushed again.
                let _ = self.told(used, &mut pairs, |told| {
                    kept.push(used.event, told);
                });
            }
        }
        *self = kept;
    }

    /// Writes it.
    pub fn write(&self, mut out: impl Write) -> io::Result<()> {
        out.write_all(OPENING)?;
        let mut out = FrameWriter::new(out);
        let count = |count: usize| u32::try_from(count).map_err(io::Error::other);
        out.item(Head {
            at: self.at,
            texts: count(self.texts.len())?,
            keys: count(self.keys.len())?,
            uses: count(self.uses.len())?,
        })?;
        self.texts.iter().try_for_each(|text| out.item(text))?;
        self.keys.iter().try_for_each(|key| out.item(KeyName::of(key)))?;
        self.uses.iter().try_for_each(|used| out.item(used))?;
        out.finish()
    }

    /// Reads what was written.
    pub fn read(mut input: impl Read) -> Result<Self, StoredError> {
        let mut opening = [0; OPENING.len()];
        input.read_exact(&mut opening)?;
        if !opening.starts_with(NAME) {
            return Err(StoredError::Damaged("does not begin as an import does"));
        }
        if opening != *OPENING {
            return Err(StoredError::Unknown);
        }
        let mut input = FrameReader::new(input);
        let head: Head = input.item()?;
        let mut this = Self::new(head.at);
        for number in 0..head.texts {
            let kept = this.texts.keep(input.item()?);
            let is_new = kept.is_some_and(|id| id.index() == number as usize);
            is_new.then_some(()).ok_or(StoredError::Damaged("holds a text twice"))?;
        }
        for _ in 0..head.keys {
            let is_new = this.keys.insert(input.item::<KeyName<'_>>()?.arn()?);
            is_new.then_some(()).ok_or(StoredError::Damaged("holds a key twice"))?;
        }
        for _ in 0..head.uses {
            let item: UseItem = input.item()?;
            this.uses.push(item);
            let is_whole = this.uses.last().is_some_and(|used| this.told(used, &mut Vec::new(), |_| ()).is_some());
            is_whole.then_some(()).ok_or(StoredError::Damaged("names a text or a key that is not there"))?;
        }
        input.finish()?;
        Ok(this)
    }

    /// Shows each use.
    pub fn for_each(&self, mut show: impl FnMut(&Use<'_>)) {
        let mut pairs = Vec::new();
        for used in &self.uses {
            // INVARIANT: what a use names is there: `push` kept it, `read` refused others.
            let _ = self.told(used, &mut pairs, &mut show);
        }
    }

    /// Shows a use, if all that it names is there.
    fn told<'t>(
        &'t self,
        item: &UseItem,
        pairs: &mut Vec<(&'t str, &'t str)>,
        show: impl FnOnce(&Use<'_>),
    ) -> Option<()> {
        pairs.clear();
        for (name, value) in &item.encryption_context {
            pairs.push((self.texts.text(*name)?, self.texts.text(*value)?));
        }
        let label = |label: Option<TextId>| match label {
            None => Some(None),
            Some(id) => self.texts.text(id).map(Some),
        };
        let [source, environment, application, error_code] = item.labels;
        show(&Use {
            at: item.at,
            key: *self.keys.get_index(item.key as usize)?,
            operation: item.operation,
            addressed: item.addressed,
            backing_key: item.backing_key,
            principal_id: self.texts.text(item.principal_id)?,
            principal: self.texts.text(item.principal)?,
            source: label(source)?,
            environment: label(environment)?,
            application: label(application)?,
            encryption_context: pairs,
            error_code: label(error_code)?,
            event_copy: 0,
        });
        Some(())
    }
}

impl UseItem {
    fn id(&self, keys: &IndexSet<KeyArn>) -> Option<ImportedId> {
        let account = keys.get_index(self.key as usize)?.account;
        Some(ImportedId { account, event: self.event, operation: self.operation })
    }
}
