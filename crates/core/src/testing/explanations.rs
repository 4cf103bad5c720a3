//! What is explained is what a request gets: asked of each operation on the table, by callers whom some do not answer.

use std::collections::BTreeSet;

use claviger_types::PrincipalArn;
use serde_json::{Value, json};

use crate::table::{self, Row};
use crate::target::ResourceType;
use crate::testing::every_operation::World;
use crate::testing::test_kms::{HOME, Refused, policy, statement, trust};
use crate::testing::test_mfa::Phone;
use crate::testing::test_sessions::Opened;

type Call<'c> = Box<dyn Fn(&str, Value) -> Result<Value, Refused> + 'c>;

#[test]
fn what_is_explained_is_what_a_request_gets() {
    let world = World::new();
    let (kms, away) = (&world.kms, world.kms.away());
    let everything = statement("Allow", "*", "*");
    let explaining = statement("Allow", "claviger:ExplainAccess", "*");
    let user = kms.admin().user("all", &everything);
    let [idle, away_idle] = [kms.admin(), away].map(|admin| admin.user("explaining", &explaining));
    let phone = Phone::enabled(kms, "all", "of-all");
    let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
    kms.ok("CreateRole", json!({"RoleName": "all", "AssumeRolePolicyDocument": trust(HOME)}));
    let document = policy(&everything);
    kms.ok("PutRolePolicy", json!({"RoleName": "all", "PolicyName": "p", "PolicyDocument": document}));
    let role = json!({"RoleArn": format!("arn:aws:iam::{HOME}:role/all"), "RoleSessionName": "s1"});
    let plain = Opened::of(kms, &user.ok("GetSessionToken", json!({})));
    let coded = Opened::of(kms, &user.ok("GetSessionToken", code));
    let assumed = Opened::of(kms, &user.ok("AssumeRole", role));
    let callers: [(&str, Call<'_>); 7] = [
        ("a user", Box::new(|name, body| user.call(name, body))),
        ("one without policies", Box::new(|name, body| idle.call(name, body))),
        ("a user of another account", Box::new(|name, body| away.call(name, body))),
        ("one of it without policies", Box::new(|name, body| away_idle.call(name, body))),
        ("a user's session", Box::new(|name, body| plain.call(name, body))),
        ("one with a code", Box::new(|name, body| coded.call(name, body))),
        ("a role's session", Box::new(|name, body| assumed.call(name, body))),
    ];
    let mut reasons = BTreeSet::new();
    for row in table::rows().iter().filter(|row| row.resource_type == ResourceType::Other) {
        let mut sample = world.sample(row.name);
        if ["DescribeAccount", "ListAccountTags"].contains(&row.name) {
            sample["AccountId"] = json!(HOME);
        }
        for (who, call) in &callers {
            let asked = json!({"Action": row.asked.action.to_string(), "Resource": resource(row, &sample)});
            let explained = call("ExplainAccess", asked).unwrap();
            kms.store.refuse_commits(true);
            let refused = call(row.name, sample.clone()).err().filter(is_about_the_caller);
            kms.store.refuse_commits(false);
            let want = if refused.is_some() { "Deny" } else { "Allow" };
            assert_eq!(explained["Decision"], want, "{} by {who}: {refused:?}, {explained:#}", row.name);
            reasons.insert(explained["Reason"].as_str().unwrap().to_owned());
        }
    }
    let want = [
        "FirstAccountOnly",
        "IdentityPolicy",
        "NoPermissionNeeded",
        "NotAcrossAccounts",
        "NothingAllows",
        "SessionCredentials",
    ];
    assert_eq!(reasons, want.map(str::to_owned).into());
}

/// What the operation is asked on, where the request names it by an ARN or is about an account.
fn resource(row: &Row, sample: &Value) -> String {
    let named = |member: &str| sample[member].as_str().map(str::to_owned);
    let account = || named("AccountId")?.parse().ok().map(|account| PrincipalArn::Root(account).to_string());
    let of_entity = ["GroupName", "RoleName", "UserName"].iter().any(|member| named(member).is_some());
    let resource = match row.name {
        "ExplainAccess" | "RevokeSessions" => named("PrincipalArn"),
        "ListRetirableGrants" => named("RetiringPrincipal"),
        "SimulatePrincipalPolicy" => named("PolicySourceArn"),
        _ if of_entity => None,
        _ => account().or_else(|| named("PolicyArn")),
    };
    resource.unwrap_or("*".into())
}

/// Whether who calls is not allowed it. Other refusals come after that.
fn is_about_the_caller(refused: &Refused) -> bool {
    refused.code.starts_with("AccessDenied") || refused.code == "InvalidClientTokenId"
}
