//! The audit event of a request, of a job, or of strangers: what `records/events.rs` holds, made of what is known.

use std::borrow::Cow;
use std::net::IpAddr;

use claviger_storage::Write;
use claviger_types::{AccessKeyId, AccountId, ServiceName, SessionKeyId, Timestamp};

use crate::error::Error;
use crate::identity::caller::{Caller, Principal, Signatory};
use crate::identity::tags;
use crate::paths;
use crate::pipeline::call::{Call, RequestId, TlsConnection};
use crate::pipeline::operation::{Command, Operation};
use crate::records::{
    CallerKind, CallerRecord, ErrorRecord, EventKind, EventRecord, SessionContextRecord, Shown, TlsRecord,
};
use crate::target::Resources;
use crate::view::View;
use crate::wire::{self, Encoded, Fields};

/// Characters of a User-Agent that are kept. It is the caller's free text, and not signed.
const USER_AGENT_CHARS_MAX: usize = 256;

/// Characters of an error's text that are kept.
const MESSAGE_CHARS_MAX: usize = 1024;

/// Bytes that an event may have: those of an entry of the log.
const EVENT_BYTES_MAX: usize = 65_535;

/// Tags that usage is told apart by.
const USAGE_TAGS: [&str; 2] = ["Environment", "Application"];

/// An encoded event with its id.
pub struct Event {
    id: RequestId,
    bytes: Vec<u8>,
}

/// What is known of a request, apart from its caller, while it is on its way.
pub struct Trace {
    parameters: Option<Vec<u8>>,
    conceals: bool,
    /// What it acts upon, once that was found.
    pub resources: Resources,
}

/// Whose request it is, and when.
#[derive(Clone, Copy)]
pub struct Asking<'a> {
    /// The request, apart from its body.
    pub call: &'a Call<'a>,
    /// The caller, if it is one still.
    pub caller: Option<Caller<'a>>,
    /// The state that the caller was found in.
    pub view: &'a View,
    /// The domain clock's time.
    pub now: Timestamp,
}

/// What was asked for, whatever comes of it.
#[derive(Debug, Clone, Copy)]
pub struct AskedFor {
    /// Whose operation.
    pub service: ServiceName,
    /// The operation's name; none if nobody knows it.
    pub operation: Option<&'static str>,
    /// Whether it is one that changes nothing.
    pub read_only: bool,
}

impl AskedFor {
    /// A read, a use or a look-up.
    pub const fn at_once<O: Operation>() -> Self {
        Self { service: O::SERVICE, operation: Some(O::NAME), read_only: true }
    }

    /// An import.
    pub const fn import<O: Operation>() -> Self {
        Self { read_only: false, ..Self::at_once::<O>() }
    }

    /// A command.
    pub const fn command<O: Command>() -> Self {
        Self { service: O::SERVICE, operation: Some(O::NAME), read_only: O::READ_ONLY }
    }

    /// What nobody knows.
    pub const fn unknown(service: ServiceName) -> Self {
        Self { service, operation: None, read_only: false }
    }
}

/// What came of it.
#[derive(Clone, Copy)]
pub enum Ended<'a> {
    /// It was done. What changes the state shows members of its answer.
    Done(Option<&'a [u8]>),
    /// It was refused.
    Refused(&'a Error),
}

/// A request that is refused before it is known who sent it.
pub struct Stranger<'r> {
    /// `x-amzn-RequestId` of the answer.
    pub request_id: RequestId,
    /// The peer's address.
    pub source_ip: IpAddr,
    /// As sent.
    pub user_agent: Option<&'r str>,
    /// How the request came.
    pub tls: Option<TlsConnection>,
    /// The access key that the signature names, as sent.
    pub access_key_id: Option<&'r str>,
    /// What was asked for, if it is known.
    pub asked_for: Option<AskedFor>,
    /// The error's code.
    pub code: &'static str,
}

impl Trace {
    /// What a request shows of itself.
    pub fn of(fields: &Fields) -> Self {
        let parameters = Some(wire::recorded::request(fields));
        Self { parameters, conceals: wire::recorded::conceals(fields), resources: Resources::default() }
    }

