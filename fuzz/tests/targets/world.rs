//! Keys and deployments for the targets: a service over the memory store, with something of every kind in it.
//!
//! Inputs name what is in it by marks such as `__key__`, so that an input means the same in each new deployment.

use std::borrow::Cow;
use std::path::Path;
use std::sync::{Arc, LazyLock};

use claviger_core::bootstrap::{self, NewDeployment};
use claviger_core::records::EventRecord;
use claviger_core::{
    Call, DamagedState, Error, EventQueue, Execution, RequestId, Row, Service, Settings, Signatory, View, doctor, wire,
};
use claviger_fuzz::Words;
use claviger_keyring::{ClusterKey, Deployment, DomainKey, DomainScope, FileRoot, RootOfTrust, Space};
use claviger_storage::{MemoryStore, Store};
use claviger_types::{AccessKeyId, ServiceName, SessionKeyId, Timestamp};
use serde_json::{Value, json};

/// The first account.
pub const HOME: &str = "111122223333";
/// The other account.
pub const AWAY: &str = "444455556666";
/// An account without keys.
const THIRD: &str = "777788889999";
/// Where everything is.
pub const REGION: &str = "us-east-1";
/// An id for a key.
pub const KEY_ID: &str = "1234abcd-12ab-34cd-56ef-1234567890ab";
/// An id for a multi-Region key, with the same bytes.
pub const MULTI_REGION_KEY_ID: &str = "mrk-1234abcd12ab34cd56ef1234567890ab";

/// Keys of an account, few enough that inputs reach the quota.
const KEYS_MAX: u64 = 60;

/// The one root of all deployments here.
pub fn root() -> Arc<dyn RootOfTrust> {
    static ROOT: LazyLock<Arc<dyn RootOfTrust>> = LazyLock::new(|| {
        let folder = tempfile::tempdir().unwrap();
        Arc::new(FileRoot::create(&folder.path().join("root")).unwrap())
    });
    Arc::clone(&ROOT)
}

/// A new cluster key.
pub fn cluster_key(version: u32) -> ClusterKey {
    ClusterKey::generate(version, root().as_ref()).unwrap().0
}

/// Where the domain keys belong.
pub fn domain_scope() -> DomainScope {
    DomainScope { account: HOME.parse().unwrap(), space: Space::Region(REGION.parse().unwrap()) }
}

/// A new domain key.
pub fn domain_key(version: u32) -> DomainKey {
    cluster_key(1).generate_domain_key(domain_scope(), version).unwrap().0
}

/// Who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caller {
    /// The first account's admin.
    Admin,
    /// A user of the first account who may do a little.
    Ann,
    /// The other account's admin.
    AwayAdmin,
    /// A user of the third account who has no policies, so that no key policy is enough.
    Stranger,
    /// The third account's admin, who only sets it up.
    ThirdAdmin,
}

impl Caller {
    /// Those who send inputs, the first account's admin more often, since it gets furthest.
    pub const SENDING: [Self; 6] = [Self::Admin, Self::Admin, Self::Admin, Self::AwayAdmin, Self::Ann, Self::Stranger];
}

/// A deployment with two accounts.
pub struct World {
    pub store: Arc<MemoryStore>,
    pub service: Arc<Service>,
    events: EventQueue,
    runtime: tokio::runtime::Runtime,
    access_keys: Vec<(Caller, AccessKeyId)>,
    marks: Vec<(String, String)>,
}

impl World {
    /// One with a key of each kind and state, aliases, tags, users, and what was made with them.
    pub fn new() -> Self {
        let mut world = Self::bare();
        world.add_accounts();
        for (caller, prefix) in [(Caller::AwayAdmin, "away_"), (Caller::Admin, "")] {
            world.add_keys(caller, prefix);
        }
        let ciphertext = json!({"CiphertextBlob": world.mark("ciphertext"), "KeyId": "alias/app"});
        world.ok(Caller::Admin, "Decrypt", ciphertext);
        world.add_grants();
        let marker = world.ok(Caller::Admin, "ListKeys", json!({"Limit": 1}))["NextMarker"].clone();
        world.add_mark("marker", &marker);
        world
    }

