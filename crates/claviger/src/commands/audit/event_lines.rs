//! An event as an auditor reads it. It knows the record, and nothing of the log that the event stands in.

use claviger_core::RequestId;
use claviger_core::cloudtrail::TlsDetails;
use claviger_core::records::{
    Addressed, BadRecord, CallerKind, CallerRecord, EventKind, EventRecord, KeyUseRecord, Shown, ShownValue,
};
use claviger_keyring::KeyMaterialId;
use claviger_types::Timestamp;
use serde_json::Value;

use super::lines::Lines;

/// What an entry says, or that this release cannot read it.
pub(super) fn event_lines(entry: &[u8]) -> Lines {
    let mut lines = Lines::default();
    let read = EventRecord::parse(entry).and_then(|event| add_event(&mut lines, &event));
    if let Err(error) = read {
        lines.add("EVENT", format_args!("has {} bytes, not all of which this release can read: {error}", entry.len()));
    }
    lines
}

/// When it happened.
pub(super) fn event_time(entry: &[u8]) -> Result<Timestamp, BadRecord> {
    EventRecord::parse(entry).map(|event| Timestamp::from_millis(event.at))
}

fn add_event(lines: &mut Lines, event: &EventRecord<'_>) -> Result<(), BadRecord> {
    lines.add("TIME", Timestamp::from_millis(event.at));
    lines.add("EVENT", kind(event));
    if event.service.is_some() || event.operation.is_some() {
        lines.add("OPERATION", format_args!("{}:{}", or_unknown(event.service), or_unknown(event.operation)));
    }
    lines.add("REGION", event.region.unwrap_or("global"));
    lines.add_some("ACCOUNT", event.account.map(|account| format!("{account:012}")));
    if let Some(caller) = &event.caller {
        add_caller(lines, caller);
    }
    lines.add_some("ADDRESS", event.address());
    lines.add_some("USER AGENT", event.user_agent);
    lines.add_some("TLS", event.tls.as_ref().map(TlsDetails::of));
    event.keys.iter().for_each(|key| lines.add("KEY", key_used(key)));
    event.resources.iter().for_each(|resource| lines.add("RESOURCE", resource));
    lines.add_some("PARAMETERS", event.parameters.map(members).transpose()?);
    lines.add_some("RESPONSE", event.response.map(members).transpose()?);
    lines.add("OUTCOME", outcome(event));
    lines.add("REQUEST ID", RequestId::from_bytes(event.id));
    Ok(())
}

fn kind(event: &EventRecord<'_>) -> String {
    match event.kind {
        EventKind::Call if event.read_only => "a request that changes nothing".into(),
        EventKind::Call => "a request".into(),
        EventKind::Job => "an act of the service itself".into(),
        EventKind::Unauthenticated => "a request of nobody who is known".into(),
        EventKind::UnauthenticatedMany => format!("{} requests of nobody who is known", event.requests.unwrap_or(1)),
    }
}

fn add_caller(lines: &mut Lines, caller: &CallerRecord<'_>) {
    let kind = match caller.kind {
        CallerKind::User => "user",
        CallerKind::RoleSession => "session of role",
        CallerKind::UserSession => "session of user",
        CallerKind::Unknown => "not known",
    };
    match caller.kind {
        CallerKind::Unknown => lines.add("CALLER", kind),
        _ => lines.add("CALLER", format_args!("{kind} {}{} ({})", caller.path, caller.name, caller.id)),
    }
    lines.add("ACCESS KEY", caller.access_key_id);
    lines.add_some("SESSION", caller.session_name);
    if let Some(session) = &caller.session {
        lines.add("SINCE", Timestamp::from_millis(session.created_at));
        lines.add_some("MFA", session.mfa_at.map(Timestamp::from_millis));
        lines.add_some("IDENTITY", session.source_identity);
    }
    lines.add_some("ENVIRONMENT", caller.environment);
    lines.add_some("APPLICATION", caller.application);
}

fn key_used(key: &KeyUseRecord) -> String {
    let addressed = match key.addressed {
        Addressed::Id => ", named by its id",
        Addressed::Arn => ", named by its ARN",
        Addressed::Alias => ", named by an alias",
        Addressed::AliasArn => ", named by the ARN of an alias",
        Addressed::Ciphertext => ", named by the ciphertext",
        Addressed::Otherwise => "",
    };
    let material = key.material.map(KeyMaterialId::from_bytes);
    let material = material.map(|material| format!(", material {material}")).unwrap_or_default();
    let grant = key.grant.map(|id| format!(", grant {}", hex(id))).unwrap_or_default();
    format!("{} of account {:012}{addressed}{material}{grant}", key.key_id(), key.account)
}

fn outcome(event: &EventRecord<'_>) -> String {
    match &event.error {
        None => "success".into(),
        Some(error) => {
            let message = error.message.map(|message| format!(": {message}")).unwrap_or_default();
            format!("{}{message}", error.code)
        }
    }
}

