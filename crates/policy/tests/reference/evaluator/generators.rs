//! Random scenarios in a small world, so that policies and requests mostly speak of the same things.
//!
//! Two accounts, a handful of principals, actions, names and values, and every odd form that the language has. What the
//! rules leave open (a star in `NotPrincipal`) and what is refused when it is put (variables before the fifth colon,
//! ARNs with fewer than six parts, one condition key twice under an operator, `ForAllValues` on a context pair or request
//! tag in a key policy) is left out.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use serde_json::{Value, json};

use super::documents::{
    CONTEXT_VALUES, Of, REQUEST_TAG, SEVERAL, SINGLE, control_policy_of_resources, identity_policy, resource_policy,
};
use super::scenario::{Caller, CallerKind, Constraint, Grant, NewGrant, Resource, Scenario, Side};

pub const A: &str = "111122223333";
pub const B: &str = "444455556666";
pub const REGION: &str = "us-east-1";
pub const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-4cd3-8ef5-1234567890ab";
pub const OTHER_KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/0000abcd-12ab-4cd3-8ef5-1234567890ab";
pub const ALIAS: &str = "arn:aws:kms:us-east-1:111122223333:alias/app";
/// The role that is assumed in the scenarios of `on_role`.
pub const ROLE: &str = "arn:aws:iam::111122223333:role/ops";

/// ARNs that policies may name, each with the unique id of its user or role. A session has its role's id.
pub const PRINCIPALS: [(&str, &str); 8] = [
    ("arn:aws:iam::111122223333:user/ana", "AIDAAAAAAAAAAAAAAANA"),
    ("arn:aws:iam::111122223333:user/team/bob", "AIDAAAAAAAAAAAAAABOB"),
    ("arn:aws:iam::444455556666:user/cat", "AIDABBBBBBBBBBBBBCAT"),
    ("arn:aws:iam::111122223333:role/svc/app", "AROAAAAAAAAAAAAAAAPP"),
    ("arn:aws:iam::444455556666:role/ext", "AROABBBBBBBBBBBBBEXT"),
    ("arn:aws:sts::111122223333:assumed-role/app/s1", "AROAAAAAAAAAAAAAAAPP"),
    ("arn:aws:sts::111122223333:assumed-role/app/s2", "AROAAAAAAAAAAAAAAAPP"),
    ("arn:aws:sts::444455556666:assumed-role/ext/s1", "AROABBBBBBBBBBBBBEXT"),
];

/// Unique ids of a user and a role that had a name before.
const PREDECESSORS: [&str; 2] = ["AIDAZZZZZZZZZZZZZOLD", "AROAZZZZZZZZZZZZZOLD"];

/// Any request that `decide` answers: on a key, on an alias, or on neither.
pub fn any_request() -> BoxedStrategy<Scenario> {
    prop_oneof![8 => on_key(), 1 => without_key()].boxed()
}

/// A request on a key of account A, of a caller of account A or B.
pub fn on_key() -> BoxedStrategy<Scenario> {
    let actions = select(vec![
        "kms:Encrypt",
        "kms:Encrypt",
        "kms:Decrypt",
        "kms:Decrypt",
        "kms:GenerateDataKey",
        "kms:DescribeKey",
        "kms:CreateGrant",
        "kms:DisableKey",
    ]);
    let key = (resource_policy(Of::Key), bindings(), resource_control_levels(), vec(grant(), 0..3)).prop_map(
        |(policy, bindings, rcp_levels, grants)| Side { account: A.to_owned(), policy, bindings, rcp_levels, grants },
    );
    request(actions.prop_map(|action| (action, Resource::Arn(KEY.to_owned()))), key.prop_map(Some))
}

