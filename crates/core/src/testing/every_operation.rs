//! Tests that iterate the table of operations, so that a new one is covered on its first day: it needs a sample here.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claviger_types::ServiceName;
use serde_json::{Value, json};

use crate::table;
use crate::testing::organization::Organization;
use crate::testing::test_kms::{
    AWAY, HOME, REGION, Refused, TestKms, is_command, policy, refused, statement, trust, violation,
};
use crate::testing::test_mfa::{Phone, from_base32};
use crate::testing::test_model;

/// What the samples refer to, in the first account.
pub(crate) struct World {
    pub(crate) kms: TestKms,
    pub(super) key: String,
    pub(super) spare_key: String,
    pub(super) hmac_key: String,
    pub(super) pending_key: String,
    ciphertext: String,
    mac: String,
    user_key: String,
    /// A device that the user enabled, and one that is nobody's.
    phones: [Phone; 2],
    grant_ids: [String; 2],
    organization: Organization,
}

/// Base64 of a plaintext that no store, log or error may ever hold.
const PLAINTEXT: &str = "Q0FOQVJZIGluIHRoZSBwbGFpbnRleHQ=";

/// Base64 of `{"Records": []}`, packed by gzip.
const NO_RECORDS: &str = "H4sIAAAAAAACA6tWCkpNzi9KKVayUoiOrQUAbz53BA8AAAA=";

const GRANT_TOKEN: &str = "CANARYinTheGrantToken";

const CODE: &str = "CANARY in the code";

/// As CreateAccount is given it.
const SECRET: &str = "CANARYinTheSecretAccessKey/0123456789+ab";

impl World {
    pub(crate) fn new() -> Self {
        let kms = TestKms::new();
        let (key, spare_key, hmac_key) = (kms.key(), kms.key(), kms.admin().key("HMAC_256"));
        let pending_key = kms.key();
        kms.ok("ScheduleKeyDeletion", json!({"KeyId": pending_key}));
        kms.ok("CreateAlias", json!({"AliasName": "alias/sample", "TargetKeyId": key}));
        kms.ok("TagResource", json!({"KeyId": key, "Tags": [{"TagKey": "team", "TagValue": "blue"}]}));
        let ciphertext = kms.admin().encrypt(&key, PLAINTEXT);
        let mac = json!({"KeyId": hmac_key, "Message": PLAINTEXT, "MacAlgorithm": "HMAC_SHA_256"});
        let mac = kms.ok("GenerateMac", mac)["Mac"].as_str().unwrap().to_owned();
        kms.ok("CreateUser", json!({"UserName": "idle"}));
        let user = kms.admin().user("sample", &statement("Allow", "kms:ListKeys", "*"));
        let user_key = user.access_key_id.to_string();
        identities(&kms);
        let mut phones = [Phone::enabled(&kms, "sample", "used"), Phone::made(&kms, "spare")];
        phones[0].ahead_steps = 2;
        let organization = Organization::new(&kms);
        let mut world = Self {
            kms,
            key,
            spare_key,
            hmac_key,
            pending_key,
            ciphertext,
            mac,
            user_key,
            phones,
            grant_ids: Default::default(),
            organization,
        };
        world.grant_ids = [0, 1].map(|_| {
            let grant = world.kms.ok("CreateGrant", world.sample("CreateGrant"));
            grant["GrantId"].as_str().unwrap().to_owned()
        });
        world
    }

