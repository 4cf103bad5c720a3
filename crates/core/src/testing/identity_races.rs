//! IAM writes in any order and on Views of any age: counters stay right, and a View that followed them is the one that
//! is loaded from what they left.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use crate::testing::races::assert_sound;
use crate::testing::test_kms::{HOME, TestKms, policy, statement, trust};
use crate::view::{ManagedPolicy, PolicyInterner, View};
use crate::views;

/// A command on few names, so that they meet: the operation's place in the list, and the names.
#[derive(Debug, Clone)]
struct Step {
    operation: usize,
    names: [u8; 3],
    /// Whether it is decided on an older View first.
    late: bool,
}

fn step() -> impl Strategy<Value = Step> {
    (0..OPERATIONS.len(), [0..3_u8, 0..3, 0..3], any::<bool>()).prop_map(|(operation, names, late)| Step {
        operation,
        names,
        late,
    })
}

const OPERATIONS: [&str; 27] = [
    "CreateUser",
    "CreateGroup",
    "CreateRole",
    "CreatePolicy",
    "DeleteUser",
    "DeleteGroup",
    "DeleteRole",
    "DeletePolicy",
    "UpdateUser",
    "UpdateGroup",
    "AddUserToGroup",
    "RemoveUserFromGroup",
    "AttachUserPolicy",
    "AttachGroupPolicy",
    "AttachRolePolicy",
    "DetachUserPolicy",
    "DetachGroupPolicy",
    "DetachRolePolicy",
    "PutGroupPolicy",
    "DeleteGroupPolicy",
    "PutUserPermissionsBoundary",
    "PutRolePermissionsBoundary",
    "DeleteUserPermissionsBoundary",
    "DeleteRolePermissionsBoundary",
    "CreatePolicyVersion",
    "DeletePolicyVersion",
    "RevokeSessions",
];

impl Step {
    /// The request. Members that an operation does not have are no matter in the Query protocol.
    fn body(&self) -> Value {
        let [a, b, c] = self.names.map(|name| format!("n{name}"));
        let arn = format!("arn:aws:iam::{HOME}:policy/{b}");
        let document = policy(&statement("Allow", "kms:ListKeys", &format!("arn:aws:kms:::{c}")));
        let principal = format!("arn:aws:iam::{HOME}:{}/{a}", if self.names[1] == 0 { "role" } else { "user" });
        let mut body = json!({
            "PrincipalArn": principal, "UserName": a, "GroupName": c, "RoleName": a, "PolicyName": b, "PolicyArn": arn,
            "PermissionsBoundary": arn, "VersionId": format!("v{}", self.names[2] + 1), "SetAsDefault": "true",
            "NewUserName": c, "NewGroupName": b, "AssumeRolePolicyDocument": trust(HOME), "PolicyDocument": document,
        });
        // A user is made without a boundary as often as with one.
        if OPERATIONS[self.operation].starts_with("Create") && self.late {
            body.as_object_mut().unwrap().remove("PermissionsBoundary");
        }
        if OPERATIONS[self.operation].ends_with("GroupPolicy") && self.late {
            body["GroupName"] = body["UserName"].clone();
        }
        body
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn identities_are_sound_and_indexes_follow(steps in prop::collection::vec(step(), 1..80)) {
        let kms = TestKms::new();
        for name in ["n0", "n1"] {
            kms.policy(name, &statement("Allow", "kms:*", "*"));
            kms.ok("CreateUser", json!({"UserName": name}));
            kms.ok("CreateGroup", json!({"GroupName": name}));
            kms.role(name);
        }
        let mut old = kms.view();
        for (number, step) in steps.iter().enumerate() {
            let newest = kms.view();
            let view = if step.late { &old } else { &newest };
            let answer = kms.admin().call_on(view, OPERATIONS[step.operation], step.body());
            let faults = ["KMSInternalException", "ServiceFailure"];
            let fault = answer.as_ref().is_err_and(|refusal| faults.contains(&&*refusal.code));
            prop_assert!(!fault, "{} {step:?}: {answer:?}", OPERATIONS[step.operation]);
            if number % 4 == 0 {
                old = kms.view();
            }
        }
        assert_sound(&kms);
        let mut policies = PolicyInterner::default();
        let root = Arc::clone(kms.service().root());
        let loaded = views::load(kms.store.as_ref(), root.as_ref(), &mut policies).unwrap().view;
        prop_assert_eq!(told(&kms.view()), told(&loaded));
    }
}

/// What somebody may do, with where it comes from.
macro_rules! texts {
    ($entity:ident) => {
        $entity
            .effective
            .iter()
            .map(|policy| format!("{:?} {}", policy.source, policy.document.text))
            .collect::<Vec<String>>()
    };
}

/// All that a View tells of the first account's identities.
fn told(view: &View) -> Vec<String> {
    let account = HOME.parse().unwrap();
    let boundary = |policy: Option<&Arc<ManagedPolicy>>| policy.map(|policy| policy.document.text.to_string());
    let mut told = Vec::new();
    for user in view.users_after(account, "") {
        told.push(format!("{} {:?} {:?}", user.arn(), texts!(user), boundary(user.boundary.as_ref())));
        assert!(Arc::ptr_eq(user, view.user_by_id(user.id).unwrap()));
        for access_key in user.access_keys.iter() {
            assert!(Arc::ptr_eq(user, &view.access_key(access_key.id.parse().unwrap()).unwrap().user));
        }
    }
    for group in view.groups_after(account, "") {
        let members: Vec<_> = view.members_after(group, "").map(|user| user.name.to_string()).collect();
        assert_eq!(members.len(), view.member_count(group));
        assert!(Arc::ptr_eq(group, view.group_by_id(group.id).unwrap()));
        told.push(format!("{} {:?} {members:?}", group.name, texts!(group)));
    }
    for role in view.roles_after(account, "") {
        told.push(format!("{} {:?} {:?}", role.arn(), texts!(role), boundary(role.boundary.as_ref())));
        assert!(Arc::ptr_eq(role, view.role_by_id(role.id).unwrap()));
    }
    for policy in view.customer_policies_after(account, "") {
        let attached: Vec<_> = view.attached_to(account, &policy.arn).collect();
        let bounded: Vec<_> = view.bounded_by(account, &policy.arn).collect();
        assert_eq!(attached.len(), view.attachment_count(account, &policy.arn));
        assert_eq!(bounded.len(), view.boundary_count(account, &policy.arn));
        told.push(format!("{} {attached:?} {bounded:?} {}", policy.arn, policy.document.text));
    }
    told
}
