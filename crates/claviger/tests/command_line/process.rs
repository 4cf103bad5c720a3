//! Runs the binary in a plain environment, and tells what it printed. It never waits for time, only for lines and ends.

use std::ffi::OsStr;
use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// The binary, without any setting of the person who runs the tests.
pub fn claviger(arguments: &[&dyn AsRef<OsStr>]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_claviger"));
    for (name, _) in std::env::vars_os() {
        let own = name.to_str().is_some_and(|name| name.starts_with("AWS_") || name.starts_with("CLAVIGER_"));
        if own {
            command.env_remove(name);
        }
    }
    command.env("HOME", "/nonexistent").stdin(Stdio::null());
    command.args(arguments.iter().map(AsRef::as_ref));
    command
}

/// Runs a command to its end.
pub fn run(arguments: &[&dyn AsRef<OsStr>]) -> Output {
    claviger(arguments).output().unwrap()
}

/// Runs a command that must succeed; its standard output.
pub fn succeed(arguments: &[&dyn AsRef<OsStr>]) -> String {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout)
}

/// Runs a command that must end with 1 and say each of these words in its last line.
pub fn refuse(arguments: &[&dyn AsRef<OsStr>], words: &[&str]) {
    let output = run(arguments);
    let complaint = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{complaint}");
    let last = complaint.lines().last().unwrap();
    for word in words {
        assert!(last.starts_with("claviger: ") && last.contains(word), "{word:?} is missing in {complaint:?}");
    }
}

/// A server that is serving. It is killed when it is dropped.
pub struct Server {
    process: Child,
    output: BufReader<ChildStdout>,
    /// The lines that it printed once it served.
    pub lines: Vec<String>,
}

impl Server {
    /// `serve --dev` on a free port.
    pub fn dev(dir: &Path, more: &[&dyn AsRef<OsStr>]) -> Self {
        let serve: &[&dyn AsRef<OsStr>] = &[&"serve", &"--dev", &"--data-dir", &dir];
        let mut server = Self::start(&[serve, more].concat());
        server.read_lines_to("export AWS_REGION=");
        server
    }

    /// `serve` without `--dev`, on a free port. It prints nothing; its address is in its log.
    pub fn production(data: &Path, root: &Path) -> Self {
        let mut server =
            Self::start(&[&"serve", &"--data-dir", &data, &"--root-file", &root, &"--log-format", &"json"]);
        let mut log = BufReader::new(server.process.stderr.take().unwrap());
        let mut all = String::new();
        let address = loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "the server ended: {all}");
            let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
            if let Some(address) = parsed["fields"]["address"].as_str() {
                break address.to_owned();
            }
            all.push_str(&line);
        };
        server.process.stderr = Some(log.into_inner());
        server.lines =
            vec![format!("export AWS_ENDPOINT_URL=http://{address}"), "export AWS_REGION=eu-central-1".to_owned()];
        server
    }

    fn start(arguments: &[&dyn AsRef<OsStr>]) -> Self {
        let mut command = claviger(&[arguments, &[&"--listen", &"127.0.0.1:0"]].concat());
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output, lines: Vec::new() }
    }

    /// Reads what it prints, up to a line that begins so.
    pub fn read_lines_to(&mut self, last: &str) {
        loop {
            let mut line = String::new();
            if self.output.read_line(&mut line).unwrap() == 0 {
                let mut log = String::new();
                self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
                panic!("the server ended: {log}");
            }
            let found = line.starts_with(last);
            self.lines.push(line.trim_end().to_owned());
            if found {
                return;
            }
        }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// What it printed as the value of this variable.
    pub fn exported(&self, variable: &str) -> &str {
        self.assignments().find(|(name, _)| *name == variable).unwrap().1
    }

    /// Each `NAME=VALUE` of the lines; no value of the tests holds a space.
    fn assignments(&self) -> impl Iterator<Item = (&str, &str)> {
        let exported = self.lines.iter().map(|line| line.strip_prefix("export ").unwrap());
        exported.flat_map(|line| line.split(' ')).map(|assignment| assignment.split_once('=').unwrap())
    }

    /// A client command in the shell into which the lines were pasted.
    pub fn client(&self, arguments: &[&dyn AsRef<OsStr>]) -> Command {
        let mut command = claviger(arguments);
        for (name, value) in self.assignments() {
            command.env(name, value);
        }
        command
    }

    /// Asks it to stop; it must end with 0. Its log.
    pub fn stop(self) -> String {
        self.stop_by(Signal::TERM)
    }

    /// As `stop`, by that signal.
    pub fn stop_by(mut self, signal: Signal) -> String {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
        let mut log = String::new();
        self.process.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        assert_eq!(self.process.wait().unwrap().code(), Some(0), "{log}");
        log
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The permission bits of a file.
pub fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

/// The value of a line `name = value`.
pub fn value(profile: &str, name: &str) -> String {
    let prefix = format!("{name} = ");
    profile.lines().find_map(|line| line.strip_prefix(prefix.as_str())).unwrap().to_owned()
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
