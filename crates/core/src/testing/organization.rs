//! What tests of the organization share; how its parts hold together, as seen from an account, and in races.

use serde_json::{Value, json};

use crate::doctor;
use crate::testing::test_kms::{AWAY, HOME, Refused, TestKms, refused};
use crate::view::control_policies::BUILT_IN;

/// As the API spells them.
pub(crate) const SCP: &str = "SERVICE_CONTROL_POLICY";
pub(crate) const RCP: &str = "RESOURCE_CONTROL_POLICY";

/// The id of the root.
pub(crate) fn root(kms: &TestKms) -> String {
    let reply = kms.ok("DescribeOrganization", json!({}));
    reply["Organization"]["RootId"].as_str().unwrap().to_owned()
}

/// A new unit: its id.
pub(crate) fn unit(kms: &TestKms, parent: &str, name: &str) -> String {
    let reply = kms.ok("CreateOrganizationalUnit", json!({"ParentId": parent, "Name": name}));
    reply["OrganizationalUnit"]["Id"].as_str().unwrap().to_owned()
}

/// A new control policy that allows everything: its id.
pub(crate) fn policy(kms: &TestKms, kind: &str, name: &str) -> String {
    let full = BUILT_IN.iter().find(|policy| policy.kind.as_str() == kind).unwrap();
    let body = json!({"Type": kind, "Name": name, "Description": "sample", "Content": *full.content});
    kms.ok("CreateControlPolicy", body)["Policy"]["Id"].as_str().unwrap().to_owned()
}

/// One member of each item of a listing, over all its pages.
pub(crate) fn listed(kms: &TestKms, operation: &str, items: &str, member: &str, mut body: Value) -> Vec<String> {
    let mut listed = Vec::new();
    loop {
        let reply = kms.ok(operation, body.clone());
        let page = reply[items].as_array().unwrap().iter();
        listed.extend(page.map(|item| item[member].as_str().unwrap().to_owned()));
        match reply.get("NextToken") {
            Some(next) => body["NextToken"] = next.clone(),
            None => return listed,
        }
    }
}

/// What samples of the organization's operations refer to.
pub(crate) struct Organization {
    root: String,
    unit: String,
    policy: String,
    attached: String,
    closed: String,
}

impl Organization {
    pub(crate) fn new(kms: &TestKms) -> Self {
        let root = root(kms);
        let (unit, policy) = (unit(kms, &root, "sample"), [SCP, RCP].map(|kind| policy(kms, kind, "sample")));
        let [policy, attached] = policy;
        kms.ok("AttachControlPolicy", json!({"PolicyId": attached, "TargetId": AWAY}));
        let closed = kms.ok("CreateAccount", json!({"Name": "closed"}))["Account"]["Id"].as_str().unwrap().to_owned();
        kms.ok("CloseAccount", json!({"AccountId": closed}));
        Self { root, unit, policy, attached, closed }
    }

