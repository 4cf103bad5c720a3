//! The authorization matrix: each operation of the table, by each kind of principal, allowed or not, and by which
//! statement. It stands as a text in `tests/authorization-matrix.txt`, so that a change of who may do what is read in a
//! diff. CLAVIGER_WRITE_SNAPSHOT=1 writes it anew.

use std::fmt::Write;

use claviger_types::{AccessKeyId, ServiceName};
use serde_json::{Value, json};

use crate::table::{self, Row};
use crate::testing::every_operation::{FREE, World};
use crate::testing::test_kms::{AWAY, HOME, NOT_COMMITTED, Refused, Session, policy};
use crate::testing::test_sessions::Opened;

const SNAPSHOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/authorization-matrix.txt");

/// The kinds of principal, in the order of the lines, each with what it is.
const KINDS: [(&str, &str); 12] = [
    ("admin", "user of the account with AdministratorAccess; the key policy lets the account in"),
    ("matching", "user of the account with an identity policy for the action; the key policy lets the account in"),
    ("account-only", "user of the account without identity policy; the key policy lets the account in"),
    ("in-key-policy", "user of the account without identity policy; the key policy names it"),
    ("granted", "user of the account without identity policy; a grant on the key gives the operation"),
    ("role-session", "session of a role with an identity policy for the action; the key policy lets the account in"),
    ("session-policy", "the same, opened with a session policy that allows reading alone"),
    ("role-in-policy", "session of a role without identity policy; the key policy names the role"),
    ("nobody", "user of the account without identity policy; the key policy names the admin alone"),
    ("other-both-yes", "user of another account with an identity policy; the key policy lets its account in"),
    ("other-no-own-yes", "user of another account without identity policy; the key policy names it"),
    ("other-not-let-in", "user of another account with an identity policy; the key policy does not let it in"),
];

/// Those for whom an operation that is not about a key differs.
const WITHOUT_KEY: [&str; 5] = ["admin", "matching", "role-session", "session-policy", "nobody"];

/// The role of the kinds that are sessions.
const ROLE: &str = "arn:aws:iam::111122223333:role/asking";

/// What the session policy of a narrowed session allows.
const READING: &str = r#"{"Sid": "Reading", "Effect": "Allow", "Resource": "*", "Action": [
    "claviger:Describe*", "claviger:List*", "iam:Get*", "iam:List*", "kms:Describe*", "kms:Get*", "kms:List*"
]}"#;

const HEAD: &str = "\
Who may do what, and by which statement: each operation of the service, asked by each kind of principal with a request
that is in order. `yes` names the statements that allow, by layer, policy and place from 0; `no` says what is lacking.
Operations that are not about a key are asked by the first kinds and by a user without any policy. An account's root has
no access key, so it calls nothing. A session policy only takes away: it is named where it refuses.

";

#[test]
fn the_matrix_is_as_written() {
    let matrix = matrix();
    if std::env::var_os("CLAVIGER_WRITE_SNAPSHOT").is_some() {
        std::fs::write(SNAPSHOT, &matrix).unwrap();
        return;
    }
    let written = std::fs::read_to_string(SNAPSHOT).unwrap_or_default();
    let differs = written.lines().zip(matrix.lines()).find(|(written, found)| written != found);
    assert!(written == matrix, "{SNAPSHOT} differs, at first {differs:#?}: CLAVIGER_WRITE_SNAPSHOT=1 writes it anew");
}

fn matrix() -> String {
    let mut text = String::from(HEAD);
    let answers = KINDS.map(|(kind, what)| {
        writeln!(text, "  {kind:<17}{what}").unwrap();
        let principal = Asking::new(kind);
        table::rows().iter().map(|row| principal.answer(row)).collect::<Vec<_>>()
    });
    for row in table::rows() {
        writeln!(text, "\n{}:{}", row.service, row.name).unwrap();
        for ((kind, _), answers) in KINDS.iter().zip(&answers) {
            if let Some(answer) = &answers[row.index] {
                writeln!(text, "  {kind:<17}{answer}").unwrap();
            }
        }
    }
    text
}

/// A principal of a kind, in a world in which its requests change nothing.
struct Asking {
    kind: &'static str,
    world: World,
    access_key_id: AccessKeyId,
    /// The answer of AssumeRole, if a session of the role `asking` asks.
    assumed: Option<Value>,
}

