//! Records of many files as one, as long as a request can hold it: a trail is many small files, and each request leaves
//! an event and a file at the server.

use std::io::{self, Write};

use claviger_core::cloudtrail_file::{RECORD_BYTES_MAX, UNPACKED_BYTES_MAX};
use claviger_types::limits;
use flate2::Compression;
use flate2::write::GzEncoder;

/// Bytes of it when it is packed. As base64 it leaves some room for the other members of the request, and for what a
/// packer adds to what it cannot make shorter.
const PACKED_BYTES_MAX: usize = limits::BODY_BYTES_MAX / 4 * 3 - 64 * 1024;

// Whoever begins a new file adds a record without asking again: an empty one has room for the longest that is sent.
const _: () = assert!(RECORD_BYTES_MAX + 64 < PACKED_BYTES_MAX);

const OPENING: &str = r#"{"Records":["#;
const CLOSING: &str = "]}";

/// A file of CloudTrail that grows.
pub(super) struct Joined {
    packer: GzEncoder<Vec<u8>>,
    /// Bytes that went in.
    unpacked: usize,
    /// Those of them that the packer may still hold back.
    held: usize,
}

impl Default for Joined {
    fn default() -> Self {
        Self { packer: GzEncoder::new(Vec::new(), Compression::default()), unpacked: 0, held: 0 }
    }
}

impl Joined {
    /// Whether it has room for one more record.
    pub(super) fn has_room_for(&mut self, record: &str) -> io::Result<bool> {
        let bytes = OPENING.len() + record.len() + CLOSING.len();
        if self.packed_at_most() + bytes > PACKED_BYTES_MAX {
            // How short it became is known of what is out. Each time less room is left: it is done some dozens of times.
            self.packer.flush()?;
            self.held = 0;
        }
        Ok(self.unpacked + bytes <= UNPACKED_BYTES_MAX && self.packed_at_most() + bytes <= PACKED_BYTES_MAX)
    }

    /// Adds a record.
    pub(super) fn push(&mut self, record: &str) -> io::Result<()> {
        self.write(if self.unpacked == 0 { OPENING } else { "," })?;
        self.write(record)
    }

    /// The file, packed. There is a record in it.
    pub(super) fn finish(mut self) -> io::Result<Vec<u8>> {
        self.write(CLOSING)?;
        self.packer.finish()
    }

    fn packed_at_most(&self) -> usize {
        self.packer.get_ref().len() + self.held
    }

    fn write(&mut self, text: &str) -> io::Result<()> {
        self.unpacked += text.len();
        self.held += text.len();
        self.packer.write_all(text.as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use claviger_core::cloudtrail_file;
    use flate2::read::MultiGzDecoder;

    use super::*;

    /// Records with so many spaces, and so many letters that a packer makes a quarter shorter.
    fn records(count: usize, blank_bytes: usize, noise_bytes: usize) -> impl Iterator<Item = String> {
        let mut state = 1_u64;
        let mut noise = std::iter::from_fn(move || {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(char::from(b'0' + u8::try_from(state % 64).unwrap()))
        });
        (0..count).map(move |number| {
            let noise: String = noise.by_ref().filter(|letter| *letter != '\\').take(noise_bytes).collect();
            format!(r#"[{number},{}"{noise}"]"#, " ".repeat(blank_bytes))
        })
    }

    /// The requests that hold these records, and each of them is full but the last one.
    #[test]
    fn as_few_requests_as_hold_all() {
        for (count, blank_bytes, noise_bytes, want) in [
            (1, 0, 0, 1),
            (10_000, 100, 10, 1),
            (1_000, 0, 600, 1),
            (10_000, 0, 600, 7),
            (10, 0, RECORD_BYTES_MAX - 100, 4),
            (200, RECORD_BYTES_MAX - 100, 0, 2),
        ] {
            let case = format!("{count} of {blank_bytes} and {noise_bytes}");
            let (mut joined, mut files) = (Joined::default(), Vec::new());
            for record in records(count, blank_bytes, noise_bytes) {
                if !joined.has_room_for(&record).unwrap() {
                    files.push(std::mem::take(&mut joined).finish().unwrap());
                }
                joined.push(&record).unwrap();
            }
            files.push(joined.finish().unwrap());
            assert_eq!(files.len(), want, "{case}");
            let mut all = records(count, blank_bytes, noise_bytes);
            for file in files {
                let mut text = Vec::new();
                MultiGzDecoder::new(&*file).read_to_end(&mut text).unwrap();
                assert!(file.len() <= PACKED_BYTES_MAX + 1024 && text.len() <= UNPACKED_BYTES_MAX, "{case}");
                cloudtrail_file::records(&text, |record| assert_eq!(Some(record), all.next().as_deref())).unwrap();
            }
            assert_eq!(all.next(), None, "{case}");
        }
    }
}