/// A request that identity policies decide alone: it has no resource, or an alias or a user of the caller's own account.
pub fn without_key() -> BoxedStrategy<Scenario> {
    let actions = select(vec!["kms:ListKeys", "kms:CreateKey", "kms:GenerateRandom", "kms:CreateAlias", "iam:GetUser"]);
    let none = || Resource::NoneIn { region: REGION.to_owned() };
    request(actions.prop_map(move |action| (action, none())), Just(None))
        .prop_map(|mut scenario| {
            let account = &scenario.caller.account;
            match scenario.action.as_str() {
                "kms:CreateAlias" => scenario.resource = Resource::Arn(ALIAS.replace(A, account)),
                // Paths may hold colons.
                "iam:GetUser" => scenario.resource = Resource::Arn(format!("arn:aws:iam::{account}:user/a:b/ann")),
                _ => {}
            }
            scenario
        })
        .boxed()
}

/// A request to assume a role of account A, which `decide_on_role` answers.
pub fn on_role() -> BoxedStrategy<Scenario> {
    let role = (resource_policy(Of::Role), bindings(), resource_control_levels()).prop_map(
        |(policy, bindings, rcp_levels)| Side {
            account: A.to_owned(),
            policy,
            bindings,
            rcp_levels,
            grants: Vec::new(),
        },
    );
    let action = select(vec!["sts:AssumeRole", "sts:AssumeRole", "sts:TagSession"]);
    request(action.prop_map(|action| (action, Resource::Arn(ROLE.to_owned()))), role.prop_map(Some))
}

/// A request to retire a grant of a key of account A, with whom the grant names as its retiring principal. The grant
/// is the only one of the scenario.
pub fn on_retirement() -> BoxedStrategy<(Scenario, Option<String>)> {
    let grant = (grant(), any::<bool>()).prop_map(|(mut grant, can_retire)| {
        grant.operations.extend(can_retire.then(|| "RetireGrant".to_owned()));
        Grant { usable: true, ..grant }
    });
    let key = (resource_policy(Of::Key), bindings(), resource_control_levels(), grant).prop_map(
        |(policy, bindings, rcp_levels, grant)| Side {
            account: A.to_owned(),
            policy,
            bindings,
            rcp_levels,
            grants: vec![grant],
        },
    );
    let on = Just(("kms:RetireGrant", Resource::Arn(KEY.to_owned())));
    (request(on, key.prop_map(Some)), option::weighted(0.7, select(grantees()))).boxed()
}

/// Everything about a request that may be known only once it comes. It belongs to no scenario yet: the caller's ARN and
/// ids in it are anyone's.
pub fn circumstances() -> BoxedStrategy<Circumstances> {
    (caller(), context(), encryption_context(), new_grant())
        .prop_map(|(caller, mut context, encryption_context, new_grant)| {
            context.extend(context_of_caller(&caller));
            Circumstances { context, encryption_context, new_grant }
        })
        .boxed()
}

/// What the scenario's members of the same names are.
#[derive(Debug, Clone)]
pub struct Circumstances {
    pub context: BTreeMap<String, Vec<String>>,
    pub encryption_context: BTreeMap<String, String>,
    pub new_grant: Option<NewGrant>,
}

