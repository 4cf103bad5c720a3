//! Hand-written examples of each documented rule: tables of inputs with the answer that the rule gives.

mod conditions;
mod decisions;
mod principals;
mod statements;

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::evaluator::scenario::{Caller, CallerKind, Resource, Scenario, Side};

const A: &str = "111122223333";
const B: &str = "444455556666";
const KEY: &str = "arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-4cd3-8ef5-1234567890ab";

fn root(account: &str) -> Caller {
    let arn = format!("arn:aws:iam::{account}:root");
    Caller {
        kind: CallerKind::Root,
        account: account.to_owned(),
        principal_arn: arn.clone(),
        arn,
        unique_id: account.to_owned(),
    }
}

fn user(account: &str) -> Caller {
    let arn = format!("arn:aws:iam::{account}:user/team/ana");
    Caller {
        kind: CallerKind::User,
        account: account.to_owned(),
        principal_arn: arn.clone(),
        arn,
        unique_id: format!("AIDA{account}"),
    }
}

fn session(account: &str) -> Caller {
    Caller {
        kind: CallerKind::Session,
        account: account.to_owned(),
        arn: format!("arn:aws:sts::{account}:assumed-role/app/s1"),
        principal_arn: format!("arn:aws:iam::{account}:role/svc/app"),
        unique_id: format!("AROA{account}"),
    }
}

/// `Encrypt` on a key of account A by a caller that no policy knows yet; the key's policy binds all callers' ARNs.
fn encrypt(caller: Caller) -> Scenario {
    let everyone = [user(A), user(B), session(A), session(B)];
    let bindings = everyone
        .iter()
        .flat_map(|one| [(one.arn.clone(), one.unique_id.clone()), (one.principal_arn.clone(), one.unique_id.clone())]);
    Scenario {
        caller,
        action: "kms:Encrypt".to_owned(),
        resource: Resource::Arn(KEY.to_owned()),
        key: Some(Side {
            account: A.to_owned(),
            policy: policy(json!([])),
            bindings: bindings.collect(),
            rcp_levels: Vec::new(),
            grants: Vec::new(),
        }),
        identity: Vec::new(),
        boundary: None,
        session_policies: None,
        scp_levels: Vec::new(),
        context: BTreeMap::new(),
        encryption_context: BTreeMap::new(),
        new_grant: None,
    }
}

/// The same, where the key's policy has these statements.
fn encrypt_under(caller: Caller, statements: Value) -> Scenario {
    let mut scenario = encrypt(caller);
    scenario.key.as_mut().unwrap().policy = policy(statements);
    scenario
}

fn policy(statements: Value) -> Value {
    json!({"Version": "2012-10-17", "Statement": statements})
}

/// A policy of an identity with one statement about everything.
fn about_all(effect: &str, action: &str) -> Value {
    policy(json!({"Effect": effect, "Action": action, "Resource": "*"}))
}
