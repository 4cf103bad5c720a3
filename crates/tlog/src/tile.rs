//! Where tiles and entry bundles stand in the directory, and the bytes of a tile. Source: C2SP tlog-tiles.

use crate::bundle::STORED_ENTRY_BYTES_MAX;
use crate::hash::{HASH_BYTES, Hash};

/// Hashes of a full tile, and entries of a full bundle.
pub(crate) const WIDTH: usize = 256;

/// Entries of a full bundle: pruning removes as many together.
pub const BUNDLE_ENTRIES: u64 = WIDTH as u64;

/// `WIDTH` as a power of two.
pub(crate) const HEIGHT: u32 = 8;

/// Levels of tiles that the tree of any 64-bit size has.
pub(crate) const LEVELS: u32 = u64::BITS / HEIGHT;

/// What ends the name of a folder of partial forms.
pub(crate) const PARTIAL: &str = ".p";

/// Where all of them stand.
pub(crate) const FOLDER: &str = "tile";

/// The rows of files that a log has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Row {
    Entries,
    Level(u32),
}

impl Row {
    /// Where its files stand.
    pub(crate) fn folder(self) -> String {
        match self {
            Self::Entries => format!("{FOLDER}/entries"),
            Self::Level(level) => format!("{FOLDER}/{level}"),
        }
    }
}

/// One file's place in a row, full or not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) row: Row,
    pub(crate) index: u64,
}

impl Tile {
    pub(crate) fn entries(index: u64) -> Self {
        Self { row: Row::Entries, index }
    }

    pub(crate) fn level(level: u32, index: u64) -> Self {
        Self { row: Row::Level(level), index }
    }

    /// The file that holds it when it has so many hashes or entries.
    pub(crate) fn path(self, width: usize) -> String {
        match width {
            WIDTH => self.full_path(),
            _ => format!("{}/{width}", self.partial_folder()),
        }
    }

    /// The folder of its partial forms.
    pub(crate) fn partial_folder(self) -> String {
        format!("{}{PARTIAL}", self.full_path())
    }

    /// The longest file of that width.
    pub(crate) fn bytes_max(self, width: usize) -> usize {
        width
            * match self.row {
                Row::Entries => STORED_ENTRY_BYTES_MAX,
                Row::Level(_) => HASH_BYTES,
            }
    }

    fn full_path(self) -> String {
        format!("{}/{}", self.row.folder(), indexed(self.index))
    }
}

/// The width of a partial file of that name. Numbers have one form; what is called otherwise is none of the log's.
pub(crate) fn width_named(name: &str) -> Option<usize> {
    let width = name.parse().ok().filter(|width| (1..WIDTH).contains(width))?;
    (width.to_string() == name).then_some(width)
}

/// Groups of three digits, all but the last one behind an `x`: `x001/x234/067`.
fn indexed(index: u64) -> String {
    match index / 1000 {
        0 => format!("{index:03}"),
        above => format!("{}/{:03}", folders(above), index % 1000),
    }
}

fn folders(index: u64) -> String {
    match index / 1000 {
        0 => format!("x{index:03}"),
        above => format!("{}/x{:03}", folders(above), index % 1000),
    }
}

/// How many hashes the row of that level has in a tree of `size` entries.
pub(crate) fn hashes_at(level: u32, size: u64) -> u64 {
    size.checked_shr(level * HEIGHT).unwrap_or(0)
}

/// How wide the tile at this place is in a row of `total` hashes or entries.
pub(crate) fn width_at(index: u64, total: u64) -> usize {
    let before = index.saturating_mul(WIDTH as u64);
    // INVARIANT: at most 256.
    usize::try_from(total.saturating_sub(before).min(WIDTH as u64)).unwrap_or(WIDTH)
}

/// The bytes of a tile.
pub(crate) fn encode(hashes: &[Hash]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(hashes.len() * HASH_BYTES);
    hashes.iter().for_each(|hash| bytes.extend_from_slice(hash.as_bytes()));
    bytes
}

/// None if it is not exactly that many hashes.
pub(crate) fn decode(bytes: &[u8], width: usize) -> Option<Vec<Hash>> {
    let (hashes, rest) = bytes.as_chunks::<HASH_BYTES>();
    let whole = rest.is_empty() && hashes.len() == width;
    whole.then(|| hashes.iter().copied().map(Hash::from_bytes).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Source: C2SP tlog-tiles, "Merkle Tree", and its example of a tree of 70,000 entries.
    #[test]
    fn paths_and_widths_are_the_published_ones() {
        for (tile, width, want) in [
            (Tile::level(0, 1_234_067), 256, "tile/0/x001/x234/067"),
            (Tile::level(1, 5), 17, "tile/1/005.p/17"),
            (Tile::entries(999), 256, "tile/entries/999"),
            (Tile::entries(1000), 1, "tile/entries/x001/000.p/1"),
            (Tile::level(7, u64::MAX), 256, "tile/7/x018/x446/x744/x073/x709/x551/615"),
        ] {
            assert_eq!(tile.path(width), want, "{tile:?} {width}");
        }
        for (level, index, want) in
            [(0, 272, 256), (0, 273, 112), (0, 274, 0), (1, 0, 256), (1, 1, 17), (2, 0, 1), (3, 0, 0)]
        {
            assert_eq!(width_at(index, hashes_at(level, 70_000)), want, "level {level}, tile {index}");
        }
        assert_eq!(width_at(0, hashes_at(1, 256)), 1);
        assert_eq!(hashes_at(LEVELS, u64::MAX), 0);
    }

    #[test]
    fn a_width_has_one_name() {
        for (name, want) in [("1", Some(1)), ("255", Some(255)), ("0", None), ("256", None), ("01", None), ("+1", None)]
        {
            assert_eq!(width_named(name), want, "{name}");
        }
    }

    #[test]
    fn a_tile_is_read_as_it_was_written() {
        let hashes = [crate::leaf_hash(b"a"), crate::leaf_hash(b"b")];
        let bytes = encode(&hashes);
        assert_eq!(decode(&bytes, 2), Some(hashes.to_vec()));
        for (bytes, width) in [(&bytes[..], 1), (&bytes[..], 3), (&bytes[..63], 2), (&bytes[..63], 1)] {
            assert_eq!(decode(bytes, width), None, "{} bytes, {width} wide", bytes.len());
        }
    }
}