    /// A request that could not be read.
    pub fn unread() -> Self {
        Self { parameters: None, conceals: true, resources: Resources::default() }
    }

    /// A request that leaves no event.
    pub fn unrecorded() -> Self {
        Self { parameters: None, conceals: true, resources: Resources::unwanted() }
    }

    /// The event of a command. `made` is what it made, beside what it acted upon.
    pub fn event(&self, asking: Asking<'_>, asked_for: AskedFor, ended: Ended<'_>, made: Option<&Resources>) -> Event {
        let mut bytes = Vec::new();
        self.write(asking, asked_for, ended, made, &mut bytes);
        Event { id: asking.call.request_id, bytes }
    }

    /// Appends the event of a request that changes nothing, by what came of it.
    pub fn write_outcome(
        &self,
        asking: Asking<'_>,
        asked_for: AskedFor,
        outcome: &Result<Encoded, Error>,
        bytes: &mut Vec<u8>,
    ) {
        let ended = outcome.as_ref().map_or_else(Ended::Refused, |_| Ended::Done(None));
        self.write(asking, asked_for, ended, None, bytes);
    }

    /// Appends the event to `bytes`.
    pub fn write(
        &self,
        asking: Asking<'_>,
        asked_for: AskedFor,
        ended: Ended<'_>,
        made: Option<&Resources>,
        bytes: &mut Vec<u8>,
    ) {
        let Asking { call, caller, view, now } = asking;
        let mut keys = Cow::Borrowed(self.resources.keys.as_slice());
        let mut resources: Vec<&str> = self.resources.arns.iter().map(String::as_str).collect();
        if let Some(made) = made {
            keys.to_mut().extend_from_slice(&made.keys);
            resources.extend(made.arns.iter().map(String::as_str));
        }
        let source_ip = call.source_ip.map(Octets::from);
        let mut parameters = self.parameters.as_deref().map(Cow::Borrowed);
        let (message, response);
        let error = match ended {
            Ended::Refused(error) => {
                response = None;
                parameters = self.parameters.as_deref().map(wire::recorded::of_refused);
                message = self.message(error);
                Some(ErrorRecord { code: code_of(error, asked_for.service), message: message.as_deref() })
            }
            Ended::Done(shown) => {
                response = shown;
                None
            }
        };
        let event = EventRecord {
            kind: EventKind::Call,
            at: now.as_millis(),
            id: *call.request_id.as_bytes(),
            service: Some(asked_for.service.as_str()),
            operation: asked_for.operation,
            account: account_of(caller, &call.signatory),
            region: Some(call.region.as_str()),
            caller: Some(caller_of(caller, &call.signatory, view)),
            source_ip: source_ip.as_ref().map(Octets::as_slice),
            user_agent: call.user_agent.map(|text| first(text, USER_AGENT_CHARS_MAX)),
            tls: call.tls.map(TlsRecord::from),
            parameters: parameters.as_deref().map(Shown),
            keys,
            resources,
            error,
            response: response.map(Shown),
            requests: None,
            read_only: asked_for.read_only,
        };
        write_bounded(&event, bytes);
    }

    /// The text that the caller was told, unless it may quote what must not be kept.
    fn message(&self, error: &Error) -> Option<String> {
        let quotes = matches!(error, Error::Validation(_) | Error::InvalidInput(_) | Error::Serialization(_));
        let message = error.wire().message.filter(|_| !(quotes && self.conceals));
        message.map(|text| first(&text, MESSAGE_CHARS_MAX).to_owned())
    }
}

impl Event {
    /// For the log's writer.
    pub fn write(&self, bytes: &mut Vec<u8>) {
        bytes.extend_from_slice(&self.bytes);
    }

    /// For the transaction of what it tells of, in this space.
    pub fn into_outbox(self, space: &str) -> Write {
        Write::Put { path: paths::outbox(space, &self.id.to_string()), value: self.bytes }
    }
}