    /// The same for users, groups, roles and managed policies.
    fn identity_sample(&self, operation: &str) -> Option<Value> {
        let entity = |kinds: &[&str], of: &dyn Fn(&str) -> Option<Value>| {
            let kind = kinds.iter().find(|kind| operation.contains(*kind))?;
            let name = json!({format!("{kind}Name"): "sample"});
            let Value::Object(mut members) = of(&operation.replacen(kind, "", 1))? else { return None };
            members.extend(name.as_object().unwrap().clone());
            Some(Value::Object(members))
        };
        let document = || policy(&statement("Allow", "kms:Encrypt", "*"));
        let arn = |name: &str| format!("arn:aws:iam::{HOME}:policy/{name}");
        let tags = || json!([{"Key": "a", "Value": "b"}]);
        Some(match operation {
            "AddUserToGroup" => json!({"UserName": "idle", "GroupName": "idle"}),
            "RemoveUserFromGroup" => json!({"UserName": "sample", "GroupName": "sample"}),
            "CreateGroup" => json!({"GroupName": "new"}),
            "CreateRole" => json!({"RoleName": "new", "AssumeRolePolicyDocument": trust(HOME)}),
            "CreatePolicy" => json!({"PolicyName": "new", "PolicyDocument": document()}),
            "DeleteGroup" => json!({"GroupName": "idle"}),
            "DeleteRole" => json!({"RoleName": "idle"}),
            "DeletePolicy" => json!({"PolicyArn": arn("idle")}),
            "GetPolicy" | "ListEntitiesForPolicy" | "ListPolicyTags" | "ListPolicyVersions" => {
                json!({"PolicyArn": arn("sample")})
            }
            "TagPolicy" => json!({"PolicyArn": arn("sample"), "Tags": tags()}),
            "UntagPolicy" => json!({"PolicyArn": arn("sample"), "TagKeys": ["team"]}),
            "CreatePolicyVersion" => json!({"PolicyArn": arn("sample"), "PolicyDocument": document()}),
            "DeletePolicyVersion" | "GetPolicyVersion" | "SetDefaultPolicyVersion" => {
                json!({"PolicyArn": arn("sample"), "VersionId": "v2"})
            }
            "CreateAccountAlias" => json!({"AccountAlias": "new-alias"}),
            "DeleteAccountAlias" => json!({"AccountAlias": "sample-alias"}),
            "GetAccountAuthorizationDetails"
            | "GetAccountSummary"
            | "ListAccountAliases"
            | "ListGroups"
            | "ListPolicies"
            | "ListRoles" => json!({}),
            "UpdateAccessKey" => json!({"UserName": "sample", "AccessKeyId": self.user_key, "Status": "Inactive"}),
            "ListGroupsForUser" => json!({"UserName": "sample"}),
            "SimulateCustomPolicy" => json!({"PolicyInputList": [document()], "ActionNames": ["kms:Encrypt"]}),
            "SimulatePrincipalPolicy" => {
                json!({"PolicySourceArn": user_arn("sample"), "ActionNames": ["kms:ListKeys"]})
            }
            "UpdateAssumeRolePolicy" => json!({"RoleName": "sample", "PolicyDocument": trust(HOME)}),
            "UpdateRoleDescription" => json!({"RoleName": "sample", "Description": "new"}),
            "UpdateRole" => json!({"RoleName": "sample", "MaxSessionDuration": 7200}),
            "UpdateUser" => json!({"UserName": "sample", "NewUserName": "renamed"}),
            "UpdateGroup" => json!({"GroupName": "sample", "NewGroupName": "renamed"}),
            "ListInstanceProfilesForRole" => json!({"RoleName": "sample"}),
            _ => {
                return entity(&["User", "Group", "Role"], &|rest| {
                    Some(match rest {
                        "AttachPolicy" => json!({"PolicyArn": "arn:aws:iam::aws:policy/ReadOnlyAccess"}),
                        "DetachPolicy" => json!({"PolicyArn": arn("sample")}),
                        "PutPolicy" => json!({"PolicyName": "q", "PolicyDocument": document()}),
                        "GetPolicy" | "DeletePolicy" => json!({"PolicyName": "p"}),
                        "PutPermissionsBoundary" => json!({"PermissionsBoundary": arn("sample")}),
                        "Tag" => json!({"Tags": tags()}),
                        "Untag" => json!({"TagKeys": ["team"]}),
                        "Get" | "ListPolicies" | "ListAttachedPolicies" | "ListTags" | "DeletePermissionsBoundary" => {
                            json!({})
                        }
                        _ => return None,
                    })
                });
            }
        })
    }

