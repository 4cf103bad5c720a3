//! The harness of this crate's tests: the whole pipeline, from a request's JSON to its reply's, over the memory store.
//!
//! Each answered request is judged on the way, whatever the test is about: a reply has the shape that the service's
//! model gives it ([`test_model`](crate::testing::test_model)), a command that succeeded made exactly one commit with exactly
//! one event in one space, and everything else committed nothing and handed over exactly one event.

use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use claviger_keyring::{Deployment, FileRoot, RootOfTrust};
use claviger_storage::{
    CommitError, CommitFuture, Fault, LeaseFuture, MemoryStore, Precondition, Record, Revision, Store, StoreError,
    Transaction, Watch, WatchError, Write,
};
use claviger_types::{AccessKeyId, AccountId, KeyArn, Region, ServiceName, Timestamp};
use claviger_usage::Usage;
use serde_json::{Value, json};

use crate::audit::{EventQueue, FollowedEntry};
use crate::bootstrap::{self, NewDeployment};
use crate::identity::caller::Signatory;
use crate::testing::test_events::check_events;
use crate::testing::test_model;
use crate::usage::Folding;
use crate::view::View;
use crate::{Call, Error, Execution, RequestId, Row, Service, Settings, TlsConnection, table};

/// The first account.
pub(crate) const HOME: &str = "111122223333";
/// Another one.
pub(crate) const AWAY: &str = "444455556666";
/// Where requests go unless a test says otherwise.
pub(crate) const REGION: &str = "us-east-1";

/// A deployment with two accounts, each with an admin.
pub(crate) struct TestKms {
    pub(crate) store: Arc<TestStore>,
    nodes: Vec<Arc<Service>>,
    runtime: tokio::runtime::Runtime,
    admins: [AccessKeyId; 2],
    /// Every refusal so far, as callers and as operators see it.
    refusals: RefCell<Vec<String>>,
    /// What each node hands over to the audit log.
    queues: Vec<EventQueue>,
    /// Every event that was handed over so far.
    events: RefCell<Vec<Vec<u8>>>,
    /// What they tell of usage, once it was counted.
    usage: RefCell<Folding>,
}

/// A caller at one node, in one Region.
#[derive(Clone, Copy)]
pub(crate) struct Session<'k> {
    pub(crate) kms: &'k TestKms,
    pub(crate) access_key_id: AccessKeyId,
    region: Region,
    node: usize,
}

/// A refusal as the wire names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) code: String,
    pub(crate) message: String,
}

/// What a test expects; an error without a text has an empty one.
pub(crate) fn refused(code: &str, message: &str) -> Refused {
    Refused { code: code.into(), message: message.into() }
}

impl TestKms {
    pub(crate) fn new() -> Self {
        Self::with_settings(Settings { dev_clock: true, ..Settings::default() })
    }

    pub(crate) fn with_settings(settings: Settings) -> Self {
        let store = Arc::new(TestStore::default());
        let shared: Arc<dyn Store> = Arc::clone(&store) as Arc<dyn Store>;
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let deployment = NewDeployment {
            account: HOME.parse().unwrap(),
            name: "home".into(),
            kind: Deployment::Development,
            admin: None,
        };
        let admin = runtime.block_on(bootstrap::create(&shared, ROOT.as_ref(), deployment)).unwrap();
        let node = |_| {
            let started = Service::start(Arc::clone(&shared), Arc::clone(&ROOT), settings.clone()).unwrap();
            (started.service, started.events)
        };
        let (nodes, queues) = (0..2).map(node).unzip();
        let admins = [admin.access_key_id; 2];
        let (refusals, events) = (RefCell::default(), RefCell::default());
        let usage = Usage::new(claviger_usage::Settings::default(), 0, Timestamp::from_millis(0));
        let usage = RefCell::new(Folding::new(usage));
        let mut kms = Self { store, nodes, runtime, admins, refusals, queues, events, usage };
        kms.count_usage();
        let reply = kms.admin().ok("CreateAccount", json!({"Id": AWAY, "Name": "away"}));
        kms.admins[1] = reply["AccessKey"]["AccessKeyId"].as_str().unwrap().parse().unwrap();
        kms
    }