impl From<TlsConnection> for TlsRecord {
    fn from(connection: TlsConnection) -> Self {
        let TlsConnection { version, cipher_suite, key_exchange_group } = connection;
        Self { version, cipher_suite, group: key_exchange_group.unwrap_or(0) }
    }
}

/// The event of something that the service did by itself.
pub fn of_job(
    at: Timestamp,
    operation: &str,
    account: AccountId,
    space: &str,
    resources: &Resources,
) -> Result<Event, Error> {
    let id = RequestId::from_bytes(claviger_keyring::random()?);
    let event = EventRecord {
        account: Some(account.as_u64()),
        service: Some(ServiceName::Claviger.as_str()),
        operation: Some(operation),
        region: (space != paths::GLOBAL).then_some(space),
        keys: resources.keys.as_slice().into(),
        resources: resources.arns.iter().map(String::as_str).collect(),
        ..empty(EventKind::Job, at, id)
    };
    Ok(Event { id, bytes: bounded(event) })
}

/// The event of a stranger's request.
pub fn of_stranger(at: Timestamp, stranger: &Stranger<'_>) -> Event {
    let source_ip = Octets::from(stranger.source_ip);
    // Clients that take id and secret for one another send the secret here.
    let is_id = |text: &&str| text.parse::<AccessKeyId>().is_ok() || text.parse::<SessionKeyId>().is_ok();
    let access_key_id = stranger.access_key_id.filter(is_id);
    let event = EventRecord {
        service: stranger.asked_for.map(|asked_for| asked_for.service.as_str()),
        operation: stranger.asked_for.and_then(|asked_for| asked_for.operation),
        read_only: stranger.asked_for.is_some_and(|asked_for| asked_for.read_only),
        caller: access_key_id.map(unknown_caller),
        source_ip: Some(source_ip.as_slice()),
        user_agent: stranger.user_agent.map(|text| first(text, USER_AGENT_CHARS_MAX)),
        tls: stranger.tls.map(TlsRecord::from),
        error: Some(ErrorRecord { code: stranger.code, message: None }),
        ..empty(EventKind::Unauthenticated, at, stranger.request_id)
    };
    Event { id: stranger.request_id, bytes: bounded(event) }
}

/// The event of so many strangers' requests.
pub fn of_strangers(at: Timestamp, requests: u64) -> Result<Event, Error> {
    let id = RequestId::from_bytes(claviger_keyring::random()?);
    let event = EventRecord { requests: Some(requests), ..empty(EventKind::UnauthenticatedMany, at, id) };
    Ok(Event { id, bytes: bounded(event) })
}

fn empty<'a>(kind: EventKind, at: Timestamp, id: RequestId) -> EventRecord<'a> {
    EventRecord::new(kind, at.as_millis(), *id.as_bytes())
}

fn bounded(event: EventRecord<'_>) -> Vec<u8> {
    let mut bytes = Vec::new();
    write_bounded(&event, &mut bytes);
    bytes
}

/// The log takes no longer entry: its writer would stand still. Everything but members is short, and they have bounds of
/// their own (`wire/recorded.rs`), so this is for what nobody thought of.
fn write_bounded(event: &EventRecord<'_>, bytes: &mut Vec<u8>) {
    let start = bytes.len();
    event.write(bytes);
    if bytes.len() - start > EVENT_BYTES_MAX {
        bytes.truncate(start);
        let omitted = Some(Shown(&wire::recorded::OMITTED));
        EventRecord { parameters: omitted, response: omitted, ..event.clone() }.write(bytes);
    }
}

fn account_of(caller: Option<Caller<'_>>, signatory: &Signatory) -> Option<u64> {
    Some(caller.map_or_else(|| signatory.account(), |caller| caller.account).as_u64())
}