    /// A request of the operation that the first account's admin may make, and that succeeds.
    pub(crate) fn sample(&self, operation: &str) -> Value {
        let Self { key, hmac_key, phones: [used, spare], .. } = self;
        let codes = |phone: &Phone| {
            let [first, second] = phone.two_codes();
            phone.body("sample", &first, &second)
        };
        let one_key = json!({"KeyId": key});
        let data_key = json!({"KeyId": key, "KeySpec": "AES_256", "EncryptionContext": {"purpose": "sample"}});
        let mac = json!({"KeyId": hmac_key, "Message": PLAINTEXT, "MacAlgorithm": "HMAC_SHA_256"});
        match operation {
            "AssumeRole" => {
                json!({"RoleArn": format!("arn:aws:iam::{HOME}:role/sample"), "RoleSessionName": "s1"})
            }
            "CancelKeyDeletion" => json!({"KeyId": self.pending_key}),
            "CreateAccessKey" => json!({"UserName": "sample"}),
            "CreateAccount" => json!({"Name": "n", "AccessKeyId": "AKIAAAAAAAAAAAAAAAAA", "SecretAccessKey": SECRET}),
            "CreateAlias" => json!({"AliasName": "alias/new", "TargetKeyId": key}),
            "CreateGrant" => json!({
                "KeyId": key, "GranteePrincipal": user_arn("sample"), "RetiringPrincipal": user_arn("idle"),
                "Operations": ["Decrypt", "Encrypt"], "Constraints": {"EncryptionContextSubset": {"purpose": "sample"}},
            }),
            "CreateKey" => json!({"Description": "sample", "Tags": [{"TagKey": "a", "TagValue": ""}]}),
            "CreateVirtualMFADevice" => json!({"VirtualMFADeviceName": "new"}),
            "CreateUser" => json!({"UserName": "new", "Path": "/team/"}),
            "Decrypt" => json!({"CiphertextBlob": self.ciphertext}),
            "DeleteAccessKey" => json!({"UserName": "sample", "AccessKeyId": self.user_key}),
            "DeactivateMFADevice" => json!({"UserName": "sample", "SerialNumber": used.serial_number}),
            "DeleteVirtualMFADevice" => json!({"SerialNumber": spare.serial_number}),
            "EnableMFADevice" => codes(spare),
            "GetAccessKeyInfo" | "GetAccessKeyLastUsed" => json!({"AccessKeyId": self.user_key}),
            "ResyncMFADevice" => codes(used),
            "RevokeSessions" => json!({"PrincipalArn": format!("arn:aws:iam::{HOME}:user/sample")}),
            "DeleteAlias" => json!({"AliasName": "alias/sample"}),
            "DeleteUser" => json!({"UserName": "idle"}),
            "Encrypt" => json!({"KeyId": key, "Plaintext": PLAINTEXT, "EncryptionContext": {"purpose": "sample"}}),
            "GenerateDataKey" | "GenerateDataKeyWithoutPlaintext" => data_key,
            "GenerateMac" => mac,
            "GenerateRandom" => json!({"NumberOfBytes": 32}),
            "ExplainAccess" => json!({"PrincipalArn": user_arn("sample"), "Action": "kms:Encrypt", "KeyId": key}),
            "ImportCloudTrail" => json!({"AccountId": HOME, "Records": NO_RECORDS}),
            "LookupEvents" => {
                json!({"LookupAttributes": [{"AttributeKey": "EventName", "AttributeValue": "CreateKey"}]})
            }
            "ListAccessKeys" | "ListMFADevices" => json!({"UserName": "sample"}),
            "ListRetirableGrants" => json!({"RetiringPrincipal": user_arn("idle")}),
            "PutKeyPolicy" => {
                json!({"KeyId": key, "Policy": crate::keys::policies::default_document(HOME.parse().unwrap())})
            }
            "RetireGrant" => json!({"KeyId": key, "GrantId": self.grant_ids[0]}),
            "RevokeGrant" => json!({"KeyId": key, "GrantId": self.grant_ids[1]}),
            "ReEncrypt" => json!({"CiphertextBlob": self.ciphertext, "DestinationKeyId": self.spare_key}),
            "SetDevClock" => json!({"Now": self.kms.now() + Duration::from_secs(3600)}),
            "TagResource" => json!({"KeyId": key, "Tags": [{"TagKey": "a", "TagValue": "b"}]}),
            "UntagResource" => json!({"KeyId": key, "TagKeys": ["team"]}),
            "UpdateAlias" => json!({"AliasName": "alias/sample", "TargetKeyId": self.spare_key}),
            "UpdateKeyDescription" => json!({"KeyId": key, "Description": "new"}),
            "VerifyMac" => {
                json!({"KeyId": hmac_key, "Message": PLAINTEXT, "Mac": self.mac, "MacAlgorithm": "HMAC_SHA_256"})
            }
            "DescribeKey"
            | "DisableKey"
            | "EnableKey"
            | "GetKeyLastUsage"
            | "GetKeyPolicy"
            | "GetKeyRotationStatus"
            | "ListGrants"
            | "ListKeyPolicies"
            | "ListResourceTags"
            | "ScheduleKeyDeletion" => one_key,
            "GetCallerIdentity"
            | "GetSessionToken"
            | "ListAliases"
            | "ListKeys"
            | "ListUsers"
            | "ListVirtualMFADevices"
            | "RotateAuditKey"
            | "RotateClusterKey"
            | "RotateDomainKeys" => {
                json!({})
            }
            other => self
                .identity_sample(other)
                .unwrap_or_else(|| self.organization.sample(other, &self.kms.admin().key_arn(key))),
        }
    }
}

/// Operations that need no permission. Source: STS API reference, GetCallerIdentity and GetSessionToken.
pub(super) const FREE: [&str; 2] = ["GetCallerIdentity", "GetSessionToken"];

fn user_arn(name: &str) -> String {
    format!("arn:aws:iam::{HOME}:user/{name}")
}
/// Makes what the samples refer to: of each kind one that holds everything, and one that is idle.
fn identities(kms: &TestKms) {
    let (document, tags) =
        (policy(&statement("Allow", "kms:ListKeys", "*")), json!([{"Key": "team", "Value": "blue"}]));
    let arn = kms.policy("sample", &statement("Allow", "kms:ListKeys", "*"));
    kms.ok("CreatePolicyVersion", json!({"PolicyArn": arn, "PolicyDocument": document}));
    kms.ok("TagPolicy", json!({"PolicyArn": arn, "Tags": tags}));
    kms.policy("idle", &statement("Allow", "kms:ListKeys", "*"));
    for name in ["sample", "idle"] {
        kms.ok("CreateGroup", json!({"GroupName": name}));
        kms.role(name);
    }
    for kind in ["User", "Group", "Role"] {
        let name = format!("{kind}Name");
        kms.ok(&format!("Attach{kind}Policy"), json!({&name: "sample", "PolicyArn": arn}));
        let inline = json!({&name: "sample", "PolicyName": "p", "PolicyDocument": document});
        kms.ok(&format!("Put{kind}Policy"), inline);
        if kind != "Group" {
            kms.ok(&format!("Tag{kind}"), json!({&name: "sample", "Tags": tags}));
            let boundary =
                json!({&name: "sample", "PermissionsBoundary": "arn:aws:iam::aws:policy/AdministratorAccess"});
            kms.ok(&format!("Put{kind}PermissionsBoundary"), boundary);
        }
    }
    kms.ok("AddUserToGroup", json!({"GroupName": "sample", "UserName": "sample"}));
    kms.ok("CreateAccountAlias", json!({"AccountAlias": "sample-alias"}));
}