    /// A request of the operation that the first account's admin may make, and that succeeds.
    pub(crate) fn sample(&self, operation: &str, key_arn: &str) -> Value {
        let Self { root, unit, policy, attached, closed } = self;
        match operation {
            "AttachControlPolicy" => json!({"PolicyId": policy, "TargetId": AWAY}),
            "CloseAccount" | "DescribeAccount" | "ListAccountTags" => json!({"AccountId": AWAY}),
            "CreateControlPolicy" => json!({"Type": RCP, "Name": "new", "Content": denying(RCP, "kms:Encrypt")}),
            "CreateOrganizationalUnit" => json!({"ParentId": unit, "Name": "new"}),
            "DeleteControlPolicy" | "DescribeControlPolicy" | "ListTargetsForControlPolicy" => {
                json!({"PolicyId": policy})
            }
            "DeleteOrganizationalUnit" | "DescribeOrganizationalUnit" => json!({"OrganizationalUnitId": unit}),
            "DescribeOrganization" => json!({}),
            "DetachControlPolicy" => json!({"PolicyId": attached, "TargetId": AWAY}),
            "ListAccounts" | "ListOrganizationalUnits" => json!({"ParentId": root}),
            "ListControlPolicies" => json!({"Type": SCP}),
            "ListControlPoliciesForTarget" => json!({"TargetId": AWAY, "Type": RCP}),
            "MoveAccount" => json!({"AccountId": AWAY, "DestinationParentId": unit}),
            "RenameAccount" => json!({"AccountId": AWAY, "Name": "new"}),
            "RenameOrganizationalUnit" => json!({"OrganizationalUnitId": unit, "Name": "new"}),
            "ReopenAccount" => json!({"AccountId": closed}),
            "ResetKeyPolicy" => json!({"KeyArn": key_arn}),
            "TagAccount" => json!({"AccountId": AWAY, "Tags": [{"Key": "environment", "Value": "prod"}]}),
            "UntagAccount" => json!({"AccountId": AWAY, "TagKeys": ["environment"]}),
            "UpdateControlPolicy" => json!({"PolicyId": policy, "Name": "new", "Description": ""}),
            other => panic!("{other} has no sample: add one"),
        }
    }
}

/// How many service control policies hold for an account at each level, root first.
fn levels(kms: &TestKms, account: &str) -> Vec<usize> {
    kms.view().scp_levels(account.parse().unwrap()).iter().map(|level| level.len()).collect()
}

/// A text that denies one action to everybody, or on everything.
fn denying(kind: &str, action: &str) -> String {
    let mut statement = json!({"Effect": "Deny", "Action": action, "Resource": "*"});
    if kind == RCP {
        statement["Principal"] = json!("*");
    }
    crate::testing::test_kms::policy(&statement.to_string())
}

#[test]
fn levels_follow_the_tree_the_attachments_and_the_account() {
    let kms = TestKms::new();
    let root = root(&kms);
    assert_eq!(levels(&kms, AWAY), [1, 1]);
    let outer = unit(&kms, &root, "outer");
    let inner = unit(&kms, &outer, "inner");
    let (scp, other) = (policy(&kms, SCP, "a"), policy(&kms, SCP, "b"));
    let attachment = |id: &str, target: &str| json!({"PolicyId": id, "TargetId": target});
    for (id, target) in [(&scp, &*outer), (&other, &outer), (&scp, AWAY)] {
        kms.ok("AttachControlPolicy", attachment(id, target));
    }
    kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": inner}));
    assert_eq!(levels(&kms, AWAY), [1, 3, 1, 2]);
    kms.ok("RenameAccount", json!({"AccountId": AWAY, "Name": "renamed"}));
    kms.ok("AttachControlPolicy", attachment(&scp, &root));
    assert_eq!(levels(&kms, AWAY), [2, 3, 1, 2]);
    assert_eq!(kms.view().rcp_levels(AWAY.parse().unwrap()).len(), 4);
    // The first account is bound by nothing.
    assert_eq!(levels(&kms, HOME), [0; 0]);
    assert!(kms.view().rcp_levels(HOME.parse().unwrap()).is_empty());

    let (view, loaded) = (kms.view(), started(&kms).unwrap().service.view());
    let [now, loaded] = [&view, &loaded].map(|view| view.account(AWAY.parse().unwrap()).unwrap());
    assert!(now.organization_path().ends_with(&format!("/{root}/{outer}/{inner}/")), "{}", now.organization_path());
    assert_eq!(loaded.organization_path(), now.organization_path());
    let sizes =
        |account: &crate::view::Account| account.scp_levels().iter().map(|level| level.len()).collect::<Vec<_>>();
    assert_eq!(sizes(loaded), sizes(now));
    assert_sound(&kms);
}

