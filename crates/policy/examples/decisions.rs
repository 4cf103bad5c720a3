//! What a decision costs: with many grants on the key, with key policies of the largest size, with many policies.
//!
//! `cargo run --release -p claviger-policy --example decisions`
#![expect(clippy::print_stdout, clippy::unwrap_used, reason = "a program that prints what it measures")]

use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Instant;

use claviger_policy::{
    Action, ActionSet, ConditionKey, Context, Decision, Fact, GrantConstraints, GrantTerms, Identity, IdentityPolicies,
    IdentityPolicy, KeyPolicy, KeyPolicyDocument, KeyResource, Principal, Request, Resource, Values,
    decide_by_identity, decide_on_key,
};
use claviger_types::{EncryptionContext, KeyArn, PrincipalId, RoleId, RoleSessionName, ServiceName, UserId, limits};

const ROUNDS: u32 = 100_000;
const ROOT: &str = r#"{"Effect":"Allow","Principal":{"AWS":"111122223333"},"Action":"kms:*","Resource":"*"}"#;

struct Circumstances(EncryptionContext);

impl Context for Circumstances {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        match key {
            ConditionKey::AwsSourceIp => Values::text("203.0.113.7"),
            ConditionKey::AwsPrincipalTag(_) => Values::text("red"),
            ConditionKey::KmsEncryptionContext(_) => Values::text("pay"),
            _ => Values::Absent,
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        Fact::Known(&self.0)
    }
}

/// A decision's parts that vary.
struct Case {
    name: String,
    key: KeyPolicy,
    identity: IdentityPolicies,
    /// Grants of the key by grantee, as their keeper indexes them.
    grants: BTreeMap<RoleId, Vec<GrantTerms>>,
}

fn main() {
    let mut cases: Vec<Case> = [1, 100, 50_000].map(with_grants).into();
    cases.push(with_key_policy("32 KB, other principals", &other_principals()));
    cases.push(with_key_policy("32 KB, this account's conditions", &own_conditions()));
    for policies in [1, 5, 100] {
        cases.push(with_identity_policies(policies));
    }
    for case in &cases {
        let (decision, nanoseconds) = measure(case);
        println!("{:<45} {:>8} ns  {decision:?}", case.name, nanoseconds);
    }
    measure_hostile_resources();
}