/// The harness judges each reply by its model, and the commits and events of each request, on the way.
#[test]
fn samples_succeed() {
    for row in table::rows() {
        let world = World::new();
        world.kms.ok(row.name, world.sample(row.name));
    }
}

#[test]
fn a_stranger_is_refused() {
    let world = World::new();
    let stranger = world.kms.admin().user("stranger", "");
    for row in table::rows() {
        let answer = stranger.call(row.name, world.sample(row.name));
        if FREE.contains(&row.name) {
            assert!(answer.is_ok(), "{}: {answer:?}", row.name);
            continue;
        }
        let refusal = answer.expect_err(row.name);
        assert!(refusal.code.starts_with("AccessDenied"), "{}: {refusal:?}", row.name);
        let asked = match row.name {
            "ReEncrypt" => "kms:ReEncryptFrom".to_owned(),
            name => format!("{}:{name}", row.service),
        };
        let begins = format!("User: {} is not authorized to perform: {asked} ", stranger.arn());
        assert!(refusal.message.starts_with(&begins), "{}: {refusal:?}", row.name);
    }
}

/// An explicit deny in the caller's own policy beats the account's admin policy, for each operation but the free ones.
#[test]
fn a_denied_action_is_refused() {
    let world = World::new();
    let everything = statement("Allow", "*", "*");
    for (index, row) in table::rows().iter().enumerate() {
        let action =
            if row.name == "ReEncrypt" { "kms:ReEncrypt*".into() } else { format!("{}:{}", row.service, row.name) };
        let denied = format!("{everything},{}", statement("Deny", &action, "*"));
        let caller = world.kms.admin().user(&format!("denied-{index}"), &denied);
        let answer = caller.call(row.name, world.sample(row.name));
        if FREE.contains(&row.name) {
            assert!(answer.is_ok(), "{}: {answer:?}", row.name);
        } else {
            let message = answer.expect_err(row.name).message;
            // A role that is to be assumed may be anybody's: no reason is told.
            let reason = " with an explicit deny in an identity-based policy";
            assert!(message.ends_with(reason) || row.name == "AssumeRole", "{}: {message}", row.name);
        }
    }
}

/// The first account's rows refuse the other account's admin, who may do everything in its own.
#[test]
fn only_the_first_account_acts_on_the_deployment() {
    let world = World::new();
    let everybodys = ["DescribeOrganization", "ExplainAccess", "RevokeSessions", "RotateDomainKeys"];
    let own = table::rows().iter().filter(|row| row.service == ServiceName::Claviger);
    for row in own.filter(|row| !everybodys.contains(&row.name)) {
        let mut body = world.sample(row.name);
        if body.get("AccountId").is_some() {
            body["AccountId"] = json!(HOME);
        }
        let refusal = world.kms.away().call(row.name, body).expect_err(row.name);
        assert_eq!(refusal.code, "AccessDeniedException", "{}", row.name);
        assert!(refusal.message.ends_with(" because only the deployment's first account may do this"), "{refusal:?}");
    }
}

/// A conflict makes a command decide again, with the same result for its caller.
#[test]
fn conflicts_are_met_by_deciding_again() {
    for row in table::rows().iter().filter(|row| is_command(row)) {
        let world = World::new();
        world.kms.store.interfere(3);
        world.kms.ok(row.name, world.sample(row.name));
    }
}

/// A store that fails, or does not know, is the service's fault; whoever asks again gets an answer.
#[test]
fn a_failing_store_is_an_internal_error() {
    use claviger_storage::Fault::{Failed, UnknownLost, UnknownWritten};
    for fault in [Failed, UnknownLost, UnknownWritten] {
        for row in table::rows().iter().filter(|row| is_command(row)) {
            let world = World::new();
            let sample = world.sample(row.name);
            world.kms.store.fail_next(fault);
            let refusal = world.kms.call(row.name, sample).expect_err(row.name);
            let code = if row.service == ServiceName::Iam { "ServiceFailure" } else { "KMSInternalException" };
            assert_eq!(refusal.code, code, "{} {fault:?}", row.name);
            world.kms.key();
        }
    }
}

/// Requests with a key identifier at `member`, one for each operation that takes one.
fn by_key_identifier(world: &World) -> Vec<(&'static str, String, Value)> {
    let members = ["DestinationKeyId", "KeyId", "TargetKeyId"];
    let takes = |row: &'static table::Row| {
        let known = test_model::input_members(row);
        let member = members.iter().find(|member| known.iter().any(|(name, _)| name == *member))?;
        Some((row.name, (*member).to_owned(), world.sample(row.name)))
    };
    table::rows().iter().filter(|row| row.service == ServiceName::Kms).filter_map(takes).collect()
}