/// A denial at any level holds at once, also for who may do everything, and ends with its attachment. The first
/// account's principals and keys are never bound.
#[test]
fn what_is_denied_above_is_denied_below() {
    let kms = TestKms::new();
    let (root, away) = (root(&kms), kms.away());
    let team = unit(&kms, &root, "team");
    kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": team}));
    let (own, theirs) = (kms.key(), away.key("SYMMETRIC_DEFAULT"));
    let both = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": [HOME, AWAY]}, "Action": "kms:*", "Resource": "*"}]});
    kms.ok("PutKeyPolicy", json!({"KeyId": own, "Policy": both.to_string()}));
    away.ok("PutKeyPolicy", json!({"KeyId": theirs, "Policy": both.to_string()}));
    let (own, theirs) = (kms.admin().key_arn(&own), away.key_arn(&theirs));
    // Who may encrypt with which key: home with its own, home with away's, away with home's, away with its own.
    let allowed = || {
        [(kms.admin(), &own), (kms.admin(), &theirs), (away, &own), (away, &theirs)]
            .map(|(caller, key)| caller.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok())
    };
    for (kind, bound) in [(SCP, [true, true, false, false]), (RCP, [true, false, true, false])] {
        let id = policy(&kms, kind, "denying");
        for target in [root.as_str(), &team, AWAY] {
            let attachment = json!({"PolicyId": id, "TargetId": target});
            kms.ok("AttachControlPolicy", attachment.clone());
            assert_eq!(allowed(), [true; 4], "{kind} {target}");
            kms.ok("UpdateControlPolicy", json!({"PolicyId": id, "Content": denying(kind, "kms:Encrypt")}));
            assert_eq!(allowed(), bound, "{kind} {target}");
            kms.ok("UpdateControlPolicy", json!({"PolicyId": id, "Content": denying(kind, "kms:Decrypt")}));
            assert_eq!(allowed(), [true; 4], "{kind} {target}");
            kms.ok("UpdateControlPolicy", json!({"PolicyId": id, "Content": denying(kind, "kms:Encrypt")}));
            kms.ok("DetachControlPolicy", attachment);
            assert_eq!(allowed(), [true; 4], "{kind} {target}");
            let full = BUILT_IN.iter().find(|policy| policy.kind.as_str() == kind).unwrap();
            kms.ok("UpdateControlPolicy", json!({"PolicyId": id, "Content": *full.content}));
        }
    }
    // What no policy of a level allows is denied too, and operations without a key as well.
    let only = crate::testing::test_kms::policy(&crate::testing::test_kms::statement("Allow", "kms:Encrypt", "*"));
    let id =
        kms.ok("CreateControlPolicy", json!({"Type": SCP, "Name": "only", "Content": only}))["Policy"]["Id"].clone();
    kms.ok("AttachControlPolicy", json!({"PolicyId": id, "TargetId": team}));
    kms.ok("DetachControlPolicy", json!({"PolicyId": "p-FullAWSAccess", "TargetId": team}));
    assert_eq!(allowed(), [true; 4]);
    for (operation, body) in [("ListKeys", json!({})), ("DescribeKey", json!({"KeyId": theirs}))] {
        let refusal = away.call(operation, body).unwrap_err();
        assert!(refusal.message.contains("service control policy"), "{operation}: {refusal:?}");
    }
}