    /// The admin of the first account.
    pub(crate) fn admin(&self) -> Session<'_> {
        self.session(self.admins[0])
    }

    /// The admin of the other account.
    pub(crate) fn away(&self) -> Session<'_> {
        self.session(self.admins[1])
    }

    pub(crate) fn session(&self, access_key_id: AccessKeyId) -> Session<'_> {
        Session { kms: self, access_key_id, region: REGION.parse().unwrap(), node: 0 }
    }

    /// A request of the first account's admin.
    pub(crate) fn call(&self, operation: &str, body: Value) -> Result<Value, Refused> {
        self.admin().call(operation, body)
    }

    /// One that must succeed.
    pub(crate) fn ok(&self, operation: &str, body: Value) -> Value {
        self.admin().ok(operation, body)
    }

    /// A managed policy of the first account: its ARN.
    pub(crate) fn policy(&self, name: &str, statements: &str) -> String {
        let body = json!({"PolicyName": name, "PolicyDocument": policy(statements)});
        self.ok("CreatePolicy", body)["Policy"]["Arn"].as_str().unwrap().to_owned()
    }

    /// A role of the first account, which trusts it.
    pub(crate) fn role(&self, name: &str) {
        self.ok("CreateRole", json!({"RoleName": name, "AssumeRolePolicyDocument": trust(HOME)}));
    }

    /// A key of the first account: its id.
    pub(crate) fn key(&self) -> String {
        self.admin().key("SYMMETRIC_DEFAULT")
    }

    /// Counts the events so far as usage, as if they were the whole log, and tells it to all nodes.
    pub(crate) fn count_usage(&self) {
        let mut usage = self.usage.borrow_mut();
        (0..).zip(self.events()).for_each(|(index, event)| usage.push(FollowedEntry::of(index, &event)));
        usage.count();
        self.nodes.iter().for_each(|node| node.usage().put(Some(usage.last_uses())));
    }

    pub(crate) fn service(&self) -> &Arc<Service> {
        &self.nodes[0]
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.nodes[0].view()
    }

    /// The domain clock goes on.
    pub(crate) fn pass(&self, time: Duration) {
        let now = self.nodes[0].now(&self.view()) + time;
        self.ok("SetDevClock", json!({"Now": now}));
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.nodes[0].now(&self.view())
    }

    pub(crate) fn block_on<F: Future>(&self, future: F) -> F::Output {
        self.runtime.block_on(future)
    }

    /// Every refusal so far, as callers and as operators see it.
    pub(crate) fn refusals(&self) -> Vec<String> {
        self.refusals.borrow().clone()
    }

    /// Nobody takes events any more.
    pub(crate) fn close_logs(&mut self) {
        self.queues.clear();
    }

    /// Every event so far that was handed over.
    pub(crate) fn events(&self) -> Vec<Vec<u8>> {
        self.queues.iter().for_each(|queue| self.events.borrow_mut().extend(queue.drain()));
        self.events.borrow().clone()
    }
}

impl<'k> Session<'k> {
    pub(crate) fn in_region(self, region: &str) -> Self {
        Self { region: region.parse().unwrap(), ..self }
    }

    /// At the other node, whose View is another.
    pub(crate) fn at_other_node(self) -> Self {
        Self { node: 1 - self.node, ..self }
    }

    pub(crate) fn account(&self) -> AccountId {
        self.view().credential(self.access_key_id).unwrap().user.account
    }

    pub(crate) fn view(&self) -> Arc<View> {
        self.kms.nodes[self.node].view()
    }

    pub(crate) fn call(&self, operation: &str, body: Value) -> Result<Value, Refused> {
        self.call_on(&self.view(), operation, body)
    }

    /// One that must succeed.
    pub(crate) fn ok(&self, operation: &str, body: Value) -> Value {
        self.call(operation, body.clone()).unwrap_or_else(|refused| panic!("{operation} {body}: {refused:?}"))
    }

    /// A request that is decided on an older View first, as when it came in just before a commit.
    pub(crate) fn call_on(&self, view: &Arc<View>, operation: &str, body: Value) -> Result<Value, Refused> {
        let Some(credential) = view.credential(self.access_key_id) else {
            return Err(refused("(unauthenticated)", ""));
        };
        self.call_as(Signatory::AccessKey(Arc::clone(credential)), view, operation, body)
    }

