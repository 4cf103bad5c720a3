//! What the front door answers, over a real socket. Source: observed answers of AWS services with the same front end.

use std::io::Write;

use crate::support::{FORM, JSON, Running, config, head, read, start, unsigned};

const BODY_BYTES_MAX: usize = 1024 * 1024;

fn running() -> Running {
    start(config())
}

fn json(target: &str, body: &str) -> Vec<u8> {
    unsigned("POST", "/", &[("content-type", JSON), ("x-amz-target", target)], body.as_bytes())
}

#[test]
fn a_signed_request_is_answered() {
    let running = running();
    let reply = running.ask(&running.random());
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(reply.body.starts_with("{\"Plaintext\":\""), "{reply:?}");
    assert_eq!(reply.header("content-type"), Some(JSON));
    assert_eq!(reply.header("content-length"), Some(reply.body.len().to_string().as_str()));
    assert!(reply.header("date").is_some_and(|date| date.ends_with(" GMT")), "{reply:?}");
    assert_eq!(reply.header("x-amzn-requestid").map(str::len), Some(36));
}

#[test]
fn many_requests_on_one_connection() {
    let running = running();
    let mut stream = running.connect();
    let pipelined: Vec<u8> = (0..50).flat_map(|_| running.random()).collect();
    stream.write_all(&pipelined).unwrap();
    let ids: std::collections::HashSet<_> = (0..50)
        .map(|number| {
            let reply = read(&mut stream).unwrap_or_else(|| panic!("no answer {number}"));
            assert_eq!(reply.status, 200, "{reply:?}");
            reply.header("x-amzn-requestid").unwrap().to_owned()
        })
        .collect();
    assert_eq!(ids.len(), 50);
}

