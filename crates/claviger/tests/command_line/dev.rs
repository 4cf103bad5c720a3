//! `serve --dev` on empty, finished and half-made directories. Source: the contract of `serve --dev`, docs/operations.md.

use std::fs;
use std::path::Path;

use claviger_storage::{ChangeLogLimits, EmbeddedStore};

use crate::process::{Server, claviger, mode, refuse, text, value};

const CHOSEN: &str = "[default]\naws_access_key_id = AKIAZZZZZZZZZZZZZZZZ\naws_secret_access_key = \
                      zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz\naws_account_id = 999988887777\n";

fn credentials(dir: &Path) -> String {
    fs::read_to_string(dir.join("credentials")).unwrap()
}

/// Whether the server lets in the admin whom the credentials file names.
fn lets_in(server: &Server) -> Result<(), String> {
    let output = server.client(&[&"account", &"create", &"--name", &"x"]).output().unwrap();
    if output.status.success() { Ok(()) } else { Err(text(&output.stderr)) }
}

#[test]
fn a_new_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("deep/data");
    let server = Server::dev(&dir, &[]);
    assert_eq!(server.lines.len(), 3, "{:?}", server.lines);
    assert!(server.exported("AWS_ENDPOINT_URL").starts_with("http://127.0.0.1:"));
    assert_eq!(server.exported("AWS_SHARED_CREDENTIALS_FILE"), dir.join("credentials").to_str().unwrap());
    assert_eq!(server.exported("AWS_REGION"), "us-east-1");
    assert_eq!(server.exported("AWS_DEFAULT_REGION"), "us-east-1");
    lets_in(&server).unwrap();
    assert_eq!(value(&credentials(&dir), "aws_account_id"), "111122223333");
    assert_eq!(mode(&dir), 0o700);
    for file in ["credentials", "root.key", "claviger.redb"] {
        assert_eq!(mode(&dir.join(file)), 0o600, "{file}");
    }
    let log = server.stop();
    assert!(log.contains("WARN") && log.contains("--dev"), "{log}");
}

#[test]
fn a_second_start_changes_nothing() {
    let scratch = tempfile::tempdir().unwrap();
    let dir = scratch.path().join("data");
    Server::dev(&dir, &[]).stop();
    let before = (credentials(&dir), fs::read(dir.join("root.key")).unwrap());
    let server = Server::dev(&dir, &[]);
    lets_in(&server).unwrap();
    server.stop();
    assert_eq!((credentials(&dir), fs::read(dir.join("root.key")).unwrap()), before);
}

#[test]
fn given_credentials_are_used() {
    let scratch = tempfile::tempdir().unwrap();
    fs::write(scratch.path().join("credentials"), CHOSEN).unwrap();
    let server = Server::dev(scratch.path(), &[]);
    lets_in(&server).unwrap();
    assert_eq!(credentials(scratch.path()), CHOSEN);
}

/// A first start can end after each of its steps; the next one goes on from there.
#[test]
fn half_made_directories_are_finished() {
    let made = tempfile::tempdir().unwrap();
    Server::dev(made.path(), &[]).stop();
    for files in [&["root.key"][..], &["root.key", "credentials"], &["credentials"]] {
        for with_store in [false, true] {
            let scratch = tempfile::tempdir().unwrap();
            for file in files {
                fs::copy(made.path().join(file), scratch.path().join(file)).unwrap();
            }
            if with_store {
                EmbeddedStore::create(&scratch.path().join("claviger.redb"), ChangeLogLimits::default()).unwrap();
            }
            fs::write(scratch.path().join("credentials.new"), "[default]\naws_acc").unwrap();
            let server = Server::dev(scratch.path(), &[]);
            lets_in(&server).unwrap_or_else(|error| panic!("{files:?}, store {with_store}: {error}"));
            server.stop();
            for file in files {
                let same = fs::read(made.path().join(file)).unwrap() == fs::read(scratch.path().join(file)).unwrap();
                assert!(same, "{files:?}, store {with_store}: {file} was replaced");
            }
        }
    }
}

#[test]
fn credentials_that_cannot_be_used_are_refused_until_they_can() {
    let scratch = tempfile::tempdir().unwrap();
    let path = scratch.path().join("credentials");
    for (contents, words) in [
        ("", "no aws_access_key_id"),
        (&CHOSEN.replace("[default]", "[other]"), "no aws_access_key_id"),
        (&CHOSEN.replace("AKIA", "AK"), "aws_access_key_id is not a valid"),
        (&CHOSEN.replace("_secret_", "_"), "no aws_secret_access_key"),
        (&CHOSEN.replace("zz", "z z"), "aws_secret_access_key is not a valid"),
        (&CHOSEN.replace("aws_account_id = ", "aws_account_id = 1"), "aws_account_id is not a valid"),
        (&CHOSEN.replace("aws_account_id", "account"), "no aws_account_id"),
    ] {
        fs::write(&path, contents).unwrap();
        refuse(
            &[&"serve", &"--dev", &"--data-dir", &scratch.path(), &"--listen", &"127.0.0.1:0"],
            &[path.to_str().unwrap(), words],
        );
    }
    fs::write(&path, CHOSEN).unwrap();
    lets_in(&Server::dev(scratch.path(), &[])).unwrap();
}