impl Asking {
    fn new(kind: &'static str) -> Self {
        let world = World::new();
        let (home, away) = (world.kms.admin(), world.kms.away());
        let caller = match kind {
            "admin" => home,
            _ if is_away(kind) => away.user("asking", ""),
            _ => home.user("asking", ""),
        };
        let assumed = is_session(kind).then(|| {
            world.kms.role("asking");
            let mut body = json!({"RoleArn": ROLE, "RoleSessionName": "s1"});
            if kind == "session-policy" {
                body["Policy"] = json!(policy(READING));
            }
            home.ok("AssumeRole", body)
        });
        let named = match kind {
            "role-in-policy" => Some(ROLE.to_owned()),
            "in-key-policy" | "other-no-own-yes" => Some(caller.arn()),
            "other-both-yes" => Some(AWAY.to_owned()),
            _ => None,
        };
        let keeper = if kind == "nobody" { home.arn() } else { HOME.to_owned() };
        let statement = |(sid, principal): (&str, String)| {
            json!({"Sid": sid, "Effect": "Allow", "Principal": {"AWS": principal}, "Action": "kms:*", "Resource": "*"})
                .to_string()
        };
        let named = named.map(|principal| ("Named", principal));
        let statements: Vec<_> = [("Account", keeper)].into_iter().chain(named).map(statement).collect();
        for key in [&world.key, &world.hmac_key, &world.spare_key, &world.pending_key] {
            home.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy(&statements.join(","))}));
        }
        let access_key_id = caller.access_key_id;
        Self { kind, world, access_key_id, assumed }
    }

    /// What a request gets, and why; nothing if there is no such principal for the operation.
    fn answer(&self, row: &Row) -> Option<String> {
        let kms = &self.world.kms;
        let (caller, mut body) = (kms.session(self.access_key_id), self.world.sample(row.name));
        let keys = keys_of(row, &body, &self.world);
        // The names of aliases are those of one's own account.
        let alias = ["DeleteAlias", "UpdateAlias"].contains(&row.name);
        if (keys.is_empty() && !WITHOUT_KEY.contains(&self.kind)) || (is_away(self.kind) && alias) {
            return None;
        }
        if ["matching", "role-session", "session-policy", "other-both-yes", "other-not-let-in"].contains(&self.kind) {
            let owner = if is_away(self.kind) { kms.away() } else { kms.admin() };
            let matching = json!({"Sid": "Matching", "Effect": "Allow", "Action": actions(row), "Resource": "*"});
            let document = policy(&matching.to_string());
            let kind = if self.assumed.is_some() { "Role" } else { "User" };
            let body = json!({format!("{kind}Name"): "asking", "PolicyName": "p", "PolicyDocument": document});
            owner.ok(&format!("Put{kind}Policy"), body);
        }
        if self.kind == "granted" && !grant(&self.world, row, caller) {
            return None;
        }
        if is_away(self.kind) {
            name_by_arn(&self.world, &mut body);
        }
        let explained = if self.assumed.is_some() { ROLE.to_owned() } else { caller.arn() };
        let own = caller.account() == kms.admin().account();
        let why = why(&self.world, (own, explained), row, keys.first().copied(), body.get("RoleArn"));
        kms.store.refuse_commits(true);
        let answer = match &self.assumed {
            Some(assumed) => Opened::of(kms, assumed).call(row.name, body),
            None => caller.call(row.name, body),
        };
        kms.store.refuse_commits(false);
        Some(match answer {
            Err(refusal) if !refusal.message.ends_with(NOT_COMMITTED) => refused(&refusal, &why),
            _ => format!("yes  {why}"),
        })
    }
}

fn is_away(kind: &str) -> bool {
    kind.starts_with("other-")
}

fn is_session(kind: &str) -> bool {
    ["role-session", "session-policy", "role-in-policy"].contains(&kind)
}

fn refused(refusal: &Refused, why: &str) -> String {
    let Some((_, text)) = refusal.message.split_once(" is not authorized to perform: ") else {
        // It is let in, and refused for another reason, such as that it would lock itself out.
        return format!("yes  {why}; then {}", refusal.code);
    };
    if text.contains("does not exist in this Region") {
        return "no   as if there were no such key".into();
    }
    match text.find(" because ").or_else(|| text.find(" with ")) {
        Some(reason) => format!("no   {}", &text[reason + 1..]),
        // STS tells no reason.
        None => "no   without a reason".into(),
    }
}

