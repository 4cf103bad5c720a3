//! The authorization cases of the whole service, answered by the reference evaluator.
//!
//! The file says which requests of which principals succeed. `CLAVIGER_AUTHORIZATION_CASES` may name another one.

use std::collections::BTreeMap;
use std::path::PathBuf;

use serde_json::Value;

use crate::evaluator::decision::decide;
use crate::evaluator::scenario::{Caller, CallerKind, Constraint, Grant, NewGrant, Resource, Scenario, Side};
use crate::evaluator::statements::strings;

const A: &str = "111122223333";
const B: &str = "444455556666";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-4cd3-8ef5-1234567890ab";
const ALIAS: &str = "alias/case";

#[test]
fn every_case_comes_out_as_written() {
    let path = match std::env::var_os("CLAVIGER_AUTHORIZATION_CASES") {
        Some(path) => PathBuf::from(path),
        None => PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/authorization-cases.json"),
    };
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let file: Value = serde_json::from_str(&text).unwrap();
    let cases = file["cases"].as_array().unwrap();
    assert!(cases.len() >= 50, "only {} cases", cases.len());

    let wrong: Vec<String> = cases.iter().filter_map(answered_wrongly).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn answered_wrongly(case: &Value) -> Option<String> {
    let scenario = scenario(case);
    let outcome = decide(&scenario);
    let expected = match case["expect"].as_str().unwrap() {
        "allow" => true,
        "deny" => false,
        other => panic!("a case expects allow or deny: {other}"),
    };
    (outcome.is_allow() != expected).then(|| format!("{}: {outcome:?}, since {}", case["name"], case["why"]))
}

fn scenario(case: &Value) -> Scenario {
    let caller = caller(&case["caller"]);
    let filled: Value = serde_json::from_str(
        &case
            .to_string()
            .replace("${A}", A)
            .replace("${B}", B)
            .replace("${CALLER}", &caller.principal_arn)
            .replace("${KEY}", KEY)
            .replace("${ALIAS}", ALIAS),
    )
    .unwrap();
    let by = &filled["caller"];
    let listed = |name: &str| by[name].as_array().cloned().unwrap_or_default();
    Scenario {
        action: format!("kms:{}", filled["request"]["operation"].as_str().unwrap()),
        resource: Resource::Arn(KEY.to_owned()),
        identity: [listed("policies"), listed("managed_policies"), listed("group_policies")].concat(),
        boundary: by.get("boundary").cloned(),
        session_policies: by.get("session_policy").map(|policy| vec![policy.clone()]),
        scp_levels: Vec::new(),
        context: context(&filled, &caller),
        encryption_context: pairs(&filled["request"]["params"]["EncryptionContext"]),
        new_grant: filled["request"]["params"].get("Operations").map(|operations| NewGrant {
            operations: strings(operations),
            constraint: constraint(&filled["request"]["params"]["Constraints"]),
        }),
        key: Some(Side {
            account: A.to_owned(),
            policy: filled["key"]["policy"].clone(),
            bindings: bindings(&filled["key"]["policy"], &caller),
            rcp_levels: Vec::new(),
            grants: filled["grants"].as_array().unwrap().iter().map(|one| grant(one, &caller)).collect(),
        }),
        caller,
    }
}

fn caller(described: &Value) -> Caller {
    let account = if described["account"] == "A" { A } else { B };
    match described.get("user") {
        Some(user) => {
            let arn = format!("arn:aws:iam::{account}:user/{}", user.as_str().unwrap());
            Caller {
                kind: CallerKind::User,
                account: account.to_owned(),
                principal_arn: arn.clone(),
                arn,
                unique_id: "AIDACALLER".to_owned(),
            }
        }
        None => {
            let (role, session) = (described["role"].as_str().unwrap(), described["session"].as_str().unwrap());
            Caller {
                kind: CallerKind::Session,
                account: account.to_owned(),
                arn: format!("arn:aws:sts::{account}:assumed-role/{role}/{session}"),
                principal_arn: format!("arn:aws:iam::{account}:role/{role}"),
                unique_id: "AROACALLER".to_owned(),
            }
        }
    }
}

fn context(case: &Value, caller: &Caller) -> BTreeMap<String, Vec<String>> {
    let mut context = BTreeMap::new();
    let mut put = |key: &str, value: &str| context.insert(key.to_owned(), vec![value.to_owned()]);
    put("aws:currenttime", "2026-11-01T12:00:00Z");
    put("aws:principalarn", &caller.principal_arn);
    put("aws:principalaccount", &caller.account);
    put("aws:sourceip", "127.0.0.1");
    put("kms:calleraccount", &caller.account);
    if let Some(user) = case["caller"].get("user") {
        put("aws:username", user.as_str().unwrap());
    }
    for (tag, value) in pairs(&case["caller"]["tags"]) {
        put(&format!("aws:principaltag/{}", tag.to_lowercase()), &value);
    }
    for (tag, value) in pairs(&case["key"]["tags"]) {
        put(&format!("aws:resourcetag/{}", tag.to_lowercase()), &value);
    }
    if case["key"]["alias"] == true {
        put("kms:resourcealiases", ALIAS);
    }
    if case["request"]["by"].as_str().unwrap().starts_with("alias") {
        put("kms:requestalias", ALIAS);
    }
    context
}

fn pairs(object: &Value) -> BTreeMap<String, String> {
    let pairs = object.as_object().into_iter().flatten();
    pairs.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect()
}

/// All principals exist when the policy is put; those that are not the caller have ids of their own.
fn bindings(policy: &Value, caller: &Caller) -> BTreeMap<String, String> {
    let statements = policy["Statement"].as_array().unwrap();
    let named = statements.iter().filter_map(|one| one["Principal"].get("AWS")).flat_map(strings);
    let id = |arn: &str| {
        if arn == caller.arn || arn == caller.principal_arn { caller.unique_id.clone() } else { format!("AIDA{arn}") }
    };
    named.map(|arn| (arn.clone(), id(&arn))).collect()
}

fn grant(described: &Value, caller: &Caller) -> Grant {
    Grant {
        grantee: caller.unique_id.clone(),
        operations: strings(&described["operations"]),
        constraint: constraint(&described["constraints"]),
        usable: true,
    }
}

fn constraint(constraints: &Value) -> Constraint {
    match constraints {
        Value::Null => Constraint::None,
        constraints if constraints.get("EncryptionContextEquals").is_some() => {
            Constraint::Equals(pairs(&constraints["EncryptionContextEquals"]))
        }
        constraints => Constraint::Subset(pairs(&constraints["EncryptionContextSubset"])),
    }
}