#[test]
fn lost_credentials_are_not_made_again() {
    let scratch = tempfile::tempdir().unwrap();
    Server::dev(scratch.path(), &[]).stop();
    fs::remove_file(scratch.path().join("credentials")).unwrap();
    let log = Server::dev(scratch.path(), &[]).stop();
    assert!(log.contains("the credentials file is gone"), "{log}");
    assert!(!scratch.path().join("credentials").exists());
}

#[test]
fn a_lost_root_is_not_made_again() {
    let scratch = tempfile::tempdir().unwrap();
    Server::dev(scratch.path(), &[]).stop();
    let root = scratch.path().join("root.key");
    fs::remove_file(&root).unwrap();
    refuse(&[&"serve", &"--dev", &"--data-dir", &scratch.path()], &[root.to_str().unwrap(), "restore it"]);
    assert!(!root.exists());
}

#[test]
fn one_server_for_one_directory() {
    let scratch = tempfile::tempdir().unwrap();
    let first = Server::dev(scratch.path(), &[]);
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 6] =
        [&"serve", &"--dev", &"--data-dir", &scratch.path(), &"--listen", &"127.0.0.1:0"];
    refuse(&arguments, &[scratch.path().to_str().unwrap(), "open already"]);
    first.stop();
    Server::dev(scratch.path(), &[]).stop();
}

#[test]
fn one_server_for_one_address() {
    let scratch = tempfile::tempdir().unwrap();
    let first = Server::dev(&scratch.path().join("first"), &[]);
    let address = first.exported("AWS_ENDPOINT_URL").strip_prefix("http://").unwrap().to_owned();
    let second = scratch.path().join("second");
    refuse(&[&"serve", &"--dev", &"--data-dir", &second, &"--listen", &address], &["cannot listen on", &address]);
}

#[test]
fn the_clock_starts_where_it_is_told() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::dev(scratch.path(), &[&"--dev-clock", &"2031-02-03T04:05:06Z"]);
    let log = server.stop();
    assert!(log.contains("WARN") && log.contains("2031-02-03T04:05:06.000Z"), "{log}");
}

#[test]
fn tls_prints_what_clients_need() {
    let scratch = tempfile::tempdir().unwrap();
    let mut server = Server::dev(scratch.path(), &[&"--tls"]);
    let authority = scratch.path().join("ca.pem");
    assert!(server.exported("AWS_ENDPOINT_URL").starts_with("https://127.0.0.1:"));
    assert_eq!(mode(&scratch.path().join("tls")), 0o700);
    assert_eq!(mode(&scratch.path().join("tls/leaf.pem")), 0o600);
    assert!(lets_in(&server).is_err(), "a client that was not told of the authority must not trust it");
    server.lines.push(format!("export AWS_CA_BUNDLE={}", authority.display()));
    lets_in(&server).unwrap();
    server.read_lines_to("export NODE_EXTRA_CA_CERTS=");
    for name in ["AWS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS"] {
        assert_eq!(server.exported(name), authority.to_str().unwrap(), "{name}");
    }
}

#[test]
fn flags_that_need_dev() {
    for flags in [&["--tls"][..], &["--dev-clock", "2031-02-03T04:05:06Z"]] {
        let output = claviger(&[&"serve", &"--data-dir", &"data"]).args(flags).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags:?}: {}", text(&output.stderr));
        assert!(text(&output.stderr).contains("--dev"), "{flags:?}");
    }
}

#[test]
fn a_root_of_trust_elsewhere_is_not_for_dev() {
    let output = claviger(&[&"serve", &"--dev", &"--data-dir", &"data", &"--root-file", &"root"]).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("cannot be used with '--root-file"), "{}", text(&output.stderr));
}

#[test]
fn plain_http_stays_on_loopback() {
    let scratch = tempfile::tempdir().unwrap();
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let dir = scratch.path().join("data");
        refuse(&[&"serve", &"--dev", &"--data-dir", &dir, &"--listen", &listen], &["loopback", "TLS"]);
        assert!(!dir.exists(), "{listen}");
    }
}

/// Source: proc_pid_status(5), proc_pid_limits(5).
#[cfg(target_os = "linux")]
#[test]
fn the_process_is_hardened() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::dev(scratch.path(), &[]);
    let proc_file = |name: &str| fs::read_to_string(format!("/proc/{}/{name}", server.id())).unwrap();
    let status = proc_file("status");
    assert!(status.lines().any(|line| line == "NoNewPrivs:\t1"), "{status}");
    assert!(status.lines().any(|line| line == "Umask:\t0077"), "{status}");
    let limits = proc_file("limits");
    let words = |name: &str| {
        let line = limits.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(words("Max core file size")[..2], ["0", "0"]);
    let files = words("Max open files");
    assert_eq!(files[0], files[1]);
}