/// Key policies may name the whole organization, or a part of its tree.
#[test]
fn conditions_on_the_organization() {
    let kms = TestKms::new();
    let organization = kms.ok("DescribeOrganization", json!({}))["Organization"].clone();
    let (id, root) = (organization["Id"].as_str().unwrap(), organization["RootId"].as_str().unwrap());
    let team = unit(&kms, root, "team");
    let key = kms.key();
    let arn = kms.admin().key_arn(&key);
    let allowed_by = |operator: &str, name: &str, value: &str| {
        let own = json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "kms:*", "Resource": "*"});
        let condition = json!({operator: {name: value}});
        let anyone = json!({"Effect": "Allow", "Principal": "*", "Action": "kms:Encrypt", "Resource": "*",
            "Condition": condition});
        let policy = json!({"Version": "2012-10-17", "Statement": [own, anyone]}).to_string();
        kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy}));
        kms.away().call("Encrypt", json!({"KeyId": arn, "Plaintext": "AAAA"})).is_ok()
    };
    for name in ["aws:PrincipalOrgID", "aws:ResourceOrgID"] {
        assert!(allowed_by("StringEquals", name, id), "{name}");
        assert!(!allowed_by("StringEquals", name, "o-elsewhere1"), "{name}");
    }
    let below = |unit: &str| format!("{id}/{root}/{unit}/*");
    for (name, home_too) in [("aws:PrincipalOrgPaths", false), ("aws:ResourceOrgPaths", true)] {
        let operator = "ForAnyValue:StringLike";
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": root}));
        assert!(!allowed_by(operator, name, &below(&team)), "{name}");
        kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": team}));
        // The key's account did not move.
        assert_eq!(allowed_by(operator, name, &below(&team)), !home_too, "{name}");
        assert!(allowed_by(operator, name, &format!("{id}/*")), "{name}");
    }
}

/// Two requests on one View: the second meets what the first left, and says so as if it had come later.
#[test]
fn the_second_of_two_is_decided_on_what_the_first_left() {
    let attach = |id: &str, target: &str| ("AttachControlPolicy", json!({"PolicyId": id, "TargetId": target}));
    type Request = (&'static str, Value);
    type Case = (Request, Request, Option<Refused>);
    let cases = |unit: &str, root: &str, id: &str| -> Vec<Case> {
        let delete_unit = ("DeleteOrganizationalUnit", json!({"OrganizationalUnitId": unit}));
        let delete_policy = ("DeleteControlPolicy", json!({"PolicyId": id}));
        let move_there = ("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": unit}));
        let child = ("CreateOrganizationalUnit", json!({"ParentId": unit, "Name": "child"}));
        let twin = ("CreateOrganizationalUnit", json!({"ParentId": root, "Name": "twin"}));
        let policy =
            ("CreateControlPolicy", json!({"Type": RCP, "Name": "twin", "Content": denying(RCP, "kms:Encrypt")}));
        let not_empty = refused("ConflictException", &format!("The organizational unit {unit} is not empty."));
        let no_unit = refused("NotFoundException", &format!("The organizational unit {unit} does not exist."));
        let in_use = refused("ConflictException", &format!("The control policy {id} is attached."));
        let no_policy = refused("NotFoundException", &format!("The control policy {id} does not exist."));
        let same_unit = format!("An organizational unit named twin already exists in {root}.");
        let same_policy = format!("A policy of the type {RCP} named twin already exists.");
        let closed = refused("ConstraintViolationException", &format!("The account {AWAY} is closed already."));
        let close = ("CloseAccount", json!({"AccountId": AWAY}));
        vec![
            (move_there.clone(), delete_unit.clone(), Some(not_empty.clone())),
            (child.clone(), delete_unit.clone(), Some(not_empty)),
            (delete_unit.clone(), move_there, Some(no_unit.clone())),
            (delete_unit.clone(), child, Some(no_unit.clone())),
            (delete_unit, attach(id, unit), Some(no_unit)),
            (attach(id, AWAY), delete_policy.clone(), Some(in_use.clone())),
            (attach(id, root), delete_policy.clone(), Some(in_use)),
            (delete_policy, attach(id, AWAY), Some(no_policy)),
            (twin.clone(), twin, Some(refused("AlreadyExistsException", &same_unit))),
            (policy.clone(), policy, Some(refused("AlreadyExistsException", &same_policy))),
            (attach(id, unit), attach(id, AWAY), None),
            (close.clone(), close, Some(closed)),
        ]
    };
    for index in 0..12 {
        let kms = TestKms::new();
        let root = root(&kms);
        let (unit, id) = (unit(&kms, &root, "unit"), policy(&kms, SCP, "policy"));
        let (first, second, want) = cases(&unit, &root, &id).swap_remove(index);
        let view = kms.view();
        kms.ok(first.0, first.1);
        assert_eq!(kms.admin().call_on(&view, second.0, second.1.clone()).err(), want, "{} {}", second.0, second.1);
        assert_sound(&kms);
    }
}

