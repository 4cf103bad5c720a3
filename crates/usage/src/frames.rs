//! A stream of CBOR items in frames, each with its checksum, so that nothing damaged is ever parsed and a stream that ends
//! early is not taken for a whole one.
//!
//! `length 4 | CRC-32 4 | items`, big-endian. The checksum is over the number of the frame (8 bytes) and the items. An
//! item stands in one frame. A frame without items is the last one, and nothing follows it.

use std::io::{self, Read, Write};

use minicbor::{Decode, Decoder, Encode};

use crate::snapshot::StoredError;

/// A frame ends with the item with which it is as long.
const FRAME_BYTES: usize = 64 * 1024;

/// More than an item takes.
const ITEM_BYTES_MAX: usize = 64 * 1024;

pub(crate) struct FrameWriter<W> {
    out: W,
    items: Vec<u8>,
    frames: u64,
}

impl<W: Write> FrameWriter<W> {
    pub(crate) fn new(out: W) -> Self {
        Self { out, items: Vec::with_capacity(FRAME_BYTES + ITEM_BYTES_MAX), frames: 0 }
    }

    pub(crate) fn item(&mut self, item: impl Encode<()>) -> io::Result<()> {
        // INVARIANT: writing to a Vec cannot fail.
        let _ = minicbor::encode(item, &mut self.items);
        if self.items.len() >= FRAME_BYTES { self.end_frame() } else { Ok(()) }
    }

    pub(crate) fn finish(mut self) -> io::Result<()> {
        if !self.items.is_empty() {
            self.end_frame()?;
        }
        self.end_frame()?;
        self.out.flush()
    }

    fn end_frame(&mut self) -> io::Result<()> {
        let length = u32::try_from(self.items.len()).map_err(io::Error::other)?;
        self.out.write_all(&length.to_be_bytes())?;
        self.out.write_all(&checksum(self.frames, &self.items).to_be_bytes())?;
        self.out.write_all(&self.items)?;
        self.items.clear();
        self.frames += 1;
        Ok(())
    }
}

pub(crate) struct FrameReader<R> {
    input: R,
    items: Vec<u8>,
    read: usize,
    frames: u64,
}

impl<R: Read> FrameReader<R> {
    pub(crate) fn new(input: R) -> Self {
        Self { input, items: Vec::new(), read: 0, frames: 0 }
    }

    /// The next item, which may borrow from the frame that it stands in.
    pub(crate) fn item<'a, T: Decode<'a, ()>>(&'a mut self) -> Result<T, StoredError> {
        if self.read == self.items.len() && !self.begin_frame()? {
            return Err(StoredError::Damaged("ends early"));
        }
        let mut decoder = Decoder::new(self.items.get(self.read..).unwrap_or_default());
        let item =
            decoder.decode().map_err(|_| StoredError::Damaged("holds an item that is not what belongs there"))?;
        self.read += decoder.position();
        Ok(item)
    }

    /// That all items were read, and nothing follows.
    pub(crate) fn finish(mut self) -> Result<(), StoredError> {
        let whole = self.read == self.items.len() && !self.begin_frame()?;
        let mut more = [0];
        if !whole || self.input.read(&mut more)? > 0 {
            return Err(StoredError::Damaged("does not end where it should"));
        }
        Ok(())
    }

    /// Whether there is another one.
    fn begin_frame(&mut self) -> Result<bool, StoredError> {
        let (length, wanted) = (self.number()? as usize, self.number()?);
        if length > FRAME_BYTES + ITEM_BYTES_MAX {
            return Err(StoredError::Damaged("holds a frame that is too long"));
        }
        self.items.resize(length, 0);
        self.input.read_exact(&mut self.items)?;
        if checksum(self.frames, &self.items) != wanted {
            return Err(StoredError::Damaged("holds a frame whose checksum is wrong"));
        }
        (self.read, self.frames) = (0, self.frames + 1);
        Ok(length > 0)
    }

    fn number(&mut self) -> Result<u32, StoredError> {
        let mut bytes = [0; 4];
        self.input.read_exact(&mut bytes)?;
        Ok(u32::from_be_bytes(bytes))
    }
}

fn checksum(number: u64, items: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&number.to_be_bytes());
    hasher.update(items);
    hasher.finalize()
}