/// The longest decision that a policy of 32 KB and an ARN of 2 KB can make together.
fn measure_hostile_resources() {
    let arn = format!("arn:aws:iam::111122223333:user/{}", "a".repeat(2_000));
    for (name, run) in [("*aaa…b", "a".repeat(1_000)), ("*a*a…b", "*a".repeat(500)), ("*a?a?…b", "a?".repeat(500))]
    {
        // No two are the same, or they would be one.
        let pattern = |number: usize| format!("\"arn:aws:iam::111122223333:*{run}b{number}\"");
        let patterns = (0..30).map(pattern).collect::<Vec<_>>().join(",");
        let text = format!(r#"{{"Effect":"Allow","Action":"iam:GetUser","Resource":[{patterns}]}}"#);
        let policies = IdentityPolicies::merge(vec![identity(&text)]);
        let principal = Principal {
            account: "111122223333".parse().unwrap(),
            identity: Identity::User(UserId::from_random([1; 16])),
            policies: &policies,
            boundary: None,
            session_policies: None,
            service_control: &[],
        };
        let context = Circumstances(EncryptionContext::from_pairs(Vec::new()).unwrap());
        let action = Action::of(ServiceName::Iam, "GetUser").unwrap();
        let request = Request { principal: &principal, action, context: &context };
        let start = Instant::now();
        let decision = decide_by_identity(black_box(&request), Resource::Arn(&arn));
        println!("{:<45} {:>8} ns  {decision:?}", format!("32 KB of {name}"), start.elapsed().as_nanos());
    }
}

fn measure(case: &Case) -> (Decision, u128) {
    let session: RoleSessionName = "session".parse().unwrap();
    let me = role(0);
    let principal = Principal {
        account: "111122223333".parse().unwrap(),
        identity: Identity::RoleSession { role: me, name: &session },
        policies: &case.identity,
        boundary: None,
        session_policies: None,
        service_control: &[],
    };
    let context = Circumstances(EncryptionContext::from_pairs(vec![("app".into(), "pay".into())]).unwrap());
    let request = Request { principal: &principal, action: action("Encrypt"), context: &context };
    let arn = KeyArn {
        region: "us-east-1".parse().unwrap(),
        account: principal.account,
        id: "1234abcd-12ab-34cd-56ef-1234567890ab".parse().unwrap(),
    };
    let key = KeyResource { arn, policy: &case.key, resource_control: &[] };
    let decide = || decide_on_key(black_box(&request), &key, case.grants.get(&me).into_iter().flatten());
    let start = Instant::now();
    for _ in 0..ROUNDS {
        black_box(decide());
    }
    (decide(), start.elapsed().as_nanos() / u128::from(ROUNDS))
}

fn with_grants(count: u32) -> Case {
    let terms = |number: u32| GrantTerms {
        operations: ActionSet::from_iter([action("Encrypt")]),
        constraints: GrantConstraints {
            context_subset: Some(EncryptionContext::from_pairs(vec![("app".into(), "pay".into())]).unwrap()),
            source_arn: (number != 0).then(|| "arn:aws:s3:::x".into()),
            ..GrantConstraints::default()
        },
    };
    let grants = (0..count).map(|number| (role(number), vec![terms(number)])).collect();
    let silent = r#"{"Effect":"Deny","Principal":"*","Action":"s3:*","Resource":"*"}"#;
    Case { name: format!("{count} grants on the key"), grants, ..case(silent, Vec::new()) }
}

fn with_key_policy(name: &str, statements: &str) -> Case {
    let admin = r#"{"Effect":"Allow","Action":"kms:*","Resource":"*"}"#;
    Case { name: format!("key policy, {name}"), ..case(statements, vec![identity(admin)]) }
}

/// Policies of 20 statements each, half of them about other actions, under conditions.
fn with_identity_policies(count: u32) -> Case {
    let statement = |number: u32| {
        let action =
            ["kms:Encrypt", "kms:Decrypt", "iam:Get*", "kms:*"].into_iter().cycle().nth(number as usize).unwrap();
        format!(
            r#"{{"Effect":"Allow","Action":"{action}","Resource":"arn:aws:kms:*:111122223333:key/{number}*",
            "Condition":{{"StringEquals":{{"aws:PrincipalTag/team":"blue"}}}}}}"#
        )
    };
    let text = (0..20).map(statement).collect::<Vec<_>>().join(",");
    let mut policies: Vec<_> = (1..count).map(|_| identity(&text)).collect();
    policies.push(identity(
        r#"{"Effect":"Allow","Action":"kms:Encrypt","Resource":"*",
        "Condition":{"IpAddress":{"aws:SourceIp":"203.0.113.0/24"}}}"#,
    ));
    Case { name: format!("{count} identity policies of 20 statements"), ..case(ROOT, policies) }
}

fn case(key: &str, policies: Vec<Arc<IdentityPolicy>>) -> Case {
    let document = KeyPolicyDocument::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{key}]}}"#)).unwrap();
    let id = |number: u8| PrincipalId::User(UserId::from_random([number; 16]));
    let ids: Vec<_> = document.principals().map(|arn| (arn.clone(), id(1))).collect();
    let (key, identity) = (document.compile(&ids).unwrap(), IdentityPolicies::merge(policies));
    Case { name: String::new(), key, identity, grants: BTreeMap::new() }
}

/// As many statements as there is room for.
fn filled(statement: impl Fn(usize) -> String) -> String {
    let mut text = ROOT.to_owned();
    for number in 0.. {
        let next = statement(number);
        if text.len() + next.len() + 64 > limits::KEY_POLICY_BYTES_MAX {
            break;
        }
        text = format!("{next},{text}");
    }
    text
}

fn other_principals() -> String {
    filled(|number| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"arn:aws:iam::111122223333:user/u{number}"}},
            "Action":["kms:Encrypt","kms:Decrypt"],"Resource":"*"}}"#
        )
    })
}

fn own_conditions() -> String {
    filled(|number| {
        format!(
            r#"{{"Effect":"Allow","Principal":{{"AWS":"111122223333"}},"Action":"kms:Encrypt","Resource":"*",
            "Condition":{{"StringEquals":{{"kms:EncryptionContext:app":"x{number}"}}}}}}"#
        )
    })
}

fn identity(statements: &str) -> Arc<IdentityPolicy> {
    Arc::new(IdentityPolicy::parse(&format!(r#"{{"Version":"2012-10-17","Statement":[{statements}]}}"#)).unwrap())
}

fn role(number: u32) -> RoleId {
    let mut random = [0; 16];
    for (slot, shift) in random.iter_mut().zip([0, 5, 10, 15]) {
        *slot = u8::try_from((number >> shift) & 31).unwrap();
    }
    RoleId::from_random(random)
}

fn action(name: &str) -> Action {
    Action::of(ServiceName::Kms, name).unwrap()
}
