//! Files of CloudTrail on the disk: found in folders, and read as a whole before anything of them is sent.
//!
//! Source: CloudTrail user guide, "CloudTrail log file name format": `AWSLogs/ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/`.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use claviger_core::cloudtrail_file::{self, RECORD_BYTES_MAX};
use flate2::read::MultiGzDecoder;

/// Bytes of a file, packed and unpacked.
const FILE_BYTES_MAX: u64 = 1 << 30;

/// Folders beside CloudTrail's records that hold something else.
const OTHERS: [&str; 2] = ["CloudTrail-Digest", "CloudTrail-Insight"];

/// Why a file cannot be imported.
#[derive(Debug, thiserror::Error)]
pub(super) enum FileError {
    /// The disk, or a gzip file that is none.
    #[error("it cannot be read: {0}")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is none of CloudTrail's: {0}")]
    Text(#[from] serde_json::Error),
    /// It is too long for this program.
    #[error("it has more than {FILE_BYTES_MAX} bytes")]
    TooLong,
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

/// The text of a file, unpacked. It is one of CloudTrail's.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    let bytes = read_all(File::open(path)?)?;
    let text = if bytes.starts_with(&[0x1f, 0x8b]) { read_all(MultiGzDecoder::new(&*bytes))? } else { bytes };
    cloudtrail_file::records(&text, |_| ())?;
    Ok(text)
}

fn read_all(source: impl Read) -> Result<Vec<u8>, FileError> {
    let mut bytes = Vec::new();
    source.take(FILE_BYTES_MAX + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > FILE_BYTES_MAX { Err(FileError::TooLong) } else { Ok(bytes) }
}

/// Shows each record of a file's text. One that is too long for the server to read is `null`, which it leaves out
/// just so.
pub(super) fn each_record(text: &[u8], mut show: impl FnMut(&str)) {
    let show = |record: &str| show(if record.len() > RECORD_BYTES_MAX { "null" } else { record });
    // It was read once as a whole: what is wrong with it was said then.
    let _ = cloudtrail_file::records(text, show);
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn packed(text: &str) -> Vec<u8> {
        let mut packer = GzEncoder::new(Vec::new(), Compression::default());
        packer.write_all(text.as_bytes()).unwrap();
        packer.finish().unwrap()
    }

    #[test]
    fn files_are_read_as_a_whole() {
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("file");
        let records_of = |content: &[u8]| {
            fs::write(&path, content).unwrap();
            let text = read(&path).map_err(|error| error.to_string())?;
            let mut found = Vec::new();
            each_record(&text, |record| found.push(record.to_owned()));
            Ok::<_, String>(found.join(" "))
        };
        let (whole, long) = (r#"{"a": [], "Records": [{"b": [1, 2]}, 3]}"#, "9".repeat(RECORD_BYTES_MAX + 1));
        for content in [whole.as_bytes(), &packed(whole), &[packed(&whole[..20]), packed(&whole[20..])].concat()] {
            assert_eq!(records_of(content).as_deref(), Ok(r#"{"b": [1, 2]} 3"#), "{content:?}");
        }
        assert_eq!(records_of(format!(r#"{{"Records": [1, {long}, 2]}}"#).as_bytes()).as_deref(), Ok("1 null 2"));
        assert_eq!(records_of(br#"{"Records": []}"#).as_deref(), Ok(""));
        for (content, want) in [
            (&packed(whole)[..30], "it cannot be read: "),
            (b"none", "it is none of CloudTrail's: expected"),
            (b"", "it is none of CloudTrail's: EOF"),
            (b"{}", "it is none of CloudTrail's: missing field `Records`"),
            (br#"[["a"]]"#, "it is none of CloudTrail's: invalid type: sequence"),
            (br#"{"Records": [1, {"#, "it is none of CloudTrail's: EOF"),
            (b"{\"Records\": [\"\xff\"]}", "it is none of CloudTrail's: invalid unicode"),
            (br#"{"Records": [1]} x"#, "it is none of CloudTrail's: trailing"),
        ] {
            let refusal = records_of(content).unwrap_err();
            assert!(refusal.starts_with(want), "{}: {refusal}", String::from_utf8_lossy(content));
        }
        assert!(matches!(read(&scratch.path().join("none")), Err(FileError::Read(_))));
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