/// The last place for a policy at a target is given once, and the last service control policy stays.
#[test]
fn limits_hold_in_races() {
    let kms = TestKms::new();
    let ids: Vec<String> = (0..5).map(|number| policy(&kms, SCP, &number.to_string())).collect();
    let attachment = |id: &str| json!({"PolicyId": id, "TargetId": AWAY});
    ids.iter().take(3).for_each(|id| drop(kms.ok("AttachControlPolicy", attachment(id))));
    let view = kms.view();
    kms.ok("AttachControlPolicy", attachment(&ids[3]));
    let answer = kms.admin().call_on(&view, "AttachControlPolicy", attachment(&ids[4]));
    assert_eq!(answer.unwrap_err().code, "ConstraintViolationException");
    ids.iter().take(3).for_each(|id| drop(kms.ok("DetachControlPolicy", attachment(id))));
    let view = kms.view();
    kms.ok("DetachControlPolicy", attachment("p-FullAWSAccess"));
    let answer = kms.admin().call_on(&view, "DetachControlPolicy", attachment(&ids[3]));
    assert_eq!(answer.unwrap_err().code, "ConstraintViolationException");
}

/// Doctor names what refers to nothing.
#[test]
fn damage_is_found() {
    use claviger_storage::{Store, Transaction, Write};
    let kms = TestKms::new();
    let (team, id) = (unit(&kms, &root(&kms), "team"), policy(&kms, SCP, "a"));
    kms.ok("MoveAccount", json!({"AccountId": AWAY, "DestinationParentId": team}));
    kms.ok("AttachControlPolicy", json!({"PolicyId": id, "TargetId": team}));
    assert_sound(&kms);
    let (unit_path, policy_path) =
        (format!("organizational-units/global/{team}"), format!("control-policies/global/{id}"));
    let cases = [
        (unit_path.as_str(), format!("`accounts/global/{AWAY}`: lies in the unit {team}, which is not there")),
        (policy_path.as_str(), format!("`{unit_path}`: the policy {id} is not there")),
        ("organization/global/current", "`organization/global/current`: missing".to_owned()),
    ];
    for (path, want) in cases {
        let records = kms.store.records();
        let (_, value) = records.into_iter().find(|(at, _)| at == path).unwrap();
        let commit = |write| {
            // Past the service, whose View does not follow such a commit.
            let transaction = Transaction { preconditions: Vec::new(), writes: vec![write] };
            kms.block_on(kms.store.inner.commit(transaction)).unwrap();
        };
        commit(Write::Delete { path: path.to_owned() });
        let found: Vec<String> = findings(&kms).iter().map(ToString::to_string).collect();
        assert!(found.iter().any(|finding| finding.starts_with(&want)), "{path}: {found:?}");
        assert!(started(&kms).is_err(), "{path}");
        commit(Write::Put { path: path.to_owned(), value });
        assert_sound(&kms);
    }
}

/// Another service on the same store.
fn started(kms: &TestKms) -> Result<crate::Started, crate::StartError> {
    let root = std::sync::Arc::clone(kms.service().root());
    crate::Service::start(std::sync::Arc::clone(&kms.store) as _, root, crate::Settings::default())
}

fn findings(kms: &TestKms) -> Vec<crate::DamagedState> {
    let root = kms.service().root();
    let absent = std::path::Path::new("absent");
    doctor::check(kms.store.as_ref(), root.as_ref(), absent, absent).unwrap().findings
}

fn assert_sound(kms: &TestKms) {
    let findings = findings(kms);
    assert!(findings.is_empty(), "{findings:?}");
}