fn hex(bytes: [u8; 32]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// As JSON.
fn members(shown: Shown<'_>) -> Result<Value, BadRecord> {
    shown.value().map(json)
}

fn json(value: ShownValue) -> Value {
    match value {
        ShownValue::Boolean(value) => value.into(),
        ShownValue::Integer(value) => value.into(),
        ShownValue::LeftOut { bytes, sha256 } => {
            format!("(too long for an event: {bytes} bytes, SHA-256 {})", hex(sha256)).into()
        }
        ShownValue::List(values) => values.into_iter().map(json).collect(),
        ShownValue::Map(pairs) => pairs.into_iter().map(|(name, value)| (name, json(value))).collect(),
        ShownValue::Omitted => "(too long for an event)".into(),
        ShownValue::Text(value) => value.into(),
        ShownValue::Time(seconds) => seconds.into(),
    }
}

fn or_unknown(name: Option<&str>) -> &str {
    name.unwrap_or("(unknown)")
}

#[cfg(test)]
mod tests {
    use claviger_core::records::{ErrorRecord, SessionContextRecord, TlsRecord};

    use super::*;

    fn event() -> EventRecord<'static> {
        EventRecord {
            service: Some("claviger"),
            operation: Some("DeleteKey"),
            account: Some(1_122_223_333),
            ..EventRecord::new(EventKind::Job, 1_593_622_000_191, [0x11; 16])
        }
    }

    #[test]
    fn an_event_of_a_job() {
        let entry = event().to_bytes();
        let want = "TIME        2020-07-01T16:46:40.191Z\n\
                    EVENT       an act of the service itself\n\
                    OPERATION   claviger:DeleteKey\n\
                    REGION      global\n\
                    ACCOUNT     001122223333\n\
                    OUTCOME     success\n\
                    REQUEST ID  11111111-1111-4111-9111-111111111111\n";
        assert_eq!(event_lines(&entry).as_str(), want);
        assert_eq!(event_time(&entry).unwrap().as_millis(), 1_593_622_000_191);
    }

    #[test]
    fn an_event_with_everything() {
        let session = SessionContextRecord {
            created_at: 1_593_622_000_000,
            mfa_at: Some(1_593_622_000_000),
            source_identity: Some("ann"),
        };
        let caller = CallerRecord {
            kind: CallerKind::RoleSession,
            path: "/team/",
            name: "r",
            id: "AROA1",
            access_key_id: "ASIA1",
            session_name: Some("s"),
            session: Some(session),
            environment: Some("prod"),
            application: Some("payments"),
        };
        let key = KeyUseRecord {
            account: 1_122_223_333,
            id: [0x22; 16],
            multi_region: false,
            addressed: Addressed::Alias,
            material: Some([0xAB; 32]),
            grant: None,
        };
        let entry = EventRecord {
            kind: EventKind::Call,
            service: Some("kms"),
            operation: Some("Encrypt"),
            region: Some("eu-central-1"),
            caller: Some(caller),
            source_ip: Some(&[203, 0, 113, 7]),
            user_agent: Some("evil\nCALLER"),
            tls: Some(TlsRecord { version: 0x0304, cipher_suite: 0x1302, group: 0x001d }),
            // {"a": [1, true, "b", undefined], "t": 1.5}
            parameters: Some(Shown(b"\xa2\x61a\x84\x01\xf5\x61b\xf7\x61t\xfb\x3f\xf8\0\0\0\0\0\0")),
            keys: vec![
                key,
                KeyUseRecord {
                    multi_region: true,
                    addressed: Addressed::Otherwise,
                    material: None,
                    grant: Some([0xCD; 32]),
                    ..key
                },
            ]
            .into(),
            resources: vec!["arn:aws:iam::001122223333:role/r"],
            error: Some(ErrorRecord { code: "Denied", message: Some("no") }),
            response: Some(Shown(b"\xa0")),
            read_only: true,
            ..event()
        }
        .to_bytes();
        let want = "TIME        2020-07-01T16:46:40.191Z\n\
                    EVENT       a request that changes nothing\n\
                    OPERATION   kms:Encrypt\n\
                    REGION      eu-central-1\n\
                    ACCOUNT     001122223333\n\
                    CALLER      session of role /team/r (AROA1)\n\
                    ACCESS KEY  ASIA1\n\
                    SESSION     s\n\
                    SINCE       2020-07-01T16:46:40.000Z\n\
                    MFA         2020-07-01T16:46:40.000Z\n\
                    IDENTITY    ann\n\
                    ENVIRONMENT prod\n\
                    APPLICATION payments\n\
                    ADDRESS     203.0.113.7\n\
                    USER AGENT  evil\\nCALLER\n\
                    TLS         TLSv1.3, TLS_AES_256_GCM_SHA384, x25519\n\
                    KEY         22222222-2222-2222-2222-222222222222 of account 001122223333ALIAS\n\
                    KEY         mrk-22222222222222222222222222222222 of account 001122223333GRANT\n\
                    RESOURCE    arn:aws:iam::001122223333:role/r\n\
                    PARAMETERS  {\"a\":[1,true,\"b\",\"(too long for an event)\"],\"t\":1.5}\n\
                    RESPONSE    {}\n\
                    OUTCOME     Denied: no\n\
                    REQUEST ID  11111111-1111-4111-9111-111111111111\n";
        let want = want
            .replace("ALIAS", &format!(", named by an alias, material {}", "ab".repeat(32)))
            .replace("GRANT", &format!(", grant {}", "cd".repeat(32)));
        assert_eq!(event_lines(&entry).as_str(), want);
    }

    #[test]
    fn strangers() {
        let many = EventRecord {
            kind: EventKind::UnauthenticatedMany,
            service: None,
            operation: None,
            account: None,
            requests: Some(7),
            ..event()
        };
        let text = event_lines(&many.to_bytes()).as_str().to_owned();
        assert!(text.contains("EVENT       7 requests of nobody who is known\nREGION"), "{text}");
    }

    #[test]
    fn what_is_no_event() {
        let text = event_lines(b"x").as_str().to_owned();
        assert!(text.starts_with("EVENT       has 1 bytes, not all of which this release can read: not a"), "{text}");
        assert!(event_time(b"x").is_err());
        let members = EventRecord { parameters: Some(Shown(b"\xa1\x01\x01")), ..event() }.to_bytes();
        let text = event_lines(&members).as_str().to_owned();
        assert!(text.starts_with("TIME ") && text.contains("not all of which this release can read"), "{text}");
    }
}
