//! Tests of commands that meet one another: two nodes, Views of different age, writers that get in between.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::doctor;
use crate::jobs;
use crate::paths::{self, PathKind};
use crate::records::{
    self, AccessKeyOwnerRecord, AliasRecord, GrantRecord, GroupRecord, KeyRecord, NamedGrantRecord, RoleRecord,
    UserRecord,
};
use crate::testing::test_events::event_of;
use crate::testing::test_kms::{HOME, REGION, Refused, Session, TestKms, policy, refused, statement};

/// Both decide on the View that has 49 of 50: one of them is refused, by the counter.
#[test]
fn the_last_alias_of_a_key_is_given_once() {
    let kms = TestKms::new();
    let key = kms.key();
    let alias = |number: u8| json!({"AliasName": format!("alias/{number}"), "TargetKeyId": key});
    (0..49).for_each(|number| drop(kms.ok("CreateAlias", alias(number))));
    let view = kms.view();
    assert_eq!(kms.admin().call_on(&view, "CreateAlias", alias(49)), Ok(Value::Null));
    let text = "Aliases per key quota for this account in this region is 50, current usage is 50.";
    let full = Err(refused("LimitExceededException", text));
    assert_eq!(kms.admin().call_on(&view, "CreateAlias", alias(50)), full);
    assert_eq!(kms.call("CreateAlias", alias(50)), full);
    kms.ok("CreateAlias", json!({"AliasName": "alias/other", "TargetKeyId": kms.key()}));
    assert_eq!(kms.call("UpdateAlias", json!({"AliasName": "alias/other", "TargetKeyId": key})), full);
    kms.ok("DeleteAlias", json!({"AliasName": "alias/0"}));
    kms.ok("UpdateAlias", json!({"AliasName": "alias/other", "TargetKeyId": key}));
}

/// One less than the limit are counted: of two on that View one is made, and the counter says why the other is not.
#[test]
fn the_last_grant_of_a_key_is_given_once() {
    use claviger_storage::{Precondition, Store, Transaction};
    let kms = TestKms::new();
    let key = kms.key();
    let path = paths::grant_count(REGION.parse().unwrap(), key.parse().unwrap());
    let add = Precondition::BoundedAdd { path: path.clone(), delta: 49_999, limit: 50_000 };
    let counted = Transaction { preconditions: vec![add], writes: Vec::new() };
    kms.block_on(kms.store.inner.commit(counted)).unwrap();
    let view = kms.view();
    let create = || {
        let body = json!({"KeyId": key, "GranteePrincipal": kms.admin().arn(), "Operations": ["Encrypt"]});
        kms.admin().call_on(&view, "CreateGrant", body)
    };
    let id = create().unwrap()["GrantId"].clone();
    let text = "Grants per key quota for this account in this region is 50000, current usage is 50000.";
    assert_eq!(create(), Err(refused("LimitExceededException", text)));
    kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": id}));
    create().unwrap();
    assert_eq!(kms.store.counter(&path), 50_000);
}

/// Both decide on the View that has no such name: the second finds the first one's grant.
#[test]
fn two_grants_of_one_name() {
    let kms = TestKms::new();
    let key = kms.key();
    let body = json!({"KeyId": key, "GranteePrincipal": kms.admin().arn(), "Operations": ["Encrypt"], "Name": "n"});
    let view = kms.view();
    let replies = [kms.admin(), kms.admin().at_other_node(), kms.admin()]
        .map(|session| session.call_on(&view, "CreateGrant", body.clone()).unwrap());
    assert!(replies.iter().all(|reply| reply["GrantId"] == replies[0]["GrantId"]), "{replies:?}");
    assert_ne!(replies[0]["GrantToken"], replies[1]["GrantToken"]);
    assert_eq!(kms.store.counter(&paths::grant_count(REGION.parse().unwrap(), key.parse().unwrap())), 1);
    // The grant that the name led to is gone meanwhile: a new one is made.
    let view = kms.view();
    kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": replies[0]["GrantId"]}));
    let again = kms.admin().call_on(&view, "CreateGrant", body).unwrap();
    assert_ne!(again["GrantId"], replies[0]["GrantId"]);
    assert_sound(&kms);
}