/// A delegate of the first account with these statements.
fn delegate<'k>(kms: &'k TestKms, name: &str, statements: &[Value]) -> crate::testing::test_kms::Session<'k> {
    let statements: Vec<String> = statements.iter().map(ToString::to_string).collect();
    kms.admin().user(name, &statements.join(","))
}

/// Each operation that names a part of the organization asks on the ARN of each part that it touches: a denial there
/// holds, and one elsewhere does not.
#[test]
fn policies_on_each_part_that_is_touched() {
    let account = |id: &str| format!("arn:aws:iam::{id}:root");
    for operation in [
        "AttachControlPolicy",
        "CloseAccount",
        "CreateOrganizationalUnit",
        "DeleteControlPolicy",
        "DeleteOrganizationalUnit",
        "DescribeAccount",
        "DescribeControlPolicy",
        "DescribeOrganizationalUnit",
        "DetachControlPolicy",
        "ListAccountTags",
        "ListControlPoliciesForTarget",
        "ListTargetsForControlPolicy",
        "MoveAccount",
        "RenameAccount",
        "RenameOrganizationalUnit",
        "ReopenAccount",
        "TagAccount",
        "UntagAccount",
        "UpdateControlPolicy",
    ] {
        let kms = TestKms::new();
        let organization = Organization::new(&kms);
        let sample = organization.sample(operation, "");
        let own = |kind: &str, rest: &str| {
            let id = kms.ok("DescribeOrganization", json!({}))["Organization"]["Id"].as_str().unwrap().to_owned();
            format!("arn:aws:organizations::{HOME}:{kind}/{id}/{rest}")
        };
        let mut touched = Vec::new();
        for member in ["AccountId", "TargetId"] {
            touched.extend(sample[member].as_str().map(account));
        }
        for member in ["DestinationParentId", "OrganizationalUnitId", "ParentId"] {
            touched.extend(sample[member].as_str().map(|id| own("ou", id)));
        }
        if let Some(id) = sample.get("PolicyId") {
            let policy = kms.ok("DescribeControlPolicy", json!({"PolicyId": id}))["Policy"].clone();
            touched.push(policy["Arn"].as_str().unwrap().to_owned());
        }
        if operation == "MoveAccount" {
            touched.push(own("root", &organization.root));
        }
        assert!(!touched.is_empty(), "{operation}");
        let allow = |resources: &[String]| json!({"Effect": "Allow", "Action": "claviger:*", "Resource": resources});
        for (index, arn) in touched.iter().enumerate() {
            let deny = json!({"Effect": "Deny", "Action": "claviger:*", "Resource": arn});
            let denied = delegate(&kms, &format!("denied-{index}"), &[allow(&["*".into()]), deny]);
            let refusal = denied.call(operation, sample.clone()).expect_err(operation);
            let end = "with an explicit deny in an identity-based policy";
            assert!(refusal.message.ends_with(end), "{operation} {arn}: {refusal:?}");
            let rest: Vec<String> = touched.iter().filter(|other| *other != arn).cloned().collect();
            if !rest.is_empty() {
                let lacking = delegate(&kms, &format!("lacking-{index}"), &[allow(&rest)]);
                let refusal = lacking.call(operation, sample.clone()).expect_err(operation);
                assert_eq!(refusal.code, "AccessDeniedException", "{operation} {arn}: {refusal:?}");
            }
        }
        let elsewhere = json!({"Effect": "Deny", "Action": "claviger:*", "Resource": account("777788889999")});
        delegate(&kms, "allowed", &[allow(&touched), elsewhere]).ok(operation, sample);
    }
}