    fn bare() -> Self {
        let store = Arc::new(MemoryStore::new());
        let shared = Arc::clone(&store) as Arc<dyn Store>;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let kind = Deployment::Development;
        let new = NewDeployment { account: HOME.parse().unwrap(), name: "home".into(), kind, admin: None };
        let admin = runtime.block_on(bootstrap::create(&shared, root().as_ref(), new)).unwrap();
        let (service, events) = start(&shared).unwrap();
        Self {
            store,
            service,
            events,
            runtime,
            access_keys: vec![(Caller::Admin, admin.access_key_id)],
            marks: Vec::new(),
        }
    }

    fn add_accounts(&mut self) {
        for (account, admin) in [(AWAY, Caller::AwayAdmin), (THIRD, Caller::ThirdAdmin)] {
            let reply = self.ok(Caller::Admin, "CreateAccount", json!({"Id": account, "Name": "n"}));
            let id = reply["AccessKey"]["AccessKeyId"].as_str().unwrap();
            self.access_keys.push((admin, id.parse().unwrap()));
        }
        for (admin, caller, name) in
            [(Caller::Admin, Caller::Ann, "ann"), (Caller::ThirdAdmin, Caller::Stranger, "nobody")]
        {
            self.ok(admin, "CreateUser", json!({"UserName": name}));
            let reply = self.ok(admin, "CreateAccessKey", json!({"UserName": name}));
            let id = between(&reply, "<AccessKeyId>");
            self.access_keys.push((caller, id.parse().unwrap()));
            self.add_mark(name, &id.into());
        }
        self.ok(Caller::Admin, "CreateUser", json!({"UserName": "idle", "Path": "/team/"}));
        self.ok(Caller::Admin, "CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "phone"}));
        self.ok(Caller::Admin, "RevokeSessions", json!({"PrincipalArn": "arn:aws:iam::111122223333:user/ann"}));
        let document = identity_policy("Allow", r#"["kms:Encrypt","kms:Describe*"]"#, "*");
        let policy = json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document});
        self.ok(Caller::Admin, "PutUserPolicy", policy);
    }