    /// A request that somebody else signed, decided on `view` first.
    pub(crate) fn call_as(
        &self,
        signatory: Signatory,
        view: &Arc<View>,
        operation: &str,
        body: Value,
    ) -> Result<Value, Refused> {
        let row = row(operation);
        let service = &self.kms.nodes[self.node];
        let call = self.signed_by(signatory);
        let commits_before = self.kms.store.commits();
        let events_before = self.kms.events().len();
        let answer = read(row, &body).and_then(|fields| match service.execute(view, row, fields, &call) {
            Execution::Ready(answer) => answer,
            Execution::Pending(answer) => self.kms.block_on(answer),
        });
        let commits = self.kms.store.commits_since(commits_before);
        let expected = match row.name {
            // A session is stored nowhere, but the use of a one-time code is.
            "AssumeRole" | "GetSessionToken" if answer.is_ok() => commits.len().min(1),
            _ => usize::from(is_command(row) && answer.is_ok()),
        };
        assert_eq!(commits.len(), expected, "commits of {operation} {body}");
        let handed = self.kms.events().split_off(events_before);
        check_events(&commits, &handed, row, &call, view, answer.as_ref().err());
        match answer {
            Ok(reply) => Ok(test_model::reply(row, reply.as_ref())),
            Err(error) => Err(self.refusal(row, &error)),
        }
    }

    fn signed_by(&self, signatory: Signatory) -> Call<'static> {
        Call {
            signatory,
            region: self.region,
            authenticated_at: Timestamp::from(std::time::SystemTime::now()),
            request_id: RequestId::from_bytes(claviger_keyring::random().unwrap()),
            source_ip: Some("192.0.2.1".parse().unwrap()),
            user_agent: Some("test"),
            tls: Some(TlsConnection { version: 0x0304, cipher_suite: 0x1302, key_exchange_group: Some(0x001d) }),
        }
    }

    /// A request whose caller goes away at once.
    pub(crate) fn hang_up(&self, operation: &str, body: &Value) {
        let (row, view) = (row(operation), self.view());
        let signatory = Signatory::AccessKey(Arc::clone(view.credential(self.access_key_id).unwrap()));
        let call = self.signed_by(signatory);
        let fields = read(row, body).ok().unwrap();
        drop(self.kms.nodes[self.node].execute(&view, row, fields, &call));
    }

    fn refusal(&self, row: &Row, error: &Error) -> Refused {
        let wire = error.wire();
        let query = matches!(row.service, ServiceName::Iam | ServiceName::Sts);
        let code = if query { wire.query_code } else { wire.json_code };
        let refusal = refused(code, wire.message.as_deref().unwrap_or_default());
        let mut refusals = self.kms.refusals.borrow_mut();
        refusals.push(format!("{refusal:?} {error:?}"));
        if let Error::Internal(reason) = error {
            return refused(code, reason);
        }
        refusal
    }

    /// A key of this spec: its id.
    pub(crate) fn key(&self, spec: &str) -> String {
        let usage = if spec.starts_with("HMAC") { "GENERATE_VERIFY_MAC" } else { "ENCRYPT_DECRYPT" };
        let reply = self.ok("CreateKey", json!({"KeySpec": spec, "KeyUsage": usage}));
        reply["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    /// The ARN of a key of this account and Region.
    pub(crate) fn key_arn(&self, id: &str) -> String {
        KeyArn { region: self.region, account: self.account(), id: id.parse().unwrap() }.to_string()
    }

    /// A new user of this account: no policy if `statements` is empty.
    pub(crate) fn user(&self, name: &str, statements: &str) -> Session<'k> {
        self.ok("CreateUser", json!({"UserName": name}));
        if !statements.is_empty() {
            let policy = json!({"UserName": name, "PolicyName": "p", "PolicyDocument": policy(statements)});
            self.ok("PutUserPolicy", policy);
        }
        let reply = self.ok("CreateAccessKey", json!({"UserName": name}));
        let access_key_id = reply["AccessKey"]["AccessKeyId"].as_str().unwrap().parse().unwrap();
        Session { access_key_id, ..*self }
    }

    /// A grant on a key (by id or ARN) with nothing but these operations: its id.
    pub(crate) fn grant(&self, key: &str, grantee: Session<'_>, operations: &[&str]) -> String {
        let body = json!({"KeyId": key, "GranteePrincipal": grantee.arn(), "Operations": operations});
        self.ok("CreateGrant", body)["GrantId"].as_str().unwrap().to_owned()
    }

    /// What the pages of a listing show: `member` of each item of `list`, or the items themselves if it is empty.
    pub(crate) fn all_pages(&self, operation: &str, list: &str, member: &str, mut body: Value) -> Vec<String> {
        let mut all = Vec::new();
        loop {
            let reply = self.ok(operation, body.clone());
            let items = reply[list].as_array().unwrap().iter();
            let shown = items.map(|item| if member.is_empty() { item } else { &item[member] });
            all.extend(shown.map(|text| text.as_str().unwrap().to_owned()));
            assert_eq!(reply["IsTruncated"], reply.get("Marker").is_some(), "{operation} {body}");
            match reply.get("Marker") {
                Some(next) => body["Marker"] = next.clone(),
                None => return all,
            }
        }
    }

    /// Base64 of a ciphertext of `plaintext`.
    pub(crate) fn encrypt(&self, key: &str, plaintext: &str) -> String {
        let reply = self.ok("Encrypt", json!({"KeyId": key, "Plaintext": plaintext}));
        reply["CiphertextBlob"].as_str().unwrap().to_owned()
    }

    pub(crate) fn arn(&self) -> String {
        self.view().credential(self.access_key_id).unwrap().user.arn().to_string()
    }

    /// The text of a refusal on a resource.
    pub(crate) fn denied(&self, action: &str, rest: &str) -> Refused {
        let iam = action.starts_with("iam:") || action.starts_with("sts:");
        let code = if iam { "AccessDenied" } else { "AccessDeniedException" };
        refused(code, &format!("User: {} is not authorized to perform: {action}{rest}", self.arn()))
    }
}

