//! `account create`: an ordinary client of our own API. Source: the contract of `account create`, docs/operations.md.

use std::fs;

use serde_json::Value;

use crate::process::{Server, claviger, refuse, text};

const SECRET: &str = "chosen/secret+chosen/secret+chosen/secre";

#[test]
fn an_account_is_made_as_the_contract_says() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::dev(scratch.path(), &[]);
    let create = |more: &[&str]| {
        let mut command = server.client(&[&"account", &"create", &"--id", &"222233334444", &"--name", &"NAME"]);
        command.args(["--output", "json"]).args(more).output().unwrap()
    };
    let chosen = ["--access-key-id", "AKIAQQQQQQQQQQQQQQQQ", "--secret-access-key", SECRET];
    let made = create(&chosen);
    assert!(made.status.success(), "{}", text(&made.stderr));
    let expected = serde_json::json!({
        "Account": {"Id": "222233334444", "Name": "NAME", "Arn": "arn:aws:iam::222233334444:root"},
        "AccessKey": {
            "UserName": "admin", "AccessKeyId": "AKIAQQQQQQQQQQQQQQQQ", "SecretAccessKey": SECRET,
        },
    });
    assert_eq!(serde_json::from_slice::<Value>(&made.stdout).unwrap(), expected);

    let again = create(&[]);
    assert_eq!(again.status.code(), Some(1));
    assert!(text(&again.stderr).contains("The account 222233334444 already exists"), "{}", text(&again.stderr));

    let mut stranger = server.client(&[&"account", &"create", &"--name", &"third"]);
    stranger.env("AWS_ACCESS_KEY_ID", "AKIAQQQQQQQQQQQQQQQQ").env("AWS_SECRET_ACCESS_KEY", SECRET);
    let refused = stranger.output().unwrap();
    assert_eq!(refused.status.code(), Some(1));
    assert!(text(&refused.stderr).contains("CreateAccount was refused: AccessDenied"), "{}", text(&refused.stderr));
}

#[test]
fn accounts_are_listed_tagged_closed_and_reopened() {
    let scratch = tempfile::tempdir().unwrap();
    let server = Server::dev(scratch.path(), &[]);
    let run = |arguments: &[&str]| {
        let output = server.client(&[&"account"]).args(arguments).output().unwrap();
        assert!(output.status.success(), "{arguments:?}: {}", text(&output.stderr));
        text(&output.stdout)
    };
    let id = ["--id", "222233334444"];
    let with_id = |command: &str, more: &[&str]| run(&[&[command], &id[..], more].concat());
    with_id("create", &["--name", "NAME"]);
    let listed = run(&["list"]);
    let lines: Vec<&str> = listed.lines().collect();
    assert!(lines[0].starts_with("ACCOUNT       STATUS  NAME"), "{listed}");
    assert!(lines[2].starts_with("222233334444  ACTIVE  NAME"), "{listed}");
    let accounts: Value = serde_json::from_str(&run(&["list", "--output", "json"])).unwrap();
    assert_eq!(accounts["Accounts"][1]["Name"], "NAME");

    assert_eq!(with_id("tag", &["environment=prod", "note=a=b"]), "TAG       environment=prod\nTAG       note=a=b\n");
    assert_eq!(with_id("tag", &["--remove", "note"]), "TAG       environment=prod\n");
    assert_eq!(with_id("close", &[]), "The account 222233334444 is closed.\n");
    let described = with_id("describe", &[]);
    assert!(described.contains("STATUS    CLOSED\n") && described.ends_with("environment=prod\n"), "{described}");
    assert_eq!(with_id("reopen", &[]), "The account 222233334444 is open again.\n");
    let described: Value = serde_json::from_str(&with_id("describe", &["--output", "json"])).unwrap();
    assert_eq!(described["Account"]["Status"], "ACTIVE");
    assert_eq!(described["Tags"], serde_json::json!([{"Key": "environment", "Value": "prod"}]));

    for arguments in [&["tag", "--id", "222233334444"][..], &["tag", "--id", "222233334444", "=x"], &["close"]] {
        let output = server.client(&[&"account"]).args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
    }
}

#[test]
fn without_settings_it_says_which() {
    refuse(&[&"account", &"create", &"--name", &"x"], &["AWS_ENDPOINT_URL"]);
}

#[test]
fn what_cannot_be_reached_is_named() {
    let scratch = tempfile::tempdir().unwrap();
    let bundle = scratch.path().join("bundle.pem");
    fs::write(&bundle, "no certificate").unwrap();
    let server = Server::dev(&scratch.path().join("data"), &[]);
    let plain = server.exported("AWS_ENDPOINT_URL").replace("http", "https");
    for (endpoint, word) in [
        ("http://127.0.0.1:1", "cannot connect to http://127.0.0.1:1"),
        ("ftp://127.0.0.1", "no address of a server"),
        (plain.as_str(), bundle.to_str().unwrap()),
    ] {
        let mut command = server.client(&[&"account", &"create", &"--name", &"x"]);
        let output = command.env("AWS_ENDPOINT_URL", endpoint).env("AWS_CA_BUNDLE", &bundle).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{endpoint}");
        assert!(text(&output.stderr).contains(word), "{endpoint}: {}", text(&output.stderr));
    }
}

#[test]
fn half_an_access_key_is_refused() {
    let output =
        claviger(&[&"account", &"create", &"--name", &"x", &"--access-key-id", &"AKIAQQQQQQQQQQQQQQQQ"]).output();
    let output = output.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(text(&output.stderr).contains("--secret-access-key"));
}
