//! Files of CloudTrail on the disk: found in folders, and cut into parts that a request can hold.
//!
//! Source: CloudTrail user guide, "CloudTrail log file name format": `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`.

use std::fs;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use claviger_core::cloudtrail_file::UNPACKED_BYTES_MAX;
use claviger_types::limits;
use flate2::Compression;
use flate2::read::MultiGzDecoder;
use flate2::write::GzEncoder;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Bytes of a packed part: as base64 it leaves the other members of the request some room.
const PACKED_BYTES_MAX: usize = limits::BODY_BYTES_MAX / 4 * 3 - 64 * 1024;

/// Bytes of a file that is unpacked here.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Folders beside CloudTrail's records that hold something else.
const OTHERS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The disk, or a gzip file that is none.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// One record is too long for a request, or the whole for this program.
    #[error("it is too long")]
    TooLong,
    /// It is something else.
    #[error("it is none of CloudTrail's: {0}")]
    Text(#[from] serde_json::Error),
}

#[derive(Serialize, Deserialize)]
struct Records<'t> {
    #[serde(rename = "Records", borrow)]
    records: Vec<&'t RawValue>,
}

/// The files of a path in the order of their names: itself, or all of a folder and the folders in it.
pub(super) fn find(path: &Path, found: &mut Vec<PathBuf>) -> io::Result<()> {
    if !fs::metadata(path)?.is_dir() {
        found.push(path.to_owned());
        return Ok(());
    }
    let entries = fs::read_dir(path)?.collect::<io::Result<Vec<_>>>()?;
    let mut entries: Vec<_> =
        entries.iter().map(|entry| Ok((entry.path(), entry.file_type()?.is_dir()))).collect::<io::Result<_>>()?;
    entries.sort_unstable();
    for (path, is_folder) in entries {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        if is_folder && !OTHERS.contains(&name) {
            find(&path, found)?;
        } else if !is_folder && (name.ends_with(".json.gz") || name.ends_with(".json")) {
            found.push(path);
        }
    }
    Ok(())
}

/// The file in parts, each packed as a file of its own.
pub(super) fn parts(path: &Path) -> Result<Vec<Vec<u8>>, FileError> {
    let bytes = fs::read(path)?;
    if !bytes.starts_with(&[0x1f, 0x8b]) {
        return parts_of(&bytes, None);
    }
    let mut text = Vec::new();
    MultiGzDecoder::new(&*bytes).take(FILE_BYTES_MAX + 1).read_to_end(&mut text)?;
    if text.len() as u64 > FILE_BYTES_MAX {
        return Err(FileError::TooLong);
    }
    parts_of(&text, Some(bytes))
}

fn parts_of(text: &[u8], packed: Option<Vec<u8>>) -> Result<Vec<Vec<u8>>, FileError> {
    let whole = match packed {
        Some(packed) => packed,
        None => pack(text)?,
    };
    if fits(text, &whole) {
        return Ok(vec![whole]);
    }
    let mut parts = Vec::new();
    cut(&serde_json::from_slice::<Records<'_>>(text)?.records, &mut parts)?;
    Ok(parts)
}

/// Halves the records until each part fits.
fn cut(records: &[&RawValue], parts: &mut Vec<Vec<u8>>) -> Result<(), FileError> {
    let text = serde_json::to_vec(&Records { records: records.to_vec() })?;
    // To pack what is too long anyway would cost time.
    let packed = if text.len() > UNPACKED_BYTES_MAX { None } else { Some(pack(&text)?) };
    match packed.filter(|packed| fits(&text, packed)) {
        Some(packed) => parts.push(packed),
        None => {
            let (first, second) = records.split_at(records.len() / 2);
            if first.is_empty() {
                return Err(FileError::TooLong);
            }
            cut(first, parts)?;
            cut(second, parts)?;
        }
    }
    Ok(())
}

fn fits(text: &[u8], packed: &[u8]) -> bool {
    text.len() <= UNPACKED_BYTES_MAX && packed.len() <= PACKED_BYTES_MAX
}

fn pack(text: &[u8]) -> io::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(text)?;
    packer.finish()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// Records that nothing makes shorter.
    fn record(number: usize, bytes: usize) -> Value {
        let mut state = number as u64 + 1;
        let noise = std::iter::from_fn(|| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            Some(char::from(b' ' + u8::try_from(state % 90).unwrap()))
        });
        json!({"number": number, "noise": noise.take(bytes).collect::<String>()})
    }

    fn numbers(part: &[u8]) -> Vec<u64> {
        let mut text = String::new();
        MultiGzDecoder::new(part).read_to_string(&mut text).unwrap();
        let file: Value = serde_json::from_str(&text).unwrap();
        file["Records"].as_array().unwrap().iter().map(|record| record["number"].as_u64().unwrap()).collect()
    }

    #[test]
    fn long_files_are_cut_into_parts() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        let records =
            |count, bytes| json!({"Records": (0..count).map(|number| record(number, bytes)).collect::<Vec<_>>()});
        for (count, bytes, least) in [(0, 0, 1), (10, 1_000, 1), (9, 300_000, 4), (1, 10, 1)] {
            let text = records(count, bytes).to_string();
            for packed in [false, true] {
                let content = if packed { pack(text.as_bytes()).unwrap() } else { text.clone().into_bytes() };
                fs::write(&path, &content).unwrap();
                let parts = parts(&path).unwrap();
                assert!(parts.len() >= least && parts.len() <= least * 2, "{} parts", parts.len());
                assert!(parts.iter().all(|part| part.len() <= PACKED_BYTES_MAX));
                let all: Vec<u64> = parts.iter().flat_map(|part| numbers(part)).collect();
                assert!(all.into_iter().eq(0..count as u64), "{count} {bytes} {packed}");
                assert!(!packed || parts.len() > 1 || parts == [content], "it is sent as it is");
            }
        }
        fs::write(&path, records(2, 1_000_000).to_string()).unwrap();
        assert!(matches!(parts(&path), Err(FileError::TooLong)));
        fs::write(&path, &pack(b"{}").unwrap()[..10]).unwrap();
        assert!(matches!(parts(&path), Err(FileError::Read(_))));
        assert!(matches!(parts(&scratch.path().join("none")), Err(FileError::Read(_))));
    }

    #[test]
    fn files_are_found_in_folders() {
        let scratch = tempfile::tempdir().unwrap();
        let names = ["b/2.json.gz", "b/1.json", "a.json.gz", "b/CloudTrail-Digest/x.json.gz", "b/note.txt"];
        for name in names {
            let path = scratch.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let mut found = Vec::new();
        find(scratch.path(), &mut found).unwrap();
        let want = ["a.json.gz", "b/1.json", "b/2.json.gz"].map(|name| scratch.path().join(name));
        assert_eq!(found, want);
        let note = scratch.path().join("b/note.txt");
        find(&note, &mut found).unwrap();
        assert_eq!(found.last(), Some(&note), "a file that is named is taken, whatever it is called");
        assert!(find(&scratch.path().join("none"), &mut found).is_err());
    }
}