/// Conditions see the tags and the number of the account that is acted upon.
#[test]
fn conditions_see_the_account_that_is_acted_upon() {
    let kms = TestKms::new();
    kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": [{"Key": "environment", "Value": "prod"}]}));
    let spare = kms.ok("CreateAccount", json!({"Name": "spare"}))["Account"]["Id"].as_str().unwrap().to_owned();
    let everything = json!({"Effect": "Allow", "Action": "claviger:*", "Resource": "*"});
    let when = |effect: &str, key: &str, value: &str| json!({"Effect": effect, "Action": "claviger:*", "Resource": "*", "Condition": {"StringEquals": {key: value}}});
    let key = "aws:ResourceTag/environment";
    for (name, statements, on_away, on_spare) in [
        ("deny-tag", vec![everything.clone(), when("Deny", key, "prod")], false, true),
        ("allow-tag", vec![when("Allow", key, "prod")], true, false),
        ("deny-account", vec![everything, when("Deny", "aws:ResourceAccount", AWAY)], false, true),
        ("allow-account", vec![when("Allow", "aws:ResourceAccount", AWAY)], true, false),
    ] {
        let caller = delegate(&kms, name, &statements);
        for (id, allowed) in [(AWAY, on_away), (&*spare, on_spare)] {
            for (operation, body) in [
                ("DescribeAccount", json!({"AccountId": id})),
                ("CloseAccount", json!({"AccountId": id})),
                ("ReopenAccount", json!({"AccountId": id})),
                ("RenameAccount", json!({"AccountId": id, "Name": "renamed"})),
                ("TagAccount", json!({"AccountId": id, "Tags": [{"Key": "a", "Value": "b"}]})),
            ] {
                let answer = caller.call(operation, body);
                assert_eq!(answer.is_ok(), allowed, "{name} {operation} {id}: {answer:?}");
                // What is explained is what a request gets.
                let body = json!({"PrincipalArn": caller.arn(), "Action": format!("claviger:{operation}"),
                    "Resource": format!("arn:aws:iam::{id}:root")});
                let decision = kms.ok("ExplainAccess", body)["Decision"].clone();
                assert_eq!(decision, if allowed { "Allow" } else { "Deny" }, "{name} {operation} {id}");
            }
        }
    }
}

/// Who may not ask is answered the same whether or not there is such an account, unit or policy, whatever its type.
#[test]
fn a_refusal_tells_nobody_what_is_there() {
    let kms = TestKms::new();
    let (unit, scp, rcp) = (unit(&kms, &root(&kms), "team"), policy(&kms, SCP, "a"), policy(&kms, RCP, "a"));
    kms.ok("TagAccount", json!({"AccountId": AWAY, "Tags": [{"Key": "environment", "Value": "prod"}]}));
    let denies = [
        json!({"Effect": "Deny", "Action": "*", "Resource": "arn:aws:organizations::*:policy/*/service_control_policy/*"}),
        json!({"Effect": "Deny", "Action": "*", "Resource": "*",
            "Condition": {"StringEquals": {"aws:ResourceTag/environment": "prod"}}}),
    ];
    for (name, caller) in [("nobody", delegate(&kms, "nobody", &[])), ("denied", delegate(&kms, "denied", &denies))] {
        for (operation, member, there, missing) in [
            ("DescribeAccount", "AccountId", AWAY, "777788889999"),
            ("CloseAccount", "AccountId", AWAY, "777788889999"),
            ("DeleteOrganizationalUnit", "OrganizationalUnitId", &unit, "ou-none-12345678"),
            ("DeleteControlPolicy", "PolicyId", &scp, "p-nothere1"),
            ("DeleteControlPolicy", "PolicyId", &rcp, "p-nothere1"),
        ] {
            let told = |id: &str| {
                let refusal = caller.call(operation, json!({member: id})).unwrap_err();
                (refusal.code, refusal.message.replace(id, "ID"))
            };
            assert_eq!(told(there), told(missing), "{name} {operation} {there}");
        }
    }
    // Nor does another account's principal learn anything by the tags of what it names.
    let away = kms.away();
    for id in [HOME, "777788889999"] {
        let refusal = away.call("CloseAccount", json!({"AccountId": id})).unwrap_err();
        assert!(refusal.message.ends_with("only the deployment's first account may do this"), "{refusal:?}");
    }
}
