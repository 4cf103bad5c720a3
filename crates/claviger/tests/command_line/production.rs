//! `init` and `serve` without `--dev`: the root of trust apart from the data, the admin's key shown once.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Server, claviger, mode, refuse, run, succeed, text, value};

struct Deployment {
    _scratch: TempDir,
    data: PathBuf,
    root: PathBuf,
    profile: String,
}

fn deployment() -> Deployment {
    let scratch = tempfile::tempdir().unwrap();
    let (data, root) = (scratch.path().join("data"), scratch.path().join("root"));
    let profile = succeed(&[&"init", &"--data-dir", &data, &"--root-file", &root, &"--account-id", &"444455556666"]);
    Deployment { _scratch: scratch, data, root, profile }
}

fn create_account(server: &Server, profile: &str, more: &[&str]) -> Output {
    let mut command = server.client(&[&"account", &"create", &"--name", &"second"]);
    command.args(more).env("AWS_ACCESS_KEY_ID", value(profile, "aws_access_key_id"));
    command.env("AWS_SECRET_ACCESS_KEY", value(profile, "aws_secret_access_key")).output().unwrap()
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path());
    entries.flat_map(|path| if path.is_dir() { files(&path) } else { vec![path] }).collect()
}

#[test]
fn a_new_deployment() {
    let deployment = deployment();
    assert_eq!(value(&deployment.profile, "aws_account_id"), "444455556666");
    assert_eq!(mode(&deployment.root), 0o600);
    assert_eq!(mode(&deployment.data), 0o700);
    let secret = value(&deployment.profile, "aws_secret_access_key");
    for file in files(&deployment.data) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
        let contents = fs::read(&file).unwrap();
        assert!(!contents.windows(secret.len()).any(|window| window == secret.as_bytes()), "{}", file.display());
    }
    let server = Server::production(&deployment.data, &deployment.root);
    let made = create_account(&server, &deployment.profile, &[]);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let chosen = ["--access-key-id", "AKIAQQQQQQQQQQQQQQQQ", "--secret-access-key", "chosen-secret"];
    let refused = create_account(&server, &deployment.profile, &chosen);
    assert_eq!(refused.status.code(), Some(1), "production takes no chosen access key");
    server.stop_by(Signal::INT);
}

/// Whoever holds data and root of trust gets into each account again.
#[test]
fn an_account_that_nobody_can_enter_is_recovered() {
    let deployment = deployment();
    let recover: [&dyn AsRef<std::ffi::OsStr>; 7] = [
        &"recover",
        &"--data-dir",
        &deployment.data,
        &"--root-file",
        &deployment.root,
        &"--account-id",
        &"444455556666",
    ];
    let server = Server::production(&deployment.data, &deployment.root);
    refuse(&recover, &["open already"]);
    server.stop();
    let profile = succeed(&recover);
    refuse(&recover, &["444455556666", "recovery", "--user-name"]);
    let absent = [&recover[..6], &[&"111122223333"]].concat();
    refuse(&absent, &["111122223333", "does not exist"]);
    let server = Server::production(&deployment.data, &deployment.root);
    for key in [&profile, &deployment.profile] {
        let made = create_account(&server, key, &[]);
        assert!(made.status.success(), "{}", text(&made.stderr));
    }
    server.stop();
}

#[test]
fn nothing_is_overwritten() {
    let deployment = deployment();
    let other = deployment.root.with_file_name("other");
    let before = fs::read(&deployment.root).unwrap();
    refuse(
        &[&"init", &"--data-dir", &deployment.data, &"--root-file", &other],
        &[deployment.data.to_str().unwrap(), "not empty"],
    );
    assert!(!other.exists());
    refuse(
        &[&"init", &"--data-dir", &other, &"--root-file", &deployment.root],
        &[deployment.root.to_str().unwrap(), "never overwritten"],
    );
    assert_eq!(fs::read(&deployment.root).unwrap(), before);
}