/// The same on one grant: it goes once. And a key that is not to be used any more gets no grant on an older View.
#[test]
fn grants_and_what_gets_in_between() {
    let kms = TestKms::new();
    let key = kms.key();
    let grant = json!({"KeyId": key, "GrantId": kms.admin().grant(&key, kms.admin(), &["Encrypt"])});
    let view = kms.view();
    kms.admin().call_on(&view, "RetireGrant", grant.clone()).unwrap();
    for operation in ["RevokeGrant", "RetireGrant"] {
        let answer = kms.admin().call_on(&view, operation, grant.clone());
        assert_eq!(answer.unwrap_err().code, "NotFoundException", "{operation}");
    }
    let ann = kms.admin().user("ann", "");
    let of_ann = kms.admin().grant(&key, ann, &["Encrypt", "CreateGrant"]);
    let body = json!({"KeyId": key, "GranteePrincipal": ann.arn(), "Operations": ["Encrypt"]});
    let view = kms.view();
    kms.ok("DisableKey", json!({"KeyId": key}));
    assert_eq!(kms.admin().call_on(&view, "CreateGrant", body.clone()).unwrap_err().code, "DisabledException");
    kms.ok("EnableKey", json!({"KeyId": key}));
    // A grant that permitted the creation of another is asked for again.
    let view = kms.view();
    kms.ok("RevokeGrant", json!({"KeyId": key, "GrantId": of_ann}));
    kms.store.interfere(1);
    assert_eq!(ann.call_on(&view, "CreateGrant", body).unwrap_err().code, "AccessDeniedException");
    kms.store.interfere(0);
    assert_sound(&kms);
}

/// Two requests on one View; the second meets what the first left, and says so as if it had come later.
#[test]
fn the_second_of_two_is_decided_on_what_the_first_left() {
    let (a, b) = (json!({"AliasName": "alias/a"}), json!({"AliasName": "alias/b"}));
    let name = |operation, name: &str| (operation, json!({"UserName": name}));
    let revoke = |name: &str| ("RevokeSessions", json!({"PrincipalArn": format!("arn:aws:iam::{HOME}:{name}")}));
    let text = |code, text: &str| Some(refused(code, text));
    let missing = "Alias arn:aws:kms:us-east-1:111122223333:alias/a is not found.";
    let taken = "An alias with the name arn:aws:kms:us-east-1:111122223333:alias/b already exists";
    let no_ann = "The user with name ann cannot be found.";
    let cases = [
        (("DeleteAlias", a.clone()), ("DeleteAlias", a.clone()), text("NotFoundException", missing)),
        (("CreateAlias", b.clone()), ("CreateAlias", b), text("AlreadyExistsException", taken)),
        (("DeleteAlias", a.clone()), ("UpdateAlias", a), text("NotFoundException", missing)),
        (("DisableKey", json!({})), ("TagResource", json!({"Tags": [{"TagKey": "a", "TagValue": "b"}]})), None),
        (
            name("CreateUser", "bob"),
            name("CreateUser", "BOB"),
            text("EntityAlreadyExists", "User with name BOB already exists."),
        ),
        (name("DeleteUser", "ann"), name("CreateAccessKey", "ann"), text("NoSuchEntity", no_ann)),
        (name("DeleteUser", "ann"), name("DeleteUser", "ann"), text("NoSuchEntity", no_ann)),
        (revoke("user/ann"), name("DeleteUser", "ann"), None),
        (revoke("role/ann"), ("DeleteRole", json!({"RoleName": "ann"})), None),
        (
            name("DeleteUser", "ann"),
            revoke("user/ann"),
            text("NotFoundException", "The principal arn:aws:iam::111122223333:user/ann does not exist."),
        ),
        (
            name("CreateAccessKey", "ann"),
            name("DeleteUser", "ann"),
            text("DeleteConflict", "Cannot delete entity, must remove access keys first."),
        ),
    ];
    for (first, second, want) in cases {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        kms.role("ann");
        let complete = |(operation, mut body): (&'static str, Value)| {
            match operation {
                "CreateAlias" | "UpdateAlias" => body["TargetKeyId"] = json!(key),
                "DisableKey" | "TagResource" => body["KeyId"] = json!(key),
                _ => {}
            }
            (operation, body)
        };
        let view = kms.view();
        let (operation, body) = complete(first);
        kms.ok(operation, body);
        let (operation, body) = complete(second);
        assert_eq!(kms.admin().call_on(&view, operation, body.clone()).err(), want, "{operation} {body}");
        assert_sound(&kms);
    }
}

