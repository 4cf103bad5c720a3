//! The whole service over the memory store: requests of any kind by several callers. No fault of the service's own, no
//! effect of a refused request, nothing for a stranger, and a store that is found whole whatever came.

use std::fmt;
use std::sync::Mutex;

use claviger_core::{Error, Row};
use claviger_fuzz::{Bytes, Campaign, Choices, Driver, Edited, RequestsOf, ValueGenerator};
use claviger_types::ServiceName;
use serde_json::Value;

use crate::world::{Caller, World, findings, words};

/// Requests that one deployment serves before a new one takes its place: it grows, and its keys get disabled.
const REQUESTS_PER_WORLD: u32 = 300;

/// A request of a caller.
struct Sent {
    caller: Caller,
    row: &'static Row,
    body: Bytes,
}

impl fmt::Debug for Sent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {} {:?}", self.caller, self.row.name, self.body)
    }
}

struct Senders {
    requests: RequestsOf,
    edits: Edited,
}

impl ValueGenerator for Senders {
    type Output = Sent;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Sent> {
        let mut choices = Choices::new(driver);
        let caller = *choices.one_of(&Caller::SENDING)?;
        let request = self.requests.request(&mut choices)?;
        let mut body = request.encoded();
        if choices.one_in(8) {
            self.edits.edit(&mut choices, &mut body);
        }
        Some(Sent { caller, row: request.row, body: Bytes(body) })
    }
}

struct Served {
    world: World,
    requests: u32,
}

/// Every operation, by several callers, one request after another.
pub fn whole_service(campaign: Campaign) {
    let served = Mutex::new(Served { world: World::new(), requests: 0 });
    let edits =
        Edited::new(["{\"KeyId\":\"__key__\"}"], ["\"", "{", "null", "__key_arn__", "\\u0000", "é", "&", "%00"]);
    campaign.run(Senders { requests: RequestsOf::new(claviger_core::rows().iter(), words()), edits }, |sent| {
        let mut served = served.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        served.requests += 1;
        if served.requests == REQUESTS_PER_WORLD {
            check_whole(&served.world);
            *served = Served { world: World::new(), requests: 0 };
        }
        let row = sent.row;
        let before = served.world.service.view();
        let body = served.world.resolve(&sent.body.0);
        let Some(answer) = served.world.call(&before, sent.caller, row, &body) else { return false };
        let changed = served.world.service.view().revision() != before.revision();
        match answer {
            Ok(reply) => {
                check_reply(row.service, &reply);
                let free = ["GetCallerIdentity", "GetSessionToken"].contains(&row.name);
                assert!(sent.caller != Caller::Stranger || free, "a stranger may do it");
                assert_eq!(changed, is_command(row.name), "what changes is not what commands change");
                true
            }
            Err(error) => {
                check_error(&error);
                assert!(!changed, "refused with {error:?}, and yet something changed");
                !matches!(error, Error::Serialization(_) | Error::Validation(_) | Error::AccessDenied(_))
            }
        }
    });
}

fn check_reply(service: ServiceName, reply: &[u8]) {
    let text = std::str::from_utf8(reply).unwrap();
    match service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => {
            assert!(text.is_empty() || serde_json::from_str::<Value>(text).unwrap().is_object(), "{text}");
        }
        ServiceName::Iam | ServiceName::Sts => {
            assert!(text.is_empty() || (text.starts_with('<') && text.ends_with('>')), "{text}");
        }
    }
}

fn check_error(error: &Error) {
    let wire = error.wire();
    assert!(wire.json_status < 500 && wire.query_status < 500, "the service's own fault: {error:?}");
    let length = wire.message.map_or(0, |message| message.len());
    assert!(length < 512 * 1024, "an answer of {length} bytes");
}

fn check_whole(world: &World) {
    let findings = findings(world.store.as_ref());
    assert!(findings.is_empty(), "{findings:?}");
    assert_eq!(world.service.health(), Ok(()));
}

/// Whether an operation changes the state. Told by its verb, so that a wrong row of the table is found.
fn is_command(name: &str) -> bool {
    let reading = ["Decrypt", "Describe", "Encrypt", "Generate", "Get", "List", "Lookup", "ReEncrypt", "Verify"];
    !reading.iter().any(|verb| name.starts_with(verb))
}