fn request(
    on: impl Strategy<Value = (&'static str, Resource)> + 'static,
    side: impl Strategy<Value = Option<Side>> + 'static,
) -> BoxedStrategy<Scenario> {
    let own_policies = (
        vec(identity_policy(), 0..5),
        option::weighted(0.4, identity_policy()),
        option::weighted(0.5, prop_oneof![20 => vec(identity_policy(), 1..3), 1 => Just(Vec::new())]),
        service_control_levels(),
    );
    (caller(), on, side, own_policies, context(), encryption_context(), new_grant())
        .prop_map(|(caller, (action, resource), key, own_policies, mut context, encryption_context, new_grant)| {
            let (identity, boundary, session_policies, scp_levels) = own_policies;
            let is = |kind| caller.kind == kind;
            context.extend(context_of_caller(&caller));
            Scenario {
                identity: if is(CallerKind::Root) { Vec::new() } else { identity },
                boundary: boundary.filter(|_| !is(CallerKind::Root)),
                session_policies: session_policies.filter(|_| is(CallerKind::Session)),
                encryption_context: if has_context(action) { encryption_context } else { BTreeMap::new() },
                new_grant: new_grant.filter(|_| action == "kms:CreateGrant"),
                caller,
                action: action.to_owned(),
                resource,
                key,
                scp_levels,
                context,
            }
        })
        .boxed()
}

fn has_context(action: &str) -> bool {
    ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey", "kms:CreateGrant"].contains(&action)
}

/// Roots, users and sessions; a role itself never calls. Most callers belong to the account that owns the resources.
fn caller() -> impl Strategy<Value = Caller> {
    let root = |account: &str| Caller {
        kind: CallerKind::Root,
        account: account.to_owned(),
        arn: format!("arn:aws:iam::{account}:root"),
        principal_arn: format!("arn:aws:iam::{account}:root"),
        unique_id: account.to_owned(),
    };
    let named = PRINCIPALS.iter().filter(|(arn, _)| !arn.contains(":role/")).map(|(arn, id)| Caller {
        kind: if arn.contains(":user/") { CallerKind::User } else { CallerKind::Session },
        account: arn.split(':').nth(4).expect("an ARN has an account").to_owned(),
        arn: (*arn).to_owned(),
        principal_arn: own_or_role_arn(arn, id).to_owned(),
        unique_id: (*id).to_owned(),
    });
    let (own, foreign): (Vec<_>, Vec<_>) = named.partition(|caller| caller.account == A);
    prop_oneof![10 => select(own), 4 => select(foreign), 1 => Just(root(A)), 1 => Just(root(B))]
}

fn own_or_role_arn<'a>(arn: &'a str, id: &str) -> &'a str {
    let role = PRINCIPALS.iter().find(|(role, role_id)| role.contains(":role/") && *role_id == id);
    role.map_or(arn, |(role, _)| role)
}

/// All names are bound to their owners, except that one may still be bound to its owner's predecessor.
fn bindings() -> impl Strategy<Value = BTreeMap<String, String>> {
    option::weighted(0.15, 0..PRINCIPALS.len()).prop_map(|stale| {
        PRINCIPALS
            .iter()
            .enumerate()
            .map(|(index, (arn, id))| {
                let predecessor = PREDECESSORS[usize::from(!arn.contains(":user/"))];
                ((*arn).to_owned(), if stale == Some(index) { predecessor } else { id }.to_owned())
            })
            .collect()
    })
}

fn grant() -> impl Strategy<Value = Grant> {
    (select(grantees()), operations(), constraint(), prop::bool::weighted(0.8))
        .prop_map(|(grantee, operations, constraint, usable)| Grant { grantee, operations, constraint, usable })
}

fn new_grant() -> impl Strategy<Value = Option<NewGrant>> {
    let terms = (operations(), constraint()).prop_map(|(operations, constraint)| NewGrant { operations, constraint });
    option::weighted(0.9, terms)
}

/// Those whom a grant may name.
fn grantees() -> Vec<String> {
    let ids = PRINCIPALS.iter().map(|(_, id)| (*id).to_owned());
    let sessions = ["AROAAAAAAAAAAAAAAAPP:s1".to_owned(), "AROABBBBBBBBBBBBBEXT:s2".to_owned()];
    let roots = [A, B].map(|account| format!("arn:aws:iam::{account}:root"));
    ids.chain(sessions).chain(roots).collect()
}