fn caller_of<'a>(caller: Option<Caller<'a>>, signatory: &'a Signatory, view: &'a View) -> CallerRecord<'a> {
    let Some(caller) = caller else { return unknown_caller(signatory.access_key_id()) };
    let (kind, path, name, id, session_name) = match caller.principal {
        Principal::Role(role, name) => {
            (CallerKind::RoleSession, &*role.path, role.name.as_str(), role.id.as_str(), Some(name.as_str()))
        }
        Principal::User(user) => {
            let kind = if caller.session.is_some() { CallerKind::UserSession } else { CallerKind::User };
            (kind, &*user.path, user.name.as_str(), user.id.as_str(), None)
        }
    };
    let session = caller.session.map(|session| SessionContextRecord {
        created_at: session.issued_at.as_millis(),
        mfa_at: session.mfa_at.map(Timestamp::as_millis),
        source_identity: session.source_identity.as_deref(),
    });
    let [environment, application] = usage_tags(caller, view);
    CallerRecord {
        kind,
        path,
        name,
        id,
        access_key_id: signatory.access_key_id(),
        session_name,
        session,
        environment,
        application,
    }
}

fn unknown_caller(access_key_id: &str) -> CallerRecord<'_> {
    CallerRecord {
        kind: CallerKind::Unknown,
        path: "",
        name: "",
        id: "",
        access_key_id,
        session_name: None,
        session: None,
        environment: None,
        application: None,
    }
}

/// `Environment` and `Application`: tags of the session, else of the principal, else of the account.
fn usage_tags<'a>(caller: Caller<'a>, view: &'a View) -> [Option<&'a str>; 2] {
    let own = USAGE_TAGS.map(|key| caller.tags().find(|(found, _)| tags::same(found, key)).map(|(_, value)| value));
    if own.iter().all(Option::is_some) {
        return own;
    }
    let of_account = view.account(caller.account).map_or(&[][..], |account| &*account.tags);
    let [environment, application] = USAGE_TAGS.map(|key| {
        let tag = of_account.iter().find(|(found, _)| tags::same(found, key));
        tag.map(|(_, value)| &**value)
    });
    let [own_environment, own_application] = own;
    [own_environment.or(environment), own_application.or(application)]
}

/// As the protocol of the service calls it.
fn code_of(error: &Error, service: ServiceName) -> &'static str {
    let wire = error.wire();
    match service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => wire.json_code,
        ServiceName::Iam | ServiceName::Sts => wire.query_code,
    }
}

/// The first characters of a text.
fn first(text: &str, characters: usize) -> &str {
    match text.char_indices().nth(characters) {
        Some((end, _)) => text.get(..end).unwrap_or_default(),
        None => text,
    }
}

/// The bytes of an address.
enum Octets {
    Four([u8; 4]),
    Sixteen([u8; 16]),
}

impl From<IpAddr> for Octets {
    fn from(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => Self::Four(address.octets()),
            IpAddr::V6(address) => Self::Sixteen(address.octets()),
        }
    }
}