fn with(mut body: Value, member: &str, value: impl Into<Value>) -> Value {
    body[member] = value.into();
    body
}

/// Operations that take aliases. Source: API reference, KeyId of each.
const ALIASES_TAKEN: [&str; 8] = [
    "Decrypt",
    "DescribeKey",
    "Encrypt",
    "GenerateDataKey",
    "GenerateDataKeyWithoutPlaintext",
    "GenerateMac",
    "ReEncrypt",
    "VerifyMac",
];

/// All of them reach other accounts, and these do by the key's ARN. RetireGrant does too, by a rule of its own. Source:
/// developer guide, "Allowing users in other accounts to use a KMS key".
const CROSS_ACCOUNT_BY_ARN: [&str; 4] = ["CreateGrant", "GetKeyRotationStatus", "ListGrants", "RevokeGrant"];

/// Source of the texts: observed at AWS; docs/compatibility.md, operations.
#[test]
fn identifiers_that_name_nothing() {
    const ABSENT: &str = "ABCDEF00-0000-4000-8000-000000000000";
    let world = World::new();
    let key_arn = format!("arn:aws:kms:{REGION}:{HOME}:key/");
    let not_found = |message: String| refused("NotFoundException", &message);
    let cases = [
        (ABSENT.to_owned(), not_found(format!("Key '{key_arn}{ABSENT}' does not exist"))),
        (format!("{key_arn}{ABSENT}"), not_found(format!("Key '{key_arn}{ABSENT}' does not exist"))),
        ("foo".to_owned(), not_found("Invalid keyId 'foo'".into())),
        ("mrk-1234".to_owned(), not_found("Invalid keyId 'mrk-1234'".into())),
        (format!("{key_arn}foo"), not_found("Invalid keyId foo".into())),
        (format!("arn:aws:kms:eu-west-1:{HOME}:key/{}", world.key), not_found("Invalid arn eu-west-1".into())),
    ];
    for (operation, member, body) in by_key_identifier(&world) {
        let declared = member == "KeyId" && !ALIASES_TAKEN.contains(&operation);
        let code = if declared { "InvalidArnException" } else { "NotFoundException" };
        let answer = world.kms.call(operation, with(body.clone(), &member, "arn:aws:kms"));
        assert_eq!(answer, Err(refused(code, "Invalid arn arn:aws:kms")), "{operation}");
        for (identifier, want) in &cases {
            let answer = world.kms.call(operation, with(body.clone(), &member, identifier.as_str()));
            assert_eq!(answer.as_ref(), Err(want), "{operation} {identifier}");
        }
        let empty = "2 validation errors detected: Value '' at 'MEMBER' failed to satisfy constraint: Member must have length \
            greater than or equal to 1; Value '' at 'MEMBER' failed to satisfy constraint: Member must satisfy regular \
            expression pattern: ^\\p{ASCII}+$";
        let path = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
        let want = refused("ValidationException", &empty.replace("MEMBER", &path));
        assert_eq!(world.kms.call(operation, with(body, &member, "")), Err(want), "{operation}");
    }
}

/// Source: API reference, KeyId of each operation; the texts were observed at AWS.
#[test]
fn aliases_as_identifiers() {
    let world = World::new();
    world.kms.ok("CreateAlias", json!({"AliasName": "alias/hmac", "TargetKeyId": world.hmac_key}));
    let alias_arn = |region: &str, name: &str| format!("arn:aws:kms:{region}:{HOME}:{name}");
    let missing = alias_arn(REGION, "alias/none");
    for (operation, member, body) in by_key_identifier(&world) {
        let name = if operation.ends_with("Mac") { "alias/hmac" } else { "alias/sample" };
        let call = |identifier: &str| world.kms.call(operation, with(body.clone(), &member, identifier));
        if !ALIASES_TAKEN.contains(&operation) {
            let want = match member.as_str() {
                "TargetKeyId" => refused("ValidationException", "Aliases must refer to keys. Not aliases"),
                _ => refused("InvalidArnException", "Key Aliases are not supported for this operation."),
            };
            for identifier in ["alias/none", name, &missing, &alias_arn("eu-west-1", name)] {
                assert_eq!(call(identifier).as_ref(), Err(&want), "{operation} {identifier}");
            }
            continue;
        }
        for identifier in [name, &alias_arn(REGION, name)] {
            assert!(call(identifier).is_ok(), "{operation} {identifier}");
        }
        let not_found = |message: &str| Err(refused("NotFoundException", message));
        for identifier in ["alias/none", &missing] {
            assert_eq!(call(identifier), not_found(&format!("Alias {missing} is not found.")), "{operation}");
        }
        assert_eq!(call(&alias_arn("eu-west-1", name)), not_found("Invalid arn eu-west-1"), "{operation}");
    }
}