#[test]
fn a_refused_init_can_be_repeated() {
    let scratch = tempfile::tempdir().unwrap();
    let (data, root) = (scratch.path().join("data"), scratch.path().join("secrets/root"));
    refuse(&[&"init", &"--data-dir", &data, &"--root-file", &root], &[root.to_str().unwrap(), "No such file"]);
    fs::create_dir(scratch.path().join("secrets")).unwrap();
    succeed(&[&"init", &"--data-dir", &data, &"--root-file", &root]);
}

#[test]
fn the_root_stays_outside_of_the_data() {
    let scratch = tempfile::tempdir().unwrap();
    let data = scratch.path().join("data");
    refuse(&[&"init", &"--data-dir", &data, &"--root-file", &data.join("root")], &["inside of the data directory"]);
    assert!(!data.exists());
    let deployment = deployment();
    let inside = deployment.data.join("root");
    fs::copy(&deployment.root, &inside).unwrap();
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 5] =
        [&"serve", &"--data-dir", &deployment.data, &"--root-file", &inside];
    refuse(&arguments, &["inside of the data directory"]);
}

#[test]
fn what_is_missing_is_named() {
    let deployment = deployment();
    refuse(&[&"init"], &["no data directory", "--data-dir"]);
    refuse(&[&"serve"], &["no data directory", "--data-dir"]);
    refuse(&[&"serve", &"--data-dir", &deployment.data], &["no root of trust", "--root-file"]);
    let empty = deployment.root.with_file_name("empty");
    let arguments: [&dyn AsRef<std::ffi::OsStr>; 5] =
        [&"serve", &"--data-dir", &empty, &"--root-file", &deployment.root];
    refuse(&arguments, &["holds no data", "claviger init"]);
    assert!(!empty.exists());
    let half: [&dyn AsRef<std::ffi::OsStr>; 7] =
        [&"serve", &"--data-dir", &empty, &"--root-file", &deployment.root, &"--tls-cert", &"cert.pem"];
    refuse(&half, &["--tls-key"]);
}

#[test]
fn each_directory_is_served_as_what_it_was_made_for() {
    let deployment = deployment();
    let scratch = tempfile::tempdir().unwrap();
    let dev = scratch.path().join("dev");
    Server::dev(&dev, &[]).stop();
    let root = scratch.path().join("root");
    fs::copy(dev.join("root.key"), &root).unwrap();
    refuse(&[&"serve", &"--data-dir", &dev, &"--root-file", &root], &["was made by `serve --dev`"]);
    refuse(&[&"serve", &"--dev", &"--data-dir", &deployment.data], &["serve it without --dev"]);
    // Even with its root beside it, a production directory is none for development.
    fs::copy(&deployment.root, deployment.data.join("root.key")).unwrap();
    refuse(&[&"serve", &"--dev", &"--data-dir", &deployment.data], &["was made by `claviger init`"]);
}

#[test]
fn the_configuration_is_shown_with_origins() {
    let scratch = tempfile::tempdir().unwrap();
    let file = scratch.path().join("claviger.toml");
    fs::write(&file, "workers = 3\nlisten = \"127.0.0.1:1\"\nregions = [\"eu-central-1\"]\n").unwrap();
    let mut command = claviger(&[&"config", &"show", &"--config", &file, &"--listen", &"127.0.0.1:2"]);
    let output = command.env("CLAVIGER_DATA_DIR", "/data").output().unwrap();
    let shown = text(&output.stdout);
    for line in [
        "data_dir = \"/data\"  # environment, CLAVIGER_DATA_DIR".to_owned(),
        "listen = \"127.0.0.1:2\"  # flag".to_owned(),
        format!("workers = 3  # file, {}", file.display()),
        "log_format = \"human\"  # default".to_owned(),
    ] {
        assert!(shown.lines().any(|shown| shown == line), "{line:?} is missing in {shown}");
    }
    fs::write(&file, "worker = 3\n").unwrap();
    let wrong = run(&[&"config", &"show", &"--config", &file]);
    assert_eq!(wrong.status.code(), Some(1));
    let complaint = text(&wrong.stderr);
    assert!(complaint.contains("line 1") && complaint.contains("unknown field `worker`"), "{complaint}");
}