    fn add_keys(&mut self, caller: Caller, prefix: &str) {
        for (name, spec, usage) in [
            ("key", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
            ("hmac", "HMAC_384", "GENERATE_VERIFY_MAC"),
            ("pending", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
            ("disabled", "SYMMETRIC_DEFAULT", "ENCRYPT_DECRYPT"),
        ] {
            let tags = json!([{"TagKey": "team", "TagValue": "blue"}]);
            let new = json!({"KeySpec": spec, "KeyUsage": usage, "Description": name, "Tags": tags});
            let key = &self.ok(caller, "CreateKey", new)["KeyMetadata"];
            self.add_mark(&format!("{prefix}{name}"), &key["KeyId"]);
            self.add_mark(&format!("{prefix}{name}_arn"), &key["Arn"]);
        }
        let key = |name| json!({"KeyId": self.mark(&format!("{prefix}{name}"))});
        let (encrypting, hmac) = (self.mark(&format!("{prefix}key")), self.mark(&format!("{prefix}hmac")));
        self.ok(caller, "ScheduleKeyDeletion", key("pending"));
        self.ok(caller, "DisableKey", key("disabled"));
        self.ok(caller, "CreateAlias", json!({"AliasName": "alias/app", "TargetKeyId": encrypting}));
        for (name, context) in [("ciphertext", json!({})), ("bound_ciphertext", json!({"purpose": "test"}))] {
            let body = json!({"KeyId": encrypting, "Plaintext": "c29tZSBkYXRh", "EncryptionContext": context});
            let ciphertext = self.ok(caller, "Encrypt", body)["CiphertextBlob"].clone();
            self.add_mark(&format!("{prefix}{name}"), &ciphertext);
        }
        let body = json!({"KeyId": hmac, "Message": "c29tZSBkYXRh", "MacAlgorithm": "HMAC_SHA_384"});
        let mac = self.ok(caller, "GenerateMac", body)["Mac"].clone();
        self.add_mark(&format!("{prefix}mac"), &mac);
    }

    /// Grants to a user who may do little, and to the root of the third account.
    fn add_grants(&mut self) {
        let ann = "arn:aws:iam::111122223333:user/ann";
        let plain = json!({
            "KeyId": self.mark("key"), "GranteePrincipal": ann, "RetiringPrincipal": HOME, "Name": "n",
            "Operations": ["Decrypt", "CreateGrant", "RetireGrant"],
            "Constraints": {"EncryptionContextSubset": {"purpose": "test"}},
        });
        let of_account = json!({
            "KeyId": self.mark("hmac"), "GranteePrincipal": THIRD, "Operations": ["GenerateMac", "VerifyMac"],
        });
        for (prefix, body) in [("", plain), ("account_", of_account)] {
            let grant = self.ok(Caller::Admin, "CreateGrant", body);
            self.add_mark(&format!("{prefix}grant"), &grant["GrantId"]);
            self.add_mark(&format!("{prefix}grant_token"), &grant["GrantToken"]);
        }
    }

    fn add_mark(&mut self, name: &str, value: &Value) {
        self.marks.push((format!("__{name}__"), value.as_str().unwrap().to_owned()));
    }

    /// What the mark of this name stands for.
    pub fn mark(&self, name: &str) -> String {
        let mark = format!("__{name}__");
        self.marks.iter().find(|(known, _)| *known == mark).unwrap().1.clone()
    }

    /// The bytes with all marks replaced by what they stand for.
    pub fn resolve<'b>(&self, bytes: &'b [u8]) -> Cow<'b, [u8]> {
        let mut resolved = Cow::Borrowed(bytes);
        for (mark, value) in &self.marks {
            while let Some(at) = resolved.windows(mark.len()).position(|window| window == mark.as_bytes()) {
                resolved.to_mut().splice(at..at + mark.len(), value.bytes());
            }
        }
        resolved
    }

    /// The outcome of a request; none if the caller's access key is gone.
    pub fn call(
        &self,
        view: &Arc<View>,
        caller: Caller,
        row: &'static Row,
        body: &[u8],
    ) -> Option<Result<Vec<u8>, Error>> {
        let id = self.access_keys.iter().find(|(known, _)| *known == caller).unwrap().1;
        let call = Call {
            signatory: Signatory::AccessKey(Arc::clone(view.credential(id)?)),
            region: REGION.parse().unwrap(),
            authenticated_at: Timestamp::from(std::time::SystemTime::now()),
            request_id: RequestId::from_bytes(claviger_keyring::random().unwrap()),
            source_ip: None,
            user_agent: Some("fuzz"),
            tls: None,
        };
        let fields = match row.service {
            ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => row.read_json(body),
            ServiceName::Iam | ServiceName::Sts => match wire::query::Form::parse(body) {
                Ok(form) => row.read_query(form.parameters()),
                Err(bad) => Err(Error::Serialization(bad.message)),
            },
        };
        let answer = fields.and_then(|fields| match self.service.execute(view, row, fields, &call) {
            Execution::Ready(answer) => answer,
            Execution::Pending(answer) => self.runtime.block_on(answer),
        });
        self.check_events(answer.as_ref().err());
        Some(answer.map(|reply| reply.as_ref().to_vec()))
    }

    /// Events that were handed over are events, at most one for a request, and one for each that was refused.
    fn check_events(&self, error: Option<&Error>) {
        let events = self.events.drain();
        let refused = error.is_some_and(|error| !matches!(error, Error::Serialization(_)));
        assert!(events.len() <= 1 && (events.len() == 1 || !refused), "{} events, {error:?}", events.len());
        for event in &events {
            let parsed = EventRecord::parse(event).unwrap();
            parsed.parameters.iter().chain(&parsed.response).for_each(|shown| drop(shown.value().unwrap()));
            assert_eq!(&parsed.to_bytes(), event);
        }
    }