/// A policy of these statements.
pub(crate) fn policy(statements: &str) -> String {
    format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)
}

/// A trust policy that lets this principal assume the role.
pub(crate) fn trust(principal: &str) -> String {
    let statement = json!({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"});
    policy(&statement.to_string())
}

/// A statement for the caller's identity policies.
pub(crate) fn statement(effect: &str, action: &str, resource: &str) -> String {
    json!({"Effect": effect, "Action": action, "Resource": resource}).to_string()
}

/// The whole of a refusal that comes from the request's own text.
pub(crate) fn validation(message: &str) -> Refused {
    refused("ValidationException", message)
}

/// The text of one violated constraint.
pub(crate) fn violation(text: &str) -> Refused {
    validation(&format!("1 validation error detected: {text}"))
}

/// The row of an operation; names are unique over the services.
pub(crate) fn row(operation: &str) -> &'static Row {
    table::rows().iter().find(|row| row.name == operation).unwrap_or_else(|| panic!("no row {operation}"))
}

/// Whether an operation changes the state. Told by its verb, so that a wrong row of the table is found.
pub(crate) fn is_command(row: &Row) -> bool {
    let reading = [
        "Assume",
        "Decrypt",
        "Describe",
        "Encrypt",
        "Explain",
        "Generate",
        "Get",
        "Import",
        "List",
        "Lookup",
        "ReEncrypt",
        "Simulate",
        "Verify",
    ];
    !reading.iter().any(|verb| row.name.starts_with(verb))
}

fn read(row: &Row, body: &Value) -> Result<crate::wire::Fields, Error> {
    match row.service {
        ServiceName::Claviger | ServiceName::CloudTrail | ServiceName::Kms => {
            row.read_json(body.to_string().as_bytes())
        }
        ServiceName::Iam | ServiceName::Sts => row.read_query(&form(body)),
    }
}

/// The body as parameters of the Query protocol.
fn form(body: &Value) -> Vec<(String, String)> {
    let mut parameters = Vec::new();
    flatten("", body, &mut parameters);
    parameters
}

fn flatten(name: &str, value: &Value, parameters: &mut Vec<(String, String)>) {
    let below = |part: &str| if name.is_empty() { part.to_owned() } else { format!("{name}.{part}") };
    match value {
        Value::Object(members) => members.iter().for_each(|(key, value)| flatten(&below(key), value, parameters)),
        Value::Array(items) => {
            let numbered = items.iter().enumerate();
            numbered.for_each(|(index, item)| flatten(&below(&format!("member.{}", index + 1)), item, parameters));
        }
        Value::String(text) => parameters.push((name.to_owned(), text.clone())),
        other => parameters.push((name.to_owned(), other.to_string())),
    }
}

/// The memory store, with a memory of what was committed and a way to get in between.
#[derive(Default)]
pub(crate) struct TestStore {
    pub(crate) inner: MemoryStore,
    committed: Mutex<Vec<Transaction>>,
    interferences: AtomicU8,
    refuses: AtomicBool,
}

/// How the refusal of a command ends whose commit the store refused: it was authorized and decided, and changed nothing.
pub(crate) const NOT_COMMITTED: &str = "is over a limit that nobody set";

impl TestStore {
    pub(crate) fn commits(&self) -> usize {
        self.committed.lock().unwrap().len()
    }

    pub(crate) fn commits_since(&self, count: usize) -> Vec<Transaction> {
        self.committed.lock().unwrap()[count..].to_vec()
    }

    /// Just before each of the next `count` transactions, somebody writes a record that it depends upon.
    pub(crate) fn interfere(&self, count: u8) {
        self.interferences.store(count, Ordering::SeqCst);
    }

    /// Whether commits are refused from now on, each as one over a limit: the store stays as good as it is.
    pub(crate) fn refuse_commits(&self, refuse: bool) {
        self.refuses.store(refuse, Ordering::SeqCst);
    }

    pub(crate) fn fail_next(&self, fault: Fault) {
        self.inner.fail_next(fault);
    }

    /// All records.
    pub(crate) fn records(&self) -> Vec<(String, Vec<u8>)> {
        let mut records = Vec::new();
        self.inner.load(&mut |record| records.push((record.path.to_owned(), record.value.to_vec()))).unwrap();
        records
    }

    /// What a counter stands at.
    pub(crate) fn counter(&self, path: &str) -> u64 {
        let found = self.records().into_iter().find(|(at, _)| at == path);
        found.map_or(0, |(_, value)| u64::from_be_bytes(value.try_into().unwrap()))
    }

    /// Writes the record of the first revision that the transaction demands once more, so that it has another.
    async fn get_in_between(&self, transaction: &Transaction) {
        let demanded = transaction.preconditions.iter().find_map(|condition| match condition {
            Precondition::Revision { path, .. } => Some(path),
            Precondition::Absent { .. } | Precondition::BoundedAdd { .. } => None,
        });
        let record = self.records().into_iter().find(|(path, _)| Some(path) == demanded);
        if let Some((path, value)) = record {
            let again = Transaction { preconditions: Vec::new(), writes: vec![Write::Put { path, value }] };
            self.inner.commit(again).await.unwrap();
        }
    }
}

impl Store for TestStore {
    fn load(&self, visit: &mut dyn FnMut(Record<'_>)) -> Result<Revision, StoreError> {
        self.inner.load(visit)
    }

    fn commit(&self, transaction: Transaction) -> CommitFuture<'_> {
        assert_one_space(&transaction);
        Box::pin(async move {
            if self.refuses.load(Ordering::SeqCst) {
                return Err(CommitError::LimitReached { path: String::new(), current: 0, limit: 0 });
            }
            let left = self.interferences.load(Ordering::SeqCst);
            if left > 0 {
                self.interferences.store(left - 1, Ordering::SeqCst);
                self.get_in_between(&transaction).await;
            }
            let revision = self.inner.commit(transaction.clone()).await?;
            self.committed.lock().unwrap().push(transaction);
            Ok(revision)
        })
    }

    fn watch(&self, after: Revision) -> Result<Watch, WatchError> {
        self.inner.watch(after)
    }

    fn lease(&self, name: &str, ttl: Duration) -> LeaseFuture<'_> {
        self.inner.lease(name, ttl)
    }

    fn close(&self) {
        self.inner.close();
    }
}

/// Read off the paths once more, whatever `Changes` thinks of them.
fn assert_one_space(transaction: &Transaction) {
    let conditions = transaction.preconditions.iter().map(Precondition::path);
    let paths = conditions.chain(transaction.writes.iter().map(|write| write.path().as_str()));
    let spaces: std::collections::BTreeSet<_> = paths.map(|path| path.split('/').nth(1).unwrap()).collect();
    assert_eq!(spaces.len(), 1, "{transaction:?}");
}

/// One root for all tests: making its file waits for a disk. Nothing reads the file again, so it is not kept.
static ROOT: LazyLock<Arc<dyn RootOfTrust>> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    Arc::new(FileRoot::create(&folder.path().join("root")).unwrap())
});