/// Upper-case ids and ARNs of the key itself name it too.
#[test]
fn every_form_of_a_key_that_is_there() {
    for row in table::rows() {
        let world = World::new();
        let Some((_, member, body)) = by_key_identifier(&world).into_iter().find(|(name, ..)| *name == row.name) else {
            continue;
        };
        let id = match row.name {
            "Decrypt" | "ListAliases" => world.key.clone(),
            _ => body[&member].as_str().unwrap().to_owned(),
        };
        let arn = world.kms.admin().key_arn(&id);
        world.kms.ok(row.name, with(body, &member, arn));
    }
}

/// What a caller may learn of another account's keys: nothing. Source: docs/compatibility.md, operations.
#[test]
fn keys_of_another_account() {
    let world = World::new();
    let away = world.kms.away();
    let (closed, open) = (away.key("SYMMETRIC_DEFAULT"), away.key("SYMMETRIC_DEFAULT"));
    let opened = json!({"Statement": [
        {"Effect": "Allow", "Principal": {"AWS": [HOME, AWAY]}, "Action": "kms:*", "Resource": "*"}]});
    away.ok("PutKeyPolicy", json!({"KeyId": open, "Policy": opened.to_string()}));
    away.ok("CreateAlias", json!({"AliasName": "alias/open", "TargetKeyId": open}));
    let absent = "00000000-0000-4000-8000-000000000000";
    let arn = |id: &str| format!("arn:aws:kms:{REGION}:{AWAY}:key/{id}");
    let alias = |name: &str| format!("arn:aws:kms:{REGION}:{AWAY}:{name}");
    let unknown = " on this resource because the resource does not exist in this Region, no resource-based policies allow \
        access, or a resource-based policy explicitly denies access";
    for (operation, member, body) in by_key_identifier(&world) {
        let call = |identifier: &str| world.kms.call(operation, with(body.clone(), &member, identifier));
        let asked = if operation == "ReEncrypt" { "ReEncryptTo" } else { operation };
        let denied = world.kms.admin().denied(&format!("kms:{asked}"), unknown);
        for identifier in [arn(&closed), arn(absent)] {
            assert_eq!(call(&identifier).as_ref(), Err(&denied), "{operation} {identifier}");
        }
        let by_alias = ALIASES_TAKEN.contains(&operation);
        if by_alias || CROSS_ACCOUNT_BY_ARN.contains(&operation) {
            if by_alias {
                assert_eq!(call(&alias("alias/none")).as_ref(), Err(&denied), "{operation}");
            }
            for identifier in [arn(&open), alias("alias/open")].into_iter().take(1 + usize::from(by_alias)) {
                let refusal = call(&identifier).err();
                // The key is let in; that it is none for a MAC or not the ciphertext's is said afterwards.
                let allowed = refusal.as_ref().is_none_or(|refusal| refusal.code != "AccessDeniedException");
                assert!(allowed, "{operation} {identifier}: {refusal:?}");
            }
        } else {
            assert_eq!(call(&arn(&open)).as_ref(), Err(&denied), "{operation}");
        }
        // The bare id is one of the caller's own account.
        let not_found = format!("Key 'arn:aws:kms:{REGION}:{HOME}:key/{open}' does not exist");
        assert_eq!(call(&open), Err(refused("NotFoundException", &not_found)), "{operation}");
    }
}

/// A key's states against the operations. Source: developer guide, "Key states of AWS KMS keys".
#[test]
fn states() {
    let operations = by_key_identifier(&World::new());
    for (operation, member, _) in &operations {
        for state in ["Enabled", "Disabled", "PendingDeletion", "Gone"] {
            let world = World::new();
            let mut body = world.sample(operation);
            if *operation == "Decrypt" {
                body = with(body, "KeyId", world.key.as_str());
            }
            if *operation == "CancelKeyDeletion" {
                body = with(body, member, world.key.as_str());
            }
            let id = body.get(member).and_then(Value::as_str).unwrap_or(&world.key).to_owned();
            let arn = world.kms.admin().key_arn(&id);
            match state {
                "Disabled" => drop(world.kms.ok("DisableKey", json!({"KeyId": id}))),
                "PendingDeletion" => drop(world.kms.ok("ScheduleKeyDeletion", json!({"KeyId": id}))),
                "Gone" => {
                    world.kms.ok("ScheduleKeyDeletion", json!({"KeyId": id, "PendingWindowInDays": 7}));
                    world.kms.pass(Duration::from_secs(7 * 86_400));
                }
                _ => {}
            }
            let answer = world.kms.call(operation, with(body, member, id.as_str()));
            assert_eq!(answer.err(), by_state(operation, state, &arn), "{operation} {state}");
        }
    }
}

