//! Files before whose reads and writes a test does what it likes: it counts, waits, or panics.

use std::io;

use claviger_tlog::Files;

/// The files. All but reads and writes is done as it is asked.
pub(crate) struct TestFiles<F> {
    files: F,
    reading: Box<dyn Fn(usize) -> usize + Send + Sync>,
    writing: Box<dyn Fn() + Send + Sync>,
}

impl<F> TestFiles<F> {
    /// Files like these.
    pub(crate) fn new(files: F) -> Self {
        Self { files, reading: Box::new(|most| most), writing: Box::new(|| {}) }
    }

    /// Before each read, this is told how many bytes are asked for, and says how many are.
    pub(crate) fn before_reads(self, reading: impl Fn(usize) -> usize + Send + Sync + 'static) -> Self {
        Self { reading: Box::new(reading), ..self }
    }

    /// Before each write, this is done.
    pub(crate) fn before_writes(self, writing: impl Fn() + Send + Sync + 'static) -> Self {
        Self { writing: Box::new(writing), ..self }
    }
}

impl<F: Files> Files for TestFiles<F> {
    fn read(&self, path: &str, most: usize) -> io::Result<Vec<u8>> {
        self.files.read(path, (self.reading)(most))
    }

    fn list(&self, path: &str) -> io::Result<Vec<String>> {
        self.files.list(path)
    }

    fn create_directory(&self, path: &str) -> io::Result<()> {
        self.files.create_directory(path)
    }

    fn write(&self, path: &str, bytes: &[u8]) -> io::Result<()> {
        (self.writing)();
        self.files.write(path, bytes)
    }

    fn sync(&self, paths: &[&str]) -> io::Result<()> {
        self.files.sync(paths)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.files.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.files.remove(path)
    }

    fn lock(&self) -> io::Result<Box<dyn Send>> {
        self.files.lock()
    }
}
