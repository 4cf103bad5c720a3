//! `doctor`: a sound directory, and each way in which one is not.

use std::fs;

use claviger_storage::{ChangeLogLimits, EmbeddedStore, Store, Transaction, Write};

use crate::process::{Server, refuse, run, succeed, text};

#[test]
fn a_sound_directory() {
    let scratch = tempfile::tempdir().unwrap();
    Server::dev(scratch.path(), &[]).stop();
    let said = succeed(&[&"doctor", &"--data-dir", &scratch.path()]);
    assert!(said.starts_with("nothing is wrong\n"), "{said}");
    assert!(said.contains("1 accounts, 1 users, 0 keys, 0 aliases"), "{said}");
}

#[test]
fn what_cannot_be_examined_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let missing = scratch.path().join("missing");
    refuse(&[&"doctor", &"--data-dir", &missing], &[missing.to_str().unwrap(), "holds no data"]);
    let dir = scratch.path().join("data");
    let server = Server::dev(&dir, &[]);
    refuse(&[&"doctor", &"--data-dir", &dir], &[dir.to_str().unwrap(), "open already"]);
    server.stop();
    let root = dir.join("root.key");
    fs::rename(&root, scratch.path().join("root")).unwrap();
    refuse(&[&"doctor", &"--data-dir", &dir], &["no root of trust", "--root-file"]);
    succeed(&[&"doctor", &"--data-dir", &dir, &"--root-file", &scratch.path().join("root")]);
    fs::write(dir.join("claviger.redb"), "noise").unwrap();
    refuse(&[&"doctor", &"--data-dir", &dir], &["claviger.redb"]);
}

#[test]
fn a_record_that_means_nothing_is_found() {
    let scratch = tempfile::tempdir().unwrap();
    Server::dev(scratch.path(), &[]).stop();
    let store = EmbeddedStore::open(&scratch.path().join("claviger.redb"), ChangeLogLimits::default()).unwrap();
    let write = Write::Put { path: "accounts/global/222233334444".into(), value: b"noise".to_vec() };
    let transaction = Transaction { preconditions: Vec::new(), writes: vec![write] };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(store.commit(transaction)).unwrap();
    store.close();
    let output = run(&[&"doctor", &"--data-dir", &scratch.path()]);
    assert_eq!(output.status.code(), Some(1), "{}", text(&output.stderr));
    let said = text(&output.stdout);
    assert!(said.starts_with("`accounts/global/222233334444`: "), "{said}");
    assert!(said.contains("wrong in 1 places"), "{said}");
    refuse(&[&"serve", &"--dev", &"--data-dir", &scratch.path()], &["accounts/global/222233334444", "claviger.redb"]);
}