fn by_state(operation: &str, state: &str, arn: &str) -> Option<Refused> {
    let invalid = |what: &str| Some(refused("KMSInvalidStateException", &format!("{arn} is {what}.")));
    let uses = [
        "CreateGrant",
        "Decrypt",
        "Encrypt",
        "GenerateDataKey",
        "GenerateDataKeyWithoutPlaintext",
        "GenerateMac",
        "ReEncrypt",
        "VerifyMac",
    ];
    let changes = [
        "CreateAlias",
        "DisableKey",
        "EnableKey",
        "ScheduleKeyDeletion",
        "TagResource",
        "UntagResource",
        "UpdateAlias",
        "UpdateKeyDescription",
    ];
    match (operation, state) {
        (_, "Gone") => Some(refused("NotFoundException", &format!("Key '{arn}' does not exist"))),
        ("CancelKeyDeletion", "PendingDeletion") => None,
        ("CancelKeyDeletion", _) => invalid("not pending deletion"),
        (name, "Disabled") if uses.contains(&name) => {
            Some(refused("DisabledException", &format!("{arn} is disabled.")))
        }
        (name, "PendingDeletion") if uses.contains(&name) || changes.contains(&name) => invalid("pending deletion"),
        _ => None,
    }
}

/// Usage is judged before the state, and the state before the algorithm. Source: docs/compatibility.md, order of checks.
#[test]
fn usage_comes_before_state() {
    let world = World::new();
    let (key, hmac) = (&world.key, &world.hmac_key);
    for id in [key, hmac] {
        world.kms.ok("DisableKey", json!({"KeyId": id}));
    }
    for (operation, id, usage) in [
        ("Encrypt", hmac, "GENERATE_VERIFY_MAC"),
        ("GenerateDataKey", hmac, "GENERATE_VERIFY_MAC"),
        ("GenerateDataKeyWithoutPlaintext", hmac, "GENERATE_VERIFY_MAC"),
        ("GenerateMac", key, "ENCRYPT_DECRYPT"),
        ("VerifyMac", key, "ENCRYPT_DECRYPT"),
    ] {
        let arn = world.kms.admin().key_arn(id);
        let text = format!("{arn} key usage is {usage} which is not valid for {operation}.");
        let answer = world.kms.call(operation, with(world.sample(operation), "KeyId", id.as_str()));
        assert_eq!(answer, Err(refused("InvalidKeyUsageException", &text)), "{operation}");
    }
    let disabled = |id: &str| refused("DisabledException", &format!("{} is disabled.", world.kms.admin().key_arn(id)));
    for (operation, member, algorithm, id) in [
        ("Encrypt", "EncryptionAlgorithm", "RSAES_OAEP_SHA_1", key),
        ("GenerateMac", "MacAlgorithm", "HMAC_SHA_512", hmac),
    ] {
        let answer = world.kms.call(operation, with(world.sample(operation), member, algorithm));
        assert_eq!(answer, Err(disabled(id)), "{operation}");
    }
}

/// DryRun stops after every check, and only then. Source: API reference, DryRun.
#[test]
fn dry_run() {
    let world = World::new();
    let takes = |row: &&'static table::Row| test_model::input_members(row).iter().any(|(name, _)| name == "DryRun");
    let rows: Vec<_> = table::rows().iter().filter(takes).collect();
    assert_eq!(rows.len(), 10);
    let stranger = world.kms.admin().user("stranger", "");
    for row in rows {
        let body = with(world.sample(row.name), "DryRun", true);
        let want =
            refused("DryRunOperationException", "The request would have succeeded, but the DryRun option is set.");
        assert_eq!(world.kms.call(row.name, body.clone()), Err(want), "{}", row.name);
        assert_eq!(stranger.call(row.name, body.clone()).unwrap_err().code, "AccessDeniedException", "{}", row.name);
        assert!(world.kms.call(row.name, with(body, "DryRun", false)).is_ok(), "{}", row.name);
    }
}

/// Each member of the model is taken or refused: none is ignored.
#[test]
fn no_member_is_ignored() {
    let refused_for = |row: &table::Row, member: &str, value: Value| {
        let world = World::new();
        world
            .kms
            .call(row.name, with(world.sample(row.name), member, value))
            .expect_err(&format!("{} {member}", row.name))
    };
    for row in table::rows() {
        for (member, _) in test_model::input_members(row) {
            let value = match member.as_str() {
                "CustomKeyStoreId" => json!("cks-1234567890abcdef0"),
                "DryRunModifiers" => json!(["IGNORE_CIPHERTEXT"]),
                "Constraints" => json!({"SourceArn": "arn:aws:s3:us-east-1:111122223333:bucket"}),
                "GranteeServicePrincipal" | "RetiringServicePrincipal" => json!("s3.us-east-1.amazonaws.com"),
                "MultiRegion" => json!(true),
                "ResourceHandlingOption" => json!("EC2-VPC-InstanceStore"),
                "Origin" => json!("EXTERNAL"),
                "EventCategory" => json!("insight"),
                "Recipient" => json!({"KeyEncryptionAlgorithm": "RSAES_OAEP_SHA_256", "AttestationDocument": "AAAA"}),
                "ResourceOwners" => json!(["OTHER_ACCOUNTS_VIA_RAM"]),
                "MinimumSessionTokenSize" => json!(1),
                "MaxSigninSessionDuration" => json!(3600),
                "ResetMaxSigninSessionDuration" => json!(true),
                "Tags" if row.name == "CreateVirtualMFADevice" => json!([{"Key": "a", "Value": "b"}]),
                "XksKeyId" => json!("xks"),
                _ => continue,
            };
            let refusal = refused_for(row, &member, value);
            let code = if speaks_query(row) { "UnsupportedOperation" } else { "UnsupportedOperationException" };
            assert_eq!(refusal.code, code, "{} {member}: {}", row.name, refusal.message);
            let named = if member == "Constraints" { "SourceArn" } else { &member };
            assert!(refusal.message.contains(named), "{} {member}: {}", row.name, refusal.message);
        }
    }
}

