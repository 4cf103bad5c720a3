//! What holds for the event of every request, whatever it is about.

use claviger_storage::{Transaction, Write};
use claviger_types::ServiceName;

use crate::records::{CallerKind, EventKind, EventRecord, ShownValue};
use crate::testing::test_kms::is_command;
use crate::view::View;
use crate::{Call, Error, Row, paths};

/// The one event of a request tells who did what, and what came of it.
pub(crate) fn check_events(
    commits: &[Transaction],
    handed: &[Vec<u8>],
    row: &Row,
    call: &Call<'_>,
    view: &View,
    error: Option<&Error>,
) {
    let event = match (commits, handed) {
        ([commit], []) => {
            let (path, event) = event_of(commit);
            let space = path.split('/').nth(1).unwrap();
            assert_eq!(path, paths::outbox(space, &call.request_id.to_string()));
            event
        }
        ([], [handed]) => parsed(handed),
        // A body that is none is refused before there is a request.
        ([], []) if matches!(error, Some(Error::Serialization(_))) => return,
        _ => panic!("{}: {} commits, {} events, {error:?}", row.name, commits.len(), handed.len()),
    };
    assert_eq!((event.kind, event.id), (EventKind::Call, *call.request_id.as_bytes()));
    assert_eq!((event.service, event.operation), (Some(row.service.as_str()), Some(row.name)));
    let read_only = match row.name {
        "AssumeRole" | "GetSessionToken" => true,
        // It changes usage, which is no part of the state.
        "ImportCloudTrail" => false,
        _ => !is_command(row),
    };
    assert_eq!(event.read_only, read_only, "{}: {error:?}", row.name);
    let wire = error.map(Error::wire);
    let code = wire.as_ref().map(|wire| match row.service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => wire.json_code,
        ServiceName::Iam | ServiceName::Sts => wire.query_code,
    });
    assert_eq!(event.error.as_ref().map(|error| error.code), code);
    let caller = event.caller.as_ref().unwrap();
    assert_eq!(caller.access_key_id, call.signatory.access_key_id());
    // Whoever is gone by the time that a command is decided has only an access key.
    if let Ok(user) = call.signatory.caller(view, call.authenticated_at)
        && caller.kind != CallerKind::Unknown
    {
        let id = [Some(caller.id), caller.session_name].into_iter().flatten().collect::<Vec<_>>().join(":");
        assert_eq!((event.account, id), (Some(user.account.as_u64()), user.user_id()));
        assert_eq!(caller.session.is_some(), user.session.is_some());
    }
    for shown in [event.parameters, event.response].into_iter().flatten() {
        check_shown(&shown.value().unwrap());
    }
}

/// No member that must not be there, at any depth.
fn check_shown(value: &ShownValue) {
    const HIDDEN: [&str; 13] = [
        "AuthenticationCode1",
        "AuthenticationCode2",
        "Base32StringSeed",
        "CiphertextBlob",
        "GrantToken",
        "GrantTokens",
        "Mac",
        "Message",
        "Plaintext",
        "QRCodePNG",
        "SecretAccessKey",
        "SessionToken",
        "TokenCode",
    ];
    match value {
        ShownValue::List(values) => values.iter().for_each(check_shown),
        ShownValue::Map(members) => members.iter().for_each(|(name, value)| {
            assert!(!HIDDEN.contains(&name.as_str()), "{name} is shown");
            check_shown(value);
        }),
        _ => {}
    }
}

/// The one event of a commit, with its path.
pub(crate) fn event_of(commit: &Transaction) -> (&str, EventRecord<'_>) {
    let events: Vec<_> = commit.writes.iter().filter(|write| write.path().starts_with("outbox/")).collect();
    match events[..] {
        [Write::Put { path, value }] => (path, parsed(value)),
        _ => panic!("not one event but {events:?}"),
    }
}

/// An event, which has one encoding.
pub(crate) fn parsed(bytes: &[u8]) -> EventRecord<'_> {
    let event = EventRecord::parse(bytes).unwrap();
    assert_eq!(event.to_bytes(), bytes, "{event:?}");
    event
}
