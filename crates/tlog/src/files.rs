//! The files of a log: what is asked of a disk, and a directory that answers it.
//!
//! Paths are relative to the log's directory, with `/` between their parts; the directory itself is the empty path.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use crate::error::{Damage, LogError};

/// What a log needs of a file system. Nothing is durable before it was synced: the bytes of a file by syncing the file,
/// the names in a directory by syncing the directory.
pub trait Files: Send + Sync {
    /// The bytes of a file; of one that is longer, its first `most`.
    fn read(&self, path: &str, most: usize) -> io::Result<Vec<u8>>;

    /// The names in a directory, in any order.
    fn list(&self, path: &str) -> io::Result<Vec<String>>;

    /// Makes a directory; that it is there already is no error.
    fn create_directory(&self, path: &str) -> io::Result<()>;

    /// Writes a whole file, over one that is there.
    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()>;

    /// Makes these files and directories durable, in any order.
    fn sync(&self, paths: &[&str]) -> io::Result<()>;

    /// Gives a file another name in the same directory, over a file that has it.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file or an empty directory.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Keeps other writers out until the guard is dropped; `WouldBlock` if there is one.
    fn lock(&self) -> io::Result<Box<dyn Send>>;
}

/// Files from which on the whole file system is synced instead: each sync of its own waits for the disk.
#[cfg(target_os = "linux")]
const SYNC_ALL_FROM: usize = 12;

/// The first Linux whose `syncfs` reports what could not be written. Source: syncfs(2), "Errors".
#[cfg(target_os = "linux")]
const SYNC_ALL_REPORTS_FROM: [u32; 2] = [5, 8];

/// A directory of the operating system. Only its owner may read what is written there.
#[derive(Debug, Clone)]
pub struct Directory(PathBuf);

impl Directory {
    /// The directory at this path, which need not be there yet; its parent must.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    fn at(&self, path: &str) -> PathBuf {
        if path.is_empty() { self.0.clone() } else { self.0.join(path) }
    }
}