    /// A request that must succeed. Replies of Query services are texts.
    fn ok(&self, caller: Caller, operation: &str, body: Value) -> Value {
        let row = row(operation);
        let request = claviger_fuzz::Request { row, body };
        match self.call(&self.service.view(), caller, row, &request.encoded()).unwrap() {
            Ok(reply) if reply.is_empty() => Value::Null,
            Ok(reply) => serde_json::from_slice(&reply).unwrap_or_else(|_| String::from_utf8(reply).unwrap().into()),
            Err(error) => panic!("{request:?}: {error:?}"),
        }
    }

    /// A session of the first account's admin: the id of its access key, and its token.
    pub fn session(&self) -> (SessionKeyId, String) {
        let reply = self.ok(Caller::Admin, "GetSessionToken", json!({}));
        let id = between(&reply, "<AccessKeyId>").parse().unwrap();
        (id, between(&reply, "<SessionToken>").to_owned())
    }

    /// All records.
    pub fn records(&self) -> Vec<(String, Vec<u8>)> {
        let mut records = Vec::new();
        self.store.load(&mut |record| records.push((record.path.to_owned(), record.value.to_vec()))).unwrap();
        records
    }

    /// The same callers and marks at another service.
    pub fn moved_to(&self, store: Arc<MemoryStore>, (service, events): (Arc<Service>, EventQueue)) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        Self { store, service, events, runtime, access_keys: self.access_keys.clone(), marks: self.marks.clone() }
    }
}

impl Drop for World {
    /// Ends the thread that follows the store.
    fn drop(&mut self) {
        self.store.close();
    }
}

/// A service on this store.
pub fn start(store: &Arc<dyn Store>) -> Result<(Arc<Service>, EventQueue), String> {
    let settings = Settings { keys_per_account_and_region_max: KEYS_MAX, dev_clock: true, ..Settings::default() };
    let started = Service::start(Arc::clone(store), root(), settings).map_err(|error| error.to_string())?;
    Ok((started.service, started.events))
}

/// What an examination of the store finds. Nothing moves events here, so that there is no audit log to look at.
pub fn findings(store: &dyn Store) -> Vec<DamagedState> {
    let absent = Path::new("absent");
    doctor::check(store, root().as_ref(), absent, absent).unwrap().findings
}

/// The operation of this name.
pub fn row(name: &str) -> &'static Row {
    claviger_core::rows().iter().find(|row| row.name == name).unwrap()
}