/// A required member that is absent is named; the value of one that is sensitive is not even called null.
#[test]
fn required_members() {
    let world = World::new();
    for row in table::rows() {
        let mut required = test_model::required_members(row);
        if ["Decrypt", "ReEncrypt"].contains(&row.name) {
            // Source: docs/compatibility.md, constraints: the model calls it optional.
            required.push("CiphertextBlob".into());
        }
        for member in required {
            let mut body = world.sample(row.name);
            body.as_object_mut().unwrap().remove(&member).unwrap();
            let value = if ["Message", "Plaintext"].contains(&member.as_str()) { "Value" } else { "Value null" };
            let path = format!("{}{}", member[..1].to_lowercase(), &member[1..]);
            let text = format!("{value} at '{path}' failed to satisfy constraint: Member must not be null");
            let want = Refused { code: validation_code(row).into(), ..violation(&text) };
            assert_eq!(world.kms.call(row.name, body), Err(want), "{} {member}", row.name);
        }
    }
}

fn validation_code(row: &table::Row) -> &'static str {
    if speaks_query(row) { "ValidationError" } else { "ValidationException" }
}

fn speaks_query(row: &table::Row) -> bool {
    matches!(row.service, ServiceName::Iam | ServiceName::Sts)
}

/// Neither what was encrypted nor a secret key is in the store, in an event or in an error.
#[test]
fn secrets_stay_hidden() {
    let mut secrets = BTreeSet::from([SECRET.as_bytes().to_vec(), STANDARD.decode(PLAINTEXT).unwrap()]);
    for row in table::rows() {
        let world = World::new();
        let sample = world.sample(row.name);
        let reply = world.kms.ok(row.name, sample.clone());
        collect(&reply, &mut secrets);
        for body in [
            with(sample.clone(), "EncryptionContext", json!({"wrong": "context"})),
            with(sample.clone(), "GrantTokens", json!([GRANT_TOKEN])),
            with(sample.clone(), "GrantTokens", json!([GRANT_TOKEN.repeat(1000)])),
            with(sample.clone(), "TokenCode", CODE),
            with(sample, "KeyId", "foo"),
        ] {
            let _ = world.kms.call(row.name, body);
        }
        let seen = seen(&world.kms);
        secrets.iter().for_each(|secret| assert_hidden(row.name, secret, &seen));
        // Callers are told what was wrong with theirs; events are not.
        let events = world.kms.events().concat();
        [GRANT_TOKEN, CODE].iter().for_each(|given| assert_hidden(row.name, given.as_bytes(), &events));
    }
    // What was looked for: two that were given, and those of Decrypt, GenerateDataKey, GenerateRandom, CreateAccessKey,
    // CreateGrant, AssumeRole and GetSessionToken (two each) and CreateVirtualMFADevice (two).
    assert!(secrets.len() >= 12, "{} secrets", secrets.len());
}

/// The secrets of a reply.
fn collect(reply: &Value, secrets: &mut BTreeSet<Vec<u8>>) {
    for (name, value) in reply.as_object().into_iter().flatten() {
        match (name.as_str(), value) {
            ("Plaintext", Value::String(text)) => drop(secrets.insert(STANDARD.decode(text).unwrap())),
            ("GrantToken" | "SecretAccessKey" | "SessionToken", Value::String(text)) => {
                secrets.extend([text.clone().into_bytes()]);
            }
            ("Base32StringSeed", Value::String(text)) => {
                let text = STANDARD.decode(text).unwrap();
                secrets.extend([from_base32(&text), text]);
            }
            _ => collect(value, secrets),
        }
    }
}

/// All bytes that were ever written, and all texts of refusals.
fn seen(kms: &TestKms) -> Vec<u8> {
    let mut seen = Vec::new();
    for write in kms.store.commits_since(0).into_iter().flat_map(|commit| commit.writes) {
        if let claviger_storage::Write::Put { path, value } = write {
            seen.extend_from_slice(path.as_bytes());
            seen.extend_from_slice(&value);
        }
    }
    kms.events().iter().for_each(|event| seen.extend_from_slice(event));
    kms.refusals().iter().for_each(|text| seen.extend_from_slice(text.as_bytes()));
    seen
}

fn assert_hidden(place: &str, secret: &[u8], seen: &[u8]) {
    for needle in [secret.to_vec(), STANDARD.encode(secret).into_bytes(), const_hex::encode(secret).into_bytes()] {
        let found = seen.windows(needle.len()).any(|window| window == needle);
        assert!(!found, "{place}: a secret of {} bytes is there", secret.len());
    }
}