/// A key that is to be deleted gets no alias on an older View: nothing would take it along when the key goes.
#[test]
fn no_alias_comes_to_a_key_that_is_to_be_deleted() {
    for (operation, alias) in [("CreateAlias", "alias/new"), ("UpdateAlias", "alias/other")] {
        let kms = TestKms::new();
        let key = kms.key();
        kms.ok("CreateAlias", json!({"AliasName": "alias/other", "TargetKeyId": kms.key()}));
        let view = kms.view();
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": key}));
        let answer = kms.admin().call_on(&view, operation, json!({"AliasName": alias, "TargetKeyId": key}));
        let pending = format!("{} is pending deletion.", kms.admin().key_arn(&key));
        assert_eq!(answer, Err(refused("KMSInvalidStateException", &pending)), "{operation}");
    }
}

/// The first key of an account in a Region makes the domain key; whoever comes second wraps again, under that one.
#[test]
fn two_first_keys_of_a_region() {
    let kms = TestKms::new();
    let admin = kms.admin().in_region("eu-west-1");
    let view = kms.view();
    let keys = [0, 1].map(|_| {
        let reply = admin.call_on(&view, "CreateKey", json!({})).unwrap();
        reply["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    });
    for key in keys {
        let ciphertext = admin.encrypt(&key, "AAAA");
        assert_eq!(admin.ok("Decrypt", json!({"CiphertextBlob": ciphertext}))["Plaintext"], "AAAA");
    }
}

/// A rotation between two uses of the old View: what is stored is wrapped by the new domain key, never by the retired.
#[test]
fn a_rotation_makes_prepared_keys_be_wrapped_again() {
    let kms = TestKms::new();
    kms.key();
    kms.ok("CreateUser", json!({"UserName": "ann"}));
    let view = kms.view();
    kms.ok("RotateDomainKeys", json!({}));
    kms.ok("RotateDomainKeys", json!({"Space": "GLOBAL"}));
    let created = kms.admin().call_on(&view, "CreateKey", json!({})).unwrap();
    let key: claviger_types::KeyId = created["KeyMetadata"]["KeyId"].as_str().unwrap().parse().unwrap();
    let after = kms.view();
    let key = after.key("us-east-1".parse().unwrap(), key).unwrap();
    assert_eq!(key.current_backing_key().unwrap().domain.key.version(), 2);
    let created = kms.admin().call_on(&view, "CreateAccessKey", json!({"UserName": "ann"})).unwrap();
    let id = created["AccessKey"]["AccessKeyId"].as_str().unwrap().parse().unwrap();
    assert_eq!(kms.view().credential(id).unwrap().domain_key_version, 2);
}

/// The first conflict is about the user, and only the second tells that what was prepared is outdated: by then the
/// View is the newest, so that waiting for a newer one would be in vain.
#[test]
fn a_rotation_hides_behind_another_conflict() {
    let kms = TestKms::new();
    kms.ok("CreateUser", json!({"UserName": "ann"}));
    let view = kms.view();
    kms.ok("RotateDomainKeys", json!({"Space": "GLOBAL"}));
    kms.store.interfere(1);
    let started = std::time::Instant::now();
    let created = kms.admin().call_on(&view, "CreateAccessKey", json!({"UserName": "ann"})).unwrap();
    assert!(started.elapsed() < Duration::from_secs(5), "it waited for a View that never comes");
    let id = created["AccessKey"]["AccessKeyId"].as_str().unwrap().parse().unwrap();
    assert_eq!(kms.view().credential(id).unwrap().domain_key_version, 2);
}

/// A permission that was taken away meanwhile is not used by a command that has to decide again.
#[test]
fn a_conflict_asks_the_policies_again() {
    let kms = TestKms::new();
    let key = kms.key();
    let ann = kms.admin().user("ann", &statement("Allow", "kms:*", "*"));
    let view = kms.view();
    let nothing = json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": policy(&statement("Allow", "kms:ListKeys", "*"))});
    kms.ok("PutUserPolicy", nothing);
    kms.store.interfere(1);
    let answer = ann.call_on(&view, "DisableKey", json!({"KeyId": key}));
    let arn = ann.key_arn(&key);
    let rest = format!(" on resource: {arn} because no identity-based policy allows the kms:DisableKey action");
    assert_eq!(answer, Err(ann.denied("kms:DisableKey", &rest)));
}

/// An event names what its command was decided on at last, not what an older View had.
#[test]
fn a_conflict_names_keys_again() {
    let kms = TestKms::new();
    let [a, b, c] = [kms.key(), kms.key(), kms.key()];
    let alias = |key: &str| json!({"AliasName": "alias/a", "TargetKeyId": key});
    kms.ok("CreateAlias", alias(&a));
    let view = kms.view();
    kms.ok("UpdateAlias", alias(&b));
    let before = kms.store.commits();
    kms.admin().call_on(&view, "UpdateAlias", alias(&c)).unwrap();
    let commits = kms.store.commits_since(before);
    let keys: Vec<_> = event_of(&commits[0]).1.keys.iter().map(|key| key.id).collect();
    assert_eq!(keys, [c, b].map(|id| *id.parse::<claviger_types::KeyId>().unwrap().as_bytes()));
}

/// Who deletes its own access key, and has to decide something again after that, is nobody.
#[test]
fn a_conflict_asks_for_the_caller_again() {
    let kms = TestKms::new();
    let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
    let delete = json!({"AccessKeyId": ann.access_key_id.to_string()});
    let view = kms.view();
    ann.ok("DeleteAccessKey", delete.clone());
    let gone = refused("InvalidClientTokenId", "The security token included in the request is invalid.");
    assert_eq!(ann.call_on(&view, "DeleteAccessKey", delete), Err(gone));
}

/// A command of the property test: an operation on one of few things, so that they meet.
#[derive(Debug, Clone)]
struct Step {
    operation: &'static str,
    thing: usize,
    key: usize,
    other_node: bool,
    stale: bool,
    interferences: u8,
}

const OPERATIONS: [&str; 18] = [
    "CancelKeyDeletion",
    "CreateAccessKey",
    "CreateAlias",
    "CreateAlias",
    "CreateGrant",
    "CreateGrant",
    "CreateKey",
    "CreateUser",
    "DeleteAlias",
    "DeleteUser",
    "DisableKey",
    "EnableKey",
    "RevokeGrant",
    "RevokeSessions",
    "RotateDomainKeys",
    "ScheduleKeyDeletion",
    "UpdateAlias",
    "UpdateAlias",
];

fn step() -> impl Strategy<Value = Step> {
    let operation = proptest::sample::select(&OPERATIONS[..]);
    (operation, 0..3_usize, 0..3_usize, any::<bool>(), any::<bool>(), 0..3_u8).prop_map(
        |(operation, thing, key, other_node, stale, interferences)| Step {
            operation,
            thing,
            key,
            other_node,
            stale,
            interferences,
        },
    )
}

impl Step {
    fn body(&self, keys: &[String], old: &crate::View) -> Value {
        let (thing, key) = (self.thing, &keys[self.key]);
        match self.operation {
            "CreateGrant" => {
                let mut grant = json!({"KeyId": key, "GranteePrincipal": "111122223333", "Operations": ["Encrypt"]});
                if thing > 0 {
                    grant["Name"] = json!(format!("name-{thing}"));
                }
                grant
            }
            // Of an older View, so that it may be gone.
            "RevokeGrant" => {
                let (region, id) = (REGION.parse().unwrap(), key.parse().unwrap());
                let grant = old.grants_on(region, id, None).nth(thing).map(|grant| grant.id.to_string());
                json!({"KeyId": key, "GrantId": grant.unwrap_or_else(|| "0".repeat(64))})
            }
            "CreateAlias" | "UpdateAlias" => json!({"AliasName": format!("alias/{thing}"), "TargetKeyId": key}),
            "CreateKey" => json!({}),
            "RotateDomainKeys" => json!({"Space": if self.thing == 0 { "GLOBAL" } else { "REGION" }}),
            "CreateAccessKey" | "CreateUser" | "DeleteUser" => json!({"UserName": format!("user-{thing}")}),
            "DeleteAlias" => json!({"AliasName": format!("alias/{thing}")}),
            "RevokeSessions" => json!({"PrincipalArn": format!("arn:aws:iam::{HOME}:user/user-{thing}")}),
            _ => json!({"KeyId": key}),
        }
    }

    fn take(&self, admin: Session<'_>, keys: &[String], old: &Arc<crate::View>) -> Result<Value, Refused> {
        let session = if self.other_node { admin.at_other_node() } else { admin };
        session.kms.store.interfere(self.interferences);
        let view = if self.stale { Arc::clone(old) } else { session.view() };
        let answer = session.call_on(&view, self.operation, self.body(keys, old));
        session.kms.store.interfere(0);
        answer
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// However commands meet: none fails for a reason of the service, and each counter is what it counts.
    #[test]
    fn counters_are_what_they_count(steps in prop::collection::vec(step(), 1..40)) {
        let kms = TestKms::new();
        let keys = [kms.key(), kms.key(), kms.key()];
        let mut old = kms.view();
        for (number, taken) in steps.iter().enumerate() {
            let answer = taken.take(kms.admin(), &keys, &old);
            let faults = ["KMSInternalException", "ServiceFailure"];
            prop_assert!(answer.as_ref().err().is_none_or(|refusal| !faults.contains(&&*refusal.code)), "{taken:?}: {answer:?}");
            if number % 5 == 0 {
                old = kms.view();
            }
        }
        assert_sound(&kms);
        kms.pass(Duration::from_secs(31 * 86_400));
        kms.block_on(async {
            // A second time, for what one transaction had no room for.
            jobs::persist(kms.service()).await;
            jobs::persist(kms.service()).await;
        });
        assert_sound(&kms);
        let due = kms.view().deletions_due(REGION.parse().unwrap(), kms.now()).count();
        prop_assert_eq!(due, 0);
        prop_assert!(kms.view().domain_keys().all(|domain| !domain.retired));
    }
}

/// Counters are right, by a count of our own; everything else is in order, by doctor's.
pub(crate) fn assert_sound(kms: &TestKms) {
    let (counted, counters) = count(kms);
    assert_eq!(counted, counters);
    let absent = std::path::Path::new("absent");
    let report = doctor::check(kms.store.as_ref(), kms.service().root().as_ref(), absent, absent).unwrap();
    assert!(report.findings.is_empty(), "{:?}", report.findings);
}

/// What the counters should be, and what they are.
fn count(kms: &TestKms) -> (BTreeMap<String, u64>, BTreeMap<String, u64>) {
    let (mut counted, mut counters) = (BTreeMap::new(), BTreeMap::new());
    let (mut owners, mut access_keys, mut names, mut named) = (0, 0, 0, 0);
    let mut add = |path: String| *counted.entry(path).or_insert(0) += 1;
    for (path, value) in kms.store.records() {
        let (kind, space, rest) = paths::parse(&path).unwrap();
        match kind {
            PathKind::Alias => {
                let alias: AliasRecord = records::decode(&value).unwrap();
                add(paths::alias_count(space.parse().unwrap(), alias.key_id.parse().unwrap()));
            }
            PathKind::Grant => {
                let grant: GrantRecord = records::decode(&value).unwrap();
                names += usize::from(grant.name.is_some());
                add(paths::grant_count(space.parse().unwrap(), rest.split('/').next().unwrap().parse().unwrap()));
            }
            PathKind::NamedGrant => {
                records::decode::<NamedGrantRecord>(&value).unwrap();
                named += 1;
            }
            PathKind::Key => {
                let key: KeyRecord = records::decode(&value).unwrap();
                let account = claviger_types::AccountId::from_u64(key.account).unwrap();
                add(paths::key_count(space.parse().unwrap(), account));
            }
            PathKind::User => {
                let user: UserRecord = records::decode(&value).unwrap();
                access_keys += user.access_keys.len();
                add(paths::user_count(owner(rest)));
                user.groups.iter().for_each(|group| add(paths::group_member_count(group.parse().unwrap())));
                user.policies.attached.iter().chain(&user.boundary).filter_map(|arn| uses_path(arn)).for_each(&mut add);
            }
            PathKind::Group => {
                let group: GroupRecord = records::decode(&value).unwrap();
                add(paths::group_count(owner(rest)));
                group.policies.attached.iter().filter_map(|arn| uses_path(arn)).for_each(&mut add);
            }
            PathKind::Role => {
                let role: RoleRecord = records::decode(&value).unwrap();
                add(paths::role_count(owner(rest)));
                role.policies.attached.iter().chain(&role.boundary).filter_map(|arn| uses_path(arn)).for_each(&mut add);
            }
            PathKind::CustomerPolicy => add(paths::customer_policy_count(owner(rest))),
            PathKind::AccessKey => {
                records::decode::<AccessKeyOwnerRecord>(&value).unwrap();
                owners += 1;
            }
            PathKind::Counter => {
                counters.insert(path, u64::from_be_bytes(value.try_into().unwrap()));
            }
            _ => {}
        }
    }
    assert_eq!(owners, access_keys, "access keys and the records of their ids");
    assert_eq!(named, names, "names of grants and their records");
    counters.retain(|_, count| *count > 0);
    (counted, counters)
}

/// Whose record it is.
fn owner(rest: &str) -> claviger_types::AccountId {
    rest.split('/').next().unwrap().parse().unwrap()
}

/// Where the uses of a managed policy are counted, if they are.
fn uses_path(arn: &str) -> Option<String> {
    crate::identity::attachments::uses_path(&arn.parse().unwrap())
}
