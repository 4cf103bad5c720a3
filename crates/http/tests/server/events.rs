//! Each request that is answered has an event, whoever refused it; strangers cannot fill the log.

use claviger_core::records::{CallerKind, EventKind, EventRecord};

use crate::support::{FORM, JSON, Running, config, start, unsigned};

/// The one event that the last answer left; `check` looks at it.
fn with_event(running: &Running, request: &[u8], status: u16, check: impl FnOnce(EventRecord<'_>)) {
    let reply = running.ask(request);
    assert_eq!(reply.status, status, "{reply:?}");
    let events = running.events.drain();
    assert_eq!(events.len(), 1, "{reply:?}");
    let event = EventRecord::parse(&events[0]).unwrap();
    let id = event.id.map(|byte| format!("{byte:02x}")).concat();
    assert_eq!(reply.header("x-amzn-requestid").unwrap().replace('-', ""), id);
    assert_eq!((event.source_ip, event.tls), (Some(&[127, 0, 0, 1][..]), None));
    check(event);
}

#[test]
fn who_called_and_what_came_of_it() {
    let running = start(config());
    let account = running.admin.account.as_u64();
    let own = running.admin.access_key_id.to_string();
    with_event(&running, &running.random(), 200, |event| {
        assert_eq!((event.kind, event.operation, event.error), (EventKind::Call, Some("GenerateRandom"), None));
        assert_eq!((event.account, event.caller.unwrap().access_key_id), (Some(account), &*own));
    });
    let missing = running.signed("kms", "TrentService.DescribeKey", JSON, br#"{"KeyId":"alias/none"}"#);
    with_event(&running, &missing, 400, |event| {
        let error = event.error.unwrap();
        assert_eq!((event.kind, error.code), (EventKind::Call, "NotFoundException"));
        assert!(error.message.unwrap().contains("alias/none"));
    });
    // A form is read once it is known who sent it.
    let form = running.signed("iam", "", FORM, b"Action=Nothing&Version=2010-05-08");
    with_event(&running, &form, 400, |event| {
        assert_eq!((event.kind, event.service, event.operation), (EventKind::Call, Some("iam"), None));
        assert_eq!((event.account, event.error.unwrap().code), (Some(account), "InvalidAction"));
    });
}

#[test]
fn strangers() {
    let running = start(config());
    let target = ("x-amz-target", "TrentService.GenerateRandom");
    let json = [("content-type", JSON), target];
    let forged = "AWS4-HMAC-SHA256 Credential=AKIAFORGED0000000000/20260131/us-east-1/kms/aws4_request, \
                  SignedHeaders=host;x-amz-date, Signature=00";
    let signed = [json[0], json[1], ("authorization", forged), ("x-amz-date", "20260131T000000Z")];
    for (headers, body, code, operation, access_key) in [
        (&json[..], "{}", "MissingAuthenticationTokenException", Some("GenerateRandom"), None),
        (&json[..1], "{}", "UnknownOperationException", None, None),
        (&json[..], "{", "SerializationException", Some("GenerateRandom"), None),
        (&[][..], "", "MissingAuthenticationTokenException", None, None),
        (&signed[..], "{}", "InvalidSignatureException", Some("GenerateRandom"), Some("AKIAFORGED0000000000")),
    ] {
        let request = unsigned("POST", "/", headers, body.as_bytes());
        let status = running.ask(&request).status;
        assert_eq!(running.events.drain().len(), 1);
        with_event(&running, &request, status, |event| {
            assert_eq!((event.kind, event.account), (EventKind::Unauthenticated, None), "{body}");
            assert_eq!((event.error.unwrap().code, event.operation), (code, operation), "{headers:?} {body}");
            let caller = event.caller.map(|caller| (caller.kind, caller.access_key_id));
            assert_eq!(caller, access_key.map(|id| (CallerKind::Unknown, id)));
        });
    }
    for path in ["/healthz", "/metrics"] {
        assert_eq!(running.ask(&unsigned("GET", path, &[], b"")).status, 200);
        assert_eq!(running.events.drain().len(), 0, "{path}");
    }
    let request = unsigned("POST", "/", &json, b"{}");
    let answered = (0..210).filter(|_| running.ask(&request).status == 400).count();
    // They may lie in two minutes.
    let told = running.events.drain().len();
    assert!(answered == 210 && (80..=200).contains(&told), "{answered} {told}");
}