/// JSON's syntax comes before the target, the target before the shape, the shape before the signature.
#[test]
fn order_of_refusals_in_json() {
    let running = running();
    let silent = |code: &str| format!("{{\"__type\":\"{code}\"}}");
    let missing = r#"{"__type":"MissingAuthenticationTokenException","message":"Missing Authentication Token"}"#;
    let deep = format!("{{\"NumberOfBytes\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000));
    for (target, body, want) in [
        ("TrentService.GenerateRandom", "{}", missing.to_owned()),
        ("TrentService.GenerateRandom", "{", silent("SerializationException")),
        ("TrentService.GenerateRandom", "[]", silent("SerializationException")),
        ("TrentService.GenerateRandom", "", silent("SerializationException")),
        ("TrentService.Nothing", "{", silent("SerializationException")),
        ("TrentService.Nothing", "", silent("UnknownOperationException")),
        ("TrentService.Nothing", "{}", silent("UnknownOperationException")),
        ("Nothing.GenerateRandom", "{}", silent("UnknownOperationException")),
        ("", "{}", silent("UnknownOperationException")),
    ] {
        let reply = running.ask(&json(target, body));
        assert_eq!((reply.status, reply.body.as_str()), (400, want.as_str()), "{target} {body}");
        assert_eq!(reply.header("content-type"), Some(JSON), "{target} {body}");
        assert!(reply.header("x-amzn-requestid").is_some(), "{target} {body}");
    }
    for (body, member) in [(r#"{"NumberOfBytes":"1"}"#, "\"Message\":"), (&deep, "SerializationException")] {
        let reply = running.ask(&json("TrentService.GenerateRandom", body));
        assert_eq!(reply.status, 400, "{}", reply.body);
        assert!(reply.body.contains("SerializationException") && reply.body.contains(member), "{}", reply.body);
    }
}

#[test]
fn what_no_client_sends() {
    let running = running();
    let missing = "<MissingAuthenticationTokenException>\n  <Message>Missing Authentication Token</Message>\n\
                   </MissingAuthenticationTokenException>\n";
    let denied = "<AccessDeniedException>\n  <Message>Unable to determine service/operation name to be authorized\
                  </Message>\n</AccessDeniedException>\n";
    let target = ("x-amz-target", "TrentService.Encrypt");
    let signed = ("authorization", "AWS4-HMAC-SHA256 Credential=a");
    for (method, path, headers, status, want) in [
        ("GET", "/", &[][..], 403, missing),
        ("PUT", "/", &[("content-type", JSON), target][..], 403, missing),
        ("DELETE", "/x", &[signed][..], 403, denied),
        ("GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", &[][..], 403, denied),
        ("POST", "/", &[("content-type", "text/plain")][..], 403, missing),
        ("POST", "/", &[("content-type", "text/plain"), signed][..], 403, denied),
        ("POST", "/", &[("content-type", "text/plain"), target][..], 404, "<UnknownOperationException/>\n"),
        (
            "POST",
            "/",
            &[("content-type", "application/json"), target][..],
            404,
            "{\"Output\":{\"__type\":\"com.amazon.coral.service#UnknownOperationException\"},\"Version\":\"1.0\"}",
        ),
    ] {
        let reply = running.ask(&unsigned(method, path, headers, b""));
        assert_eq!((reply.status, reply.body.as_str()), (status, want), "{method} {path} {headers:?}");
    }
}

#[test]
fn forms() {
    let running = running();
    let caller = b"Action=GetCallerIdentity&Version=2011-06-15";
    let reply = running.ask(&running.signed("sts", "", FORM, caller));
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(reply.header("content-type"), Some("text/xml"));
    let request_id = reply.header("x-amzn-requestid").unwrap();
    let start =
        "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>";
    let end = format!(
        "</GetCallerIdentityResult><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata>\
         </GetCallerIdentityResponse>"
    );
    assert!(reply.body.starts_with(start) && reply.body.ends_with(&end), "{}", reply.body);
    assert!(reply.body.contains("<Account>111122223333</Account>"), "{}", reply.body);
    let unknown = b"Action=Nothing&Version=2011-06-15";
    for (request, status, code, message) in [
        (
            running.signed("sts", "", FORM, unknown),
            400,
            "InvalidAction",
            "Could not find operation Nothing for version 2011-06-15",
        ),
        (
            running.signed("sts", "", FORM, b"Version=2011-06-15"),
            400,
            "MissingAction",
            "The request is missing an action or a required parameter.",
        ),
        (
            running.signed("kms", "", FORM, caller),
            403,
            "SignatureDoesNotMatch",
            "Credential should be scoped to correct service: 'sts'. ",
        ),
        (
            unsigned("POST", "/", &[("content-type", FORM)], caller),
            403,
            "MissingAuthenticationToken",
            "Request is missing Authentication Token",
        ),
    ] {
        let reply = running.ask(&request);
        assert_eq!(reply.status, status, "{reply:?}");
        assert!(reply.body.contains(&format!("<Type>Sender</Type><Code>{code}</Code>")), "{code}: {}", reply.body);
        assert!(reply.body.contains(message), "{code}: {}", reply.body);
        let end = format!("<RequestId>{}</RequestId></ErrorResponse>", reply.header("x-amzn-requestid").unwrap());
        assert!(reply.body.ends_with(&end), "{code}: {}", reply.body);
    }
}

/// A form for IAM and a target of KMS under one signature's scope: the scope must be the routed service's.
#[test]
fn the_scope_must_be_of_the_routed_service() {
    let running = running();
    let reply = running.ask(&running.signed("sts", "TrentService.GenerateRandom", JSON, b"{}"));
    assert_eq!(
        (reply.status, reply.body.as_str()),
        (
            400,
            "{\"__type\":\"InvalidSignatureException\",\"message\":\
             \"Credential should be scoped to correct service: 'kms'. \"}"
        )
    );
}

#[test]
fn bodies() {
    let running = running();
    let body = br#"{"NumberOfBytes":32}"#;
    let signed = running.signed_head("kms", "TrentService.GenerateRandom", JSON, body);
    let mut chunked = head(&signed);
    chunked.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
    for piece in body.chunks(7) {
        chunked.extend_from_slice(format!("{:x}\r\n", piece.len()).as_bytes());
        chunked.extend_from_slice(piece);
        chunked.extend_from_slice(b"\r\n");
    }
    chunked.extend_from_slice(b"0\r\n\r\n");
    let mut expecting = head(&signed);
    expecting.extend_from_slice(format!("expect: 100-continue\r\ncontent-length: {}\r\n\r\n", body.len()).as_bytes());
    expecting.extend_from_slice(body);
    for request in [chunked, expecting] {
        let reply = running.ask(&request);
        assert_eq!(reply.status, 200, "{} {reply:?}", String::from_utf8_lossy(&request));
    }
}

#[test]
fn body_limit() {
    let running = running();
    let padded = |length: usize| format!("{{{}}}", " ".repeat(length - 2));
    let largest = padded(BODY_BYTES_MAX);
    let reply = running.ask(&running.signed("kms", "TrentService.GenerateRandom", JSON, largest.as_bytes()));
    assert_ne!(reply.status, 413, "{reply:?}");
    let announced = head(&running.signed_head("kms", "TrentService.GenerateRandom", JSON, b""));
    let announced = [&announced, format!("content-length: {}\r\n\r\n", BODY_BYTES_MAX + 1).as_bytes()].concat();
    let endless = head(&running.signed_head("kms", "TrentService.GenerateRandom", JSON, b""));
    let chunk = format!("{:x}\r\n{}\r\n", 65_536, " ".repeat(65_536));
    let endless = [&endless, b"transfer-encoding: chunked\r\n\r\n".as_slice(), chunk.repeat(17).as_bytes()].concat();
    for (request, what) in [(announced, "announced"), (endless, "chunked")] {
        let reply = running.ask(&request);
        assert_eq!((reply.status, reply.body.as_str()), (413, ""), "{what}");
    }
    assert_eq!(running.ask(&running.random()).status, 200);
}

#[test]
fn health_and_metrics() {
    let running = running();
    assert_eq!(running.ask(&running.random()).status, 200);
    let health = running.ask(&unsigned("GET", "/healthz", &[], b""));
    assert_eq!((health.status, health.body.as_str()), (200, "ok\n"));
    let metrics = running.ask(&unsigned("GET", "/metrics", &[], b""));
    assert_eq!(metrics.status, 200);
    assert!(metrics.header("content-type").is_some_and(|kind| kind.starts_with("text/plain; version=0.0.4")));
    let line = "claviger_requests_total{service=\"kms\",operation=\"GenerateRandom\",outcome=\"OK\"} 1";
    assert!(metrics.body.lines().any(|it| it == line), "{}", metrics.body);
}