/// What members of requests may hold.
pub fn words() -> Words {
    let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let usual = ["__key__", "__key_arn__", "alias/app", "arn:aws:kms:us-east-1:111122223333:alias/app", "__hmac__"];
    let rare = [
        "__hmac_arn__",
        "__pending__",
        "__pending_arn__",
        "__disabled__",
        "__disabled_arn__",
        "__away_key__",
        "__away_key_arn__",
        "arn:aws:kms:us-east-1:444455556666:alias/app",
        "alias/none",
        KEY_ID,
        MULTI_REGION_KEY_ID,
        "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab",
        "alias/",
        "arn:aws:kms:",
        "x",
    ];
    let keys = [&usual[..], &usual, &usual, &rare].concat();
    let ciphertexts = ["__ciphertext__", "__bound_ciphertext__", "__away_ciphertext__", "0QEA__ciphertext__"];
    let key_policies = [
        key_policy("Allow", r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, r#""kms:*""#),
        key_policy("Allow", r#""*""#, r#"["kms:*"]"#),
        key_policy("Allow", r#"{"AWS":["111122223333","arn:aws:iam::111122223333:user/ann"]}"#, r#""kms:*""#),
        key_policy("Allow", r#"{"AWS":"arn:aws:iam::111122223333:user/nobody"}"#, r#""kms:*""#),
        key_policy("Deny", r#"{"AWS":"arn:aws:iam::111122223333:root"}"#, r#""kms:PutKeyPolicy""#),
    ];
    let identity_policies = [
        identity_policy("Allow", r#""*""#, "*"),
        identity_policy("Deny", r#"["kms:Decrypt","iam:*"]"#, "arn:aws:kms:*:*:key/*"),
        identity_policy("Allow", r#""s3:GetObject""#, "${aws:username}"),
    ];
    // None of them is the stranger, who must not get anything by a grant either.
    let principals = texts(&[
        "arn:aws:iam::111122223333:user/ann",
        "arn:aws:iam::111122223333:root",
        AWAY,
        "arn:aws:iam::111122223333:user/none",
    ]);
    Words::new([
        ("", texts(&["__key__", "__ciphertext__", "default", "admin", "alias/app"])),
        ("AccessKeyId", texts(&["__ann__", "__nobody__", "AKIAIOSFODNN7EXAMPLE"])),
        ("AliasName", texts(&["alias/app", "alias/a", "alias/b", "alias/aws/s3", "alias/", "app"])),
        ("CiphertextBlob", texts(&ciphertexts)),
        ("DestinationKeyId", texts(&keys)),
        ("EncryptionContext", texts(&["purpose", "test"])),
        ("DestinationEncryptionContext", texts(&["purpose", "test"])),
        ("SourceEncryptionContext", texts(&["purpose", "test"])),
        ("EncryptionContextEquals", texts(&["purpose", "test"])),
        ("EncryptionContextSubset", texts(&["purpose", "test"])),
        ("GrantId", texts(&["__grant__", "__account_grant__", "x"])),
        ("GrantToken", texts(&["__grant_token__", "__account_grant_token__", "x"])),
        ("GrantTokens", texts(&["__grant_token__", "__account_grant_token__", "x"])),
        ("GranteePrincipal", principals.clone()),
        ("RetiringPrincipal", principals),
        ("Id", texts(&["222233334444", AWAY, "000000000000", "1"])),
        ("KeyId", texts(&keys)),
        ("Mac", texts(&["__mac__", "__away_mac__"])),
        ("Marker", texts(&["__marker__", "x"])),
        ("NextToken", texts(&["__marker__", "x"])),
        ("AttributeKey", texts(&["EventName", "ResourceName", "EventId"])),
        ("AttributeValue", texts(&["CreateKey", "__key__", "00000000-0000-8000-9d6e-0cb7fa127ad3"])),
        ("Message", texts(&["c29tZSBkYXRh"])),
        ("Name", texts(&["n"])),
        ("Path", texts(&["/", "/team/", "team"])),
        ("Policy", key_policies.into()),
        ("PolicyDocument", identity_policies.into()),
        ("PrincipalArn", texts(&["arn:aws:iam::111122223333:user/ann", "arn:aws:iam::111122223333:role/r", "x"])),
        (
            "SerialNumber",
            texts(&["arn:aws:iam::111122223333:mfa/phone", "arn:aws:iam::111122223333:mfa/a", "GAHT12345678"]),
        ),
        ("VirtualMFADeviceName", texts(&["phone", "a", "b"])),
        ("PolicyName", texts(&["default", "p", "q"])),
        ("SecretAccessKey", texts(&["wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"])),
        ("SourceKeyId", texts(&keys)),
        ("TagKey", texts(&["team", "a", "b", "aws:c"])),
        ("TagKeys", texts(&["team", "a", "b", "aws:c"])),
        ("TagValue", texts(&["", "blue"])),
        ("TargetKeyId", texts(&keys)),
        ("UserName", texts(&["ann", "idle", "Ann", "new", "none"])),
    ])
}

fn key_policy(effect: &str, principal: &str, actions: &str) -> String {
    let statement = format!(r#"{{"Effect":"{effect}","Principal":{principal},"Action":{actions},"Resource":"*"}}"#);
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

fn identity_policy(effect: &str, actions: &str, resource: &str) -> String {
    let statement = format!(r#"{{"Effect":"{effect}","Action":{actions},"Resource":"{resource}"}}"#);
    format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#)
}

/// What follows `tag` in an XML reply, up to the next tag.
fn between<'x>(reply: &'x Value, tag: &str) -> &'x str {
    reply.as_str().and_then(|text| text.split_once(tag)?.1.split('<').next()).unwrap()
}