/// The keys that the operation is asked on, first the one that is explained.
fn keys_of<'w>(row: &Row, body: &Value, world: &'w World) -> Vec<&'w str> {
    let all = [&world.key, &world.hmac_key, &world.spare_key, &world.pending_key];
    let named = |member: &str| all.into_iter().find(|key| body[member] == ***key).map(String::as_str);
    match row.name {
        _ if row.service != ServiceName::Kms => Vec::new(),
        "Decrypt" => vec![&world.key],
        "DeleteAlias" => vec![&world.key],
        "ReEncrypt" | "UpdateAlias" => vec![&world.key, &world.spare_key],
        _ => ["KeyId", "TargetKeyId"].into_iter().find_map(named).into_iter().collect(),
    }
}

/// Keys of other accounts are named by their ARNs.
fn name_by_arn(world: &World, body: &mut Value) {
    for member in ["DestinationKeyId", "KeyId", "TargetKeyId"] {
        if let Some(id) = body.get(member).and_then(Value::as_str) {
            body[member] = json!(world.kms.admin().key_arn(id));
        }
    }
}

/// What identity and key policies call the operation, with what it asks for on the way.
fn actions(row: &Row) -> Vec<String> {
    match row.name {
        "CreateKey" => ["CreateKey", "PutKeyPolicy", "TagResource"].map(|name| format!("kms:{name}")).into(),
        "ReEncrypt" => vec!["kms:ReEncryptFrom".into(), "kms:ReEncryptTo".into()],
        name => vec![format!("{}:{name}", row.service)],
    }
}

/// Grants the operation on each key that can be used for it; whether there is one.
fn grant(world: &World, row: &Row, grantee: Session<'_>) -> bool {
    let operations = match row.name {
        // No more than the grant itself permits can be passed on.
        "CreateGrant" => vec!["CreateGrant", "Decrypt", "Encrypt"],
        "ReEncrypt" => vec!["ReEncryptFrom", "ReEncryptTo"],
        name => vec![name],
    };
    let granted = [&world.key, &world.hmac_key, &world.spare_key].map(|key| {
        let body = json!({"KeyId": key, "GranteePrincipal": grantee.arn(), "Operations": operations});
        world.kms.call("CreateGrant", body).is_ok()
    });
    granted.contains(&true)
}

/// The statements that allow, as ExplainAccess tells them to the caller's own account.
fn why(world: &World, who: (bool, String), row: &Row, key: Option<&str>, role: Option<&Value>) -> String {
    let (own, principal) = who;
    if FREE.contains(&row.name) {
        return "needs no permission".into();
    }
    let asker = if own { world.kms.admin() } else { world.kms.away() };
    let mut body = json!({"PrincipalArn": principal, "Action": row.asked.action.to_string()});
    if let Some(key) = key {
        body["KeyId"] = json!(world.kms.admin().key_arn(key));
    }
    if let Some(role) = role {
        body["Resource"] = role.clone();
    }
    let Ok(told) = asker.call("ExplainAccess", body) else {
        return "as the one whom the grant names, or by identity".into();
    };
    let deciding = told["DecidingStatements"].as_array().unwrap().iter().map(shown);
    // Whether a grant can be passed on depends on the new one.
    let depends = told["Decision"] == "Depends" && !told["Grants"].as_array().unwrap().is_empty();
    let grant = (depends || told.get("DecidingGrantId").is_some()).then(|| "Grant".to_owned());
    let hidden =
        (told["Reason"] == "ResourcePolicyOfAnotherAccount").then(|| "ResourcePolicy of the other account".into());
    hidden.into_iter().chain(deciding).chain(grant).collect::<Vec<_>>().join(" + ")
}

fn shown(statement: &Value) -> String {
    let text = |member: &str| statement[member].as_str();
    let policy = text("PolicyArn").map(|arn| arn.rsplit('/').next().unwrap()).or(text("PolicyName"));
    let policy = policy.map(|name| format!(" {name}")).unwrap_or_default();
    let sid = text("Sid").map(|sid| format!(" {sid}")).unwrap_or_default();
    format!("{}{policy}[{}]{sid}", text("Layer").unwrap(), statement["StatementIndex"])
}