impl Octets {
    fn as_slice(&self) -> &[u8] {
        match self {
            Self::Four(octets) => octets,
            Self::Sixteen(octets) => octets,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use serde_json::json;

    use super::*;
    use crate::records::{Addressed, KeyUseRecord, ShownValue};
    use crate::testing::test_events::{event_of, parsed};
    use crate::testing::test_kms::{HOME, REGION, TestKms, policy, statement};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::Opened;

    fn text(text: &str) -> ShownValue {
        ShownValue::Text(text.into())
    }

    fn members(members: &[(&str, ShownValue)]) -> ShownValue {
        ShownValue::Map(members.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect())
    }

    /// An event tells by which session its caller called, and who is behind it.
    #[test]
    fn the_session_that_called() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let trust = json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:*"});
        let trust = policy(&trust.to_string());
        let role = json!({"RoleName": "r", "Path": "/team/", "AssumeRolePolicyDocument": trust});
        let role = kms.ok("CreateRole", role)["Role"].clone();
        let document = policy(&statement("Allow", "*", "*"));
        kms.ok("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}));
        let with_event = |call: &dyn Fn(), check: &dyn Fn(CallerRecord<'_>)| {
            let before = kms.store.commits();
            call();
            let commits = kms.store.commits_since(before);
            check(event_of(commits.last().unwrap()).1.caller.unwrap());
        };
        let ann_id = kms.view().user(HOME.parse().unwrap(), &"ann".parse().unwrap()).unwrap().id;
        with_event(&|| drop(ann.ok("CreateKey", json!({}))), &|caller| {
            assert_eq!((caller.kind, caller.path, caller.name), (CallerKind::User, "/", "ann"));
            assert_eq!((caller.id, caller.session), (ann_id.as_str(), None));
        });

        let users = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        with_event(&|| drop(users.call("CreateKey", json!({})).unwrap()), &|caller| {
            assert_eq!((caller.kind, caller.name, caller.id), (CallerKind::UserSession, "ann", ann_id.as_str()));
            let session = users.session();
            let context = SessionContextRecord {
                created_at: session.issued_at.as_millis(),
                mfa_at: Some(session.mfa_at.unwrap().as_millis()),
                source_identity: None,
            };
            assert_eq!(caller.session, Some(context));
        });

        let assume = json!({"RoleArn": role["Arn"], "RoleSessionName": "s1", "SourceIdentity": "behind",
            "Tags": [{"Key": "environment", "Value": "prod"}]});
        let assumed = Opened::of(&kms, &users.call("AssumeRole", assume).unwrap());
        with_event(&|| drop(assumed.call("CreateKey", json!({})).unwrap()), &|caller| {
            assert_eq!((caller.kind, caller.path, caller.name), (CallerKind::RoleSession, "/team/", "r"));
            assert_eq!((caller.id, caller.session_name), (role["RoleId"].as_str().unwrap(), Some("s1")));
            let context = SessionContextRecord {
                created_at: assumed.session().issued_at.as_millis(),
                mfa_at: None,
                source_identity: Some("behind"),
            };
            assert_eq!((caller.session, caller.environment), (Some(context), Some("prod")));
        });
    }

    /// What usage is folded of: the key and its material, how it was named, the context, the tags of the caller.
    #[test]
    fn a_use_of_a_key() {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        kms.ok("TagAccount", json!({"AccountId": HOME, "Tags": [{"Key": "Environment", "Value": "test"}]}));
        kms.ok("TagUser", json!({"UserName": "admin", "Tags": [{"Key": "application", "Value": "app"}]}));
        let arn = kms.admin().key_arn(&key);
        let account = HOME.parse::<u64>().unwrap();
        let view = kms.view();
        let material = view.key(REGION.parse().unwrap(), key.parse().unwrap()).unwrap();
        let used = |addressed| KeyUseRecord {
            account,
            id: *material.arn.id.as_bytes(),
            multi_region: false,
            addressed,
            material: Some(*material.backing_keys[0].material_id.as_bytes()),
            grant: None,
        };
        let alias_arn = format!("arn:aws:kms:us-east-1:{HOME}:alias/a");
        for (named, addressed) in [
            (&*key, Addressed::Id),
            (&*arn, Addressed::Arn),
            ("alias/a", Addressed::Alias),
            (&*alias_arn, Addressed::AliasArn),
        ] {
            let before = kms.events().len();
            kms.ok("Encrypt", json!({"KeyId": named, "Plaintext": "AAAA", "EncryptionContext": {"tenant": "7"}}));
            let events = kms.events();
            let event = parsed(&events[before]);
            assert_eq!(*event.keys, [used(addressed)], "{named}");
            let context = members(&[("tenant", text("7"))]);
            let parameters = members(&[("KeyId", text(named)), ("EncryptionContext", context)]);
            assert_eq!(event.parameters.unwrap().value().unwrap(), parameters);
            let caller = event.caller.as_ref().unwrap();
            assert_eq!((caller.environment, caller.application), (Some("test"), Some("app")));
            assert_eq!((event.source_ip, event.user_agent), (Some(&[192, 0, 2, 1][..]), Some("test")));
            assert_eq!(event.tls, Some(TlsRecord { version: 0x0304, cipher_suite: 0x1302, group: 0x001d }));
            assert_eq!((event.region, event.read_only, &event.error), (Some(REGION), true, &None));
            assert!(events[before].len() < 400, "{} bytes", events[before].len());
        }
        let ciphertext = kms.admin().encrypt(&key, "AAAA");
        let other = kms.key();
        let before = kms.events().len();
        kms.ok("Decrypt", json!({"CiphertextBlob": ciphertext}));
        kms.ok("ReEncrypt", json!({"CiphertextBlob": ciphertext, "DestinationKeyId": other}));
        // One who may not is told nothing, and the event tells which key it was.
        let stranger = kms.away();
        stranger.call("Decrypt", json!({"CiphertextBlob": ciphertext})).unwrap_err();
        let events = kms.events();
        let [decrypt, re_encrypt, refused] = &events[before..] else { panic!("{} events", events.len() - before) };
        assert_eq!(*parsed(decrypt).keys, [used(Addressed::Ciphertext)]);
        let re_encrypt = parsed(re_encrypt);
        let [from, to] = re_encrypt.keys[..] else { panic!("{re_encrypt:?}") };
        assert_eq!((from, to.addressed), (used(Addressed::Ciphertext), Addressed::Id));
        assert!(to.material.is_some_and(|id| Some(id) != from.material));
        let refused = parsed(refused);
        assert_eq!(*refused.keys, [KeyUseRecord { material: None, ..used(Addressed::Ciphertext) }]);
        assert_eq!(refused.error.map(|error| error.code), Some("AccessDeniedException"));
    }

    #[test]
    fn what_commands_answer() {
        let kms = TestKms::new();
        let before = kms.store.commits();
        let made = kms.ok("CreateKey", json!({"Description": "d"}))["KeyMetadata"].clone();
        let key = made["KeyId"].as_str().unwrap();
        kms.ok("CreateGrant", json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]}));
        kms.ok("CreateAccessKey", json!({"UserName": "admin"}));
        let commits = kms.store.commits_since(before);
        let [key_made, granted, access_key] = &commits[..] else { panic!("{commits:?}") };
        let shown = |commit| event_of(commit).1.response.unwrap().value().unwrap();
        let ShownValue::Map(outer) = shown(key_made) else { panic!("no members") };
        let ShownValue::Map(metadata) = &outer[0].1 else { panic!("{outer:?}") };
        let member = |name: &str| metadata.iter().find(|(found, _)| found == name).map(|(_, value)| value.clone());
        assert_eq!((outer[0].0.as_str(), member("Description")), ("KeyMetadata", Some(text("d"))));
        assert_eq!(member("CreationDate"), made["CreationDate"].as_f64().map(ShownValue::Time));
        assert_eq!(event_of(key_made).1.keys[0].id, *key.parse::<claviger_types::KeyId>().unwrap().as_bytes());
        assert!(matches!(shown(granted), ShownValue::Map(members) if members.len() == 1 && members[0].0 == "GrantId"));
        let ShownValue::Map(outer) = shown(access_key) else { panic!("no members") };
        let ShownValue::Map(access_key) = &outer[0].1 else { panic!("{outer:?}") };
        let names: Vec<_> = access_key.iter().map(|(name, _)| name.as_str()).collect();
        assert!(names.contains(&"AccessKeyId") && !names.contains(&"SecretAccessKey"), "{names:?}");
    }

    /// A caller's free text is cut, and one who is gone meanwhile still has an account.
    #[test]
    fn callers_who_are_gone() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let opened = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        let view = kms.view();
        let key = Signatory::AccessKey(Arc::clone(view.credential(ann.access_key_id).unwrap()));
        let agent = "é".repeat(300);
        for signatory in [key, opened.signatory()] {
            let access_key_id = signatory.access_key_id().to_owned();
            let call = Call {
                signatory,
                region: REGION.parse().unwrap(),
                authenticated_at: kms.now(),
                request_id: RequestId::from_bytes([0; 16]),
                source_ip: None,
                user_agent: Some(&agent),
                tls: None,
            };
            let asking = Asking { call: &call, caller: None, view: &view, now: kms.now() };
            let event = Trace::unread().event(asking, AskedFor::unknown(ServiceName::Kms), Ended::Done(None), None);
            let event = parsed(&event.bytes);
            assert_eq!((event.account, event.user_agent), (HOME.parse().ok(), agent.get(..512)));
            let caller = event.caller.unwrap();
            assert_eq!((caller.kind, caller.name, caller.access_key_id), (CallerKind::Unknown, "", &*access_key_id));
        }
        let stranger = Stranger {
            request_id: RequestId::from_bytes([0; 16]),
            source_ip: "192.0.2.1".parse().unwrap(),
            user_agent: Some(&agent),
            tls: None,
            access_key_id: None,
            asked_for: Some(crate::testing::test_kms::row("ListKeys").asked_for),
            code: "IncompleteSignature",
        };
        let event = of_stranger(kms.now(), &stranger);
        let event = parsed(&event.bytes);
        assert_eq!((event.account, event.user_agent), (None, agent.get(..512)));
        assert_eq!((event.service, event.operation, event.read_only), (Some("kms"), Some("ListKeys"), true));
    }

    #[test]
    fn an_event_is_an_entry() {
        let long = [&[0x79, 0xff, 0x00][..], &[b'x'; 0xff00]].concat();
        let event = EventRecord {
            parameters: Some(Shown(&long)),
            response: Some(Shown(&long)),
            ..empty(EventKind::Call, Timestamp::from_millis(0), RequestId::from_bytes([0; 16]))
        };
        let bytes = bounded(event.clone());
        let omitted = Some(Shown(&wire::recorded::OMITTED));
        // A failure does not print what is too long.
        assert!(parsed(&bytes) == EventRecord { parameters: omitted, response: omitted, ..event });
    }

    /// A client whose configuration has id and secret exchanged names its secret.
    #[test]
    fn what_a_stranger_calls_its_access_key() {
        for (named, want) in [
            ("AKIAIOSFODNN7EXAMPLE", Some("AKIAIOSFODNN7EXAMPLE")),
            ("ASIAIOSFODNN7EXAMPLE", Some("ASIAIOSFODNN7EXAMPLE")),
            ("wJalrXUtnFEMI", None),
            ("wJalrXUtnFEMIKK7MDENGKbPxRfiCYEXAMPLEKEY", None),
            ("", None),
        ] {
            let stranger = Stranger {
                request_id: RequestId::from_bytes([1; 16]),
                source_ip: [192, 0, 2, 1].into(),
                user_agent: None,
                tls: None,
                access_key_id: Some(named),
                asked_for: None,
                code: "IncompleteSignature",
            };
            let event = of_stranger(Timestamp::from_millis(0), &stranger).bytes;
            assert_eq!(parsed(&event).caller.map(|caller| caller.access_key_id), want, "{named}");
        }
    }

    /// What is too long is left out, and the event stays an entry of the log.
    #[test]
    fn requests_without_bound() {
        let kms = TestKms::new();
        let before = kms.events().len();
        let policies: Vec<_> = (0..20).map(|_| "x".repeat(5_000)).collect();
        let body = json!({"PolicyInputList": policies, "ActionNames": ["kms:Encrypt"]});
        kms.call("SimulateCustomPolicy", body).unwrap_err();
        kms.call("DescribeKey", json!({"KeyId": format!("alias/{}", "é".repeat(2_000))})).unwrap_err();
        let events = kms.events();
        let [long, text] = &events[before..] else { panic!("{} events", events.len() - before) };
        let ShownValue::Map(shown) = parsed(long).parameters.unwrap().value().unwrap() else { panic!("no members") };
        let left_out =
            |name| shown.iter().any(|(member, it)| member == name && matches!(it, ShownValue::LeftOut { .. }));
        assert!(left_out("PolicyInputList") && !left_out("ActionNames"), "{shown:?}");
        assert!(long.len() < 2_500 && parsed(text).error.unwrap().message.unwrap().chars().count() <= 1_024);
    }
}