impl Files for Directory {
    fn read(&self, path: &str, most: usize) -> io::Result<Vec<u8>> {
        let file = open_regular(&self.at(path))?;
        let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
        let mut bytes = Vec::with_capacity(length.min(most));
        file.take(most as u64).read_to_end(&mut bytes)?;
        Ok(bytes)
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(self.at(path))?;
        // A name that is no UTF-8 is none of the log's.
        entries.filter_map(|entry| entry.map(|entry| entry.file_name().into_string().ok()).transpose()).collect()
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        let full = self.at(path);
        let mut builder = fs::DirBuilder::new();
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        match builder.create(&full) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && full.is_dir() => return Ok(()),
            other => other?,
        }
        match full.parent() {
            // The log's own directory has its name in one that is not the log's.
            Some(parent) if path.is_empty() => {
                let here = parent.as_os_str().is_empty();
                File::open(if here { Path::new(".") } else { parent })?.sync_all()
            }
            _ => Ok(()),
        }
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        options.open(self.at(path))?.write_all(bytes)
    }

    fn sync(&self, paths: &[&str]) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        if paths.len() >= SYNC_ALL_FROM && reports_from(SYNC_ALL_REPORTS_FROM, rustix::system::uname().release()) {
            return Ok(rustix::fs::syncfs(File::open(&self.0)?)?);
        }
        paths.iter().try_for_each(|path| File::open(self.at(path))?.sync_all())
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.at(from), self.at(to))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let full = self.at(path);
        if full.is_dir() { fs::remove_dir(full) } else { fs::remove_file(full) }
    }

    fn lock(&self) -> io::Result<Box<dyn Send>> {
        let directory = File::open(&self.0)?;
        match directory.try_lock() {
            Ok(()) => Ok(Box::new(directory)),
            Err(TryLockError::WouldBlock) => Err(io::ErrorKind::WouldBlock.into()),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

/// A file to be read. What stands in its place and is none, such as a pipe, would be waited for without end.
pub fn open_regular(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    let kind = file.metadata()?.file_type();
    match (kind.is_file(), kind.is_dir()) {
        (true, _) => Ok(file),
        (false, true) => Err(io::ErrorKind::IsADirectory.into()),
        (false, false) => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// Whether a kernel of this release, such as `6.1.0-rc2`, is at least `first`. One that cannot be read is not.
#[cfg(target_os = "linux")]
fn reports_from(first: [u32; 2], release: &std::ffi::CStr) -> bool {
    let mut numbers = release.to_str().unwrap_or_default().split(['.', '-']).map(str::parse);
    matches!((numbers.next(), numbers.next()), (Some(Ok(major)), Some(Ok(minor))) if [major, minor] >= first)
}

/// The file's bytes, or none if there is no such file. No more of them are read than a log ever writes there, so that a
/// file that somebody planted costs no more than the log's own.
pub(crate) fn read_if_there(files: &dyn Files, path: &str, bytes_max: usize) -> Result<Option<Vec<u8>>, LogError> {
    match files.read(path, bytes_max.saturating_add(1)) {
        Ok(bytes) if bytes.len() > bytes_max => Err(Damage::new(path, "is longer than a log makes it").into()),
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if is_absent(&error) => Ok(None),
        Err(source) => Err(LogError::Read { file: path.to_owned(), source }),
    }
}

/// The names in a directory, none if it is not there.
pub(crate) fn list_if_there(files: &dyn Files, path: &str) -> Result<Vec<String>, LogError> {
    match files.list(path) {
        Ok(names) => Ok(names),
        Err(error) if is_absent(&error) => Ok(Vec::new()),
        Err(source) => Err(LogError::Read { file: path.to_owned(), source }),
    }
}

/// Whether the disk says that nothing is there.
pub(crate) fn is_absent(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}

/// The directory in which a path's last part stands.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_keeps_what_it_is_given() {
        let scratch = tempfile::tempdir().unwrap();
        let files = Directory::new(scratch.path().join("log"));
        files.create_directory("").unwrap();
        files.create_directory("").unwrap();
        files.create_directory("a").unwrap();
        files.write("a/b.new", b"longer than the next").unwrap();
        files.write("a/b.new", b"text").unwrap();
        files.sync(&["a/b.new", "a", ""]).unwrap();
        files.rename("a/b.new", "a/b").unwrap();
        for (most, want) in [(0, ""), (3, "tex"), (4, "text"), (1 << 30, "text")] {
            assert_eq!(files.read("a/b", most).unwrap(), want.as_bytes(), "{most}");
        }
        assert_eq!(read_if_there(&files, "a/b", 4).unwrap().as_deref(), Some(&b"text"[..]));
        assert!(matches!(read_if_there(&files, "a/b", 3), Err(LogError::Damaged(found)) if found.file == "a/b"));
        assert_eq!(files.list("a").unwrap(), ["b"]);
        assert!(files.remove("a").is_err(), "it is not empty");
        files.remove("a/b").unwrap();
        files.remove("a").unwrap();
        assert!(read_if_there(&files, "a/b", 4).unwrap().is_none());
        assert!(list_if_there(&files, "a").unwrap().is_empty());
        assert_eq!(["", "a", "a/b", "a/b/c"].map(parent), ["", "", "a", "a/b"]);
    }

    /// A pipe without a writer would hold its reader up for ever.
    #[test]
    #[cfg(target_os = "linux")]
    fn only_regular_files_are_read() {
        let scratch = tempfile::tempdir().unwrap();
        let files = Directory::new(scratch.path());
        let pipe = scratch.path().join("pipe");
        rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
        files.create_directory("folder").unwrap();
        for (path, want) in [("pipe", io::ErrorKind::InvalidInput), ("folder", io::ErrorKind::IsADirectory)] {
            assert_eq!(files.read(path, 1).unwrap_err().kind(), want, "{path}");
        }
        assert_eq!(files.read("/dev/zero", 1).unwrap_err().kind(), io::ErrorKind::InvalidInput);
    }

    /// Source: syncfs(2): before Linux 5.8 an error is not told.
    #[test]
    #[cfg(target_os = "linux")]
    fn kernels_whose_sync_can_be_trusted() {
        for (release, want) in [
            (c"5.8.0", true),
            (c"5.10.0-28-amd64", true),
            (c"6.1-rc2", true),
            (c"10.0", true),
            (c"5.7.19", false),
            (c"4.19.0-26-amd64", false),
            (c"5", false),
            (c"linux", false),
        ] {
            assert_eq!(reports_from(SYNC_ALL_REPORTS_FROM, release), want, "{release:?}");
        }
    }

    #[test]
    fn one_writer_at_a_time() {
        let scratch = tempfile::tempdir().unwrap();
        let files = Directory::new(scratch.path());
        let held = files.lock().unwrap();
        assert_eq!(files.lock().err().unwrap().kind(), io::ErrorKind::WouldBlock);
        drop(held);
        files.lock().unwrap();
    }

    #[test]
    #[cfg(unix)]
    fn others_cannot_read_the_files() {
        use std::os::unix::fs::PermissionsExt;
        let scratch = tempfile::tempdir().unwrap();
        let files = Directory::new(scratch.path().join("log"));
        files.create_directory("").unwrap();
        files.write("a", b"text").unwrap();
        for (path, want) in [("log", 0o700), ("log/a", 0o600)] {
            let mode = fs::metadata(scratch.path().join(path)).unwrap().permissions().mode() & 0o777;
            assert_eq!(mode, want, "{path}");
        }
    }
}