fn operations() -> impl Strategy<Value = Vec<String>> {
    let operations = vec!["Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "CreateGrant"];
    subsequence(operations, 1..=4).prop_map(|some| some.into_iter().map(str::to_owned).collect())
}

fn constraint() -> impl Strategy<Value = Constraint> {
    prop_oneof![
        2 => Just(Constraint::None),
        1 => encryption_context().prop_map(Constraint::Equals),
        1 => encryption_context().prop_map(Constraint::Subset),
    ]
}

/// Levels of control policies: mostly none, then mostly such that let everything pass.
fn levels(passes: Value, policy: impl Strategy<Value = Value>) -> impl Strategy<Value = Vec<Vec<Value>>> {
    let pass = json!({"Version": "2012-10-17", "Statement": passes});
    let level = (prop::bool::weighted(0.9), option::weighted(0.3, policy))
        .prop_map(move |(passes, other)| passes.then(|| pass.clone()).into_iter().chain(other).collect());
    prop_oneof![2 => Just(Vec::new()), 1 => vec(level, 1..3)]
}

fn service_control_levels() -> impl Strategy<Value = Vec<Vec<Value>>> {
    levels(json!([{"Effect": "Allow", "Action": "*", "Resource": "*"}]), identity_policy())
}

fn resource_control_levels() -> impl Strategy<Value = Vec<Vec<Value>>> {
    let passes = json!([{"Effect": "Allow", "Principal": "*", "Action": "*", "Resource": "*"}]);
    levels(passes, control_policy_of_resources())
}

/// What the caller brings along whatever it asks for.
fn context_of_caller(caller: &Caller) -> Vec<(String, Vec<String>)> {
    let mut context = vec![
        ("aws:principalaccount", caller.account.clone()),
        ("aws:principalarn", caller.principal_arn.clone()),
        ("kms:calleraccount", caller.account.clone()),
    ];
    let last = caller.arn.rsplit(['/', ':']).next().expect("an ARN has an end").to_owned();
    match caller.kind {
        CallerKind::Root => context.push(("aws:userid", caller.unique_id.clone())),
        CallerKind::User => {
            context.push(("aws:userid", caller.unique_id.clone()));
            context.push(("aws:username", last));
        }
        CallerKind::Session => context.push(("aws:userid", format!("{}:{last}", caller.unique_id))),
    }
    context.into_iter().map(|(key, value)| (key.to_owned(), vec![value])).collect()
}

/// Each key is there or not; a key that may have several values has at least one.
fn context() -> BoxedStrategy<BTreeMap<String, Vec<String>>> {
    let single = SINGLE.iter().map(|(key, values)| {
        let value = select(values.to_vec()).prop_map(|value| vec![value.to_owned()]);
        (Just((*key).to_lowercase()), option::weighted(0.6, value))
    });
    let several = SEVERAL.iter().filter(|(key, _)| *key != "kms:EncryptionContextKeys").map(|(key, values)| {
        let some = subsequence(values.to_vec(), 1..values.len());
        let some = some.prop_map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>());
        (Just((*key).to_lowercase()), option::weighted(0.6, some))
    });
    let (tag, values) = REQUEST_TAG;
    let some = subsequence(values.to_vec(), 1..=2);
    let some = some.prop_map(|values| values.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let tag = (Just(tag.to_lowercase()), option::weighted(0.6, some));
    (single.collect::<Vec<_>>(), several.collect::<Vec<_>>(), tag)
        .prop_map(|(single, several, tag)| {
            single.into_iter().chain(several).chain([tag]).filter_map(|(key, values)| Some((key, values?))).collect()
        })
        .boxed()
}

/// Up to three pairs. Two names that differ only in case have one condition key, with two values.
fn encryption_context() -> BoxedStrategy<BTreeMap<String, String>> {
    let pair = |names: Vec<&'static str>, values: &[&'static str]| {
        option::weighted(0.6, (select(names), select(values.to_vec())))
    };
    let pairs = [pair(vec!["app", "App"], CONTEXT_VALUES), pair(vec!["env"], CONTEXT_VALUES)];
    (pairs, option::weighted(0.2, (Just("App"), select(CONTEXT_VALUES.to_vec()))))
        .prop_map(|([first, second], third)| {
            let pairs = first.into_iter().chain(second).chain(third);
            pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        })
        .boxed()
}
