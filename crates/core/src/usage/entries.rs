//! What an event tells of usage: which keys a request used, as whom and how, and which access key signed it.
//!
//! A request that was refused counts too, once its key was found. Of a session the user or role counts that it is of.

use claviger_types::{AccessKeyId, AccountId, KeyArn, KeyId, ServiceName, Timestamp};
use claviger_usage::{AccessKeyUse, Addressed, Entry, Operation, Use};

use crate::audit::cloudtrail;
use crate::records::{self, BadRecord, CallerKind, CallerRecord, EventKind, EventRecord, KeyUseRecord, ShownValue};

/// Shows what the event of this entry tells of usage; nothing, if it tells nothing.
pub(super) fn told_by(event: &EventRecord<'_>, index: u64, show: impl FnOnce(Entry<'_>)) -> Result<(), BadRecord> {
    let (EventKind::Call, Some(caller)) = (event.kind, &event.caller) else { return Ok(()) };
    let uses = uses_of(event);
    // Encryption contexts are read only where there is a key that they belong to.
    let parameters = event.parameters.filter(|_| !uses.is_empty()).map(|shown| shown.value()).transpose()?;
    let contexts: Vec<_> = uses.iter().map(|(_, used)| context(parameters.as_ref(), used.context_member)).collect();
    let principal = principal_arn(caller, event.account);
    let recipients = if uses.is_empty() { Vec::new() } else { cloudtrail::recipients(event)? };
    let uses: Vec<_> = uses
        .into_iter()
        .zip(&contexts)
        .filter_map(|((key, used), encryption_context)| {
            let arn = key_arn(key, event.region)?;
            let copy = recipients.iter().position(|recipient| *recipient == arn.account);
            Some(Use {
                at: Timestamp::from_millis(event.at),
                key: arn,
                operation: used.operation,
                addressed: addressed(key.addressed)?,
                backing_key: key.material,
                principal_id: caller.id,
                principal: &principal,
                // Nothing gives names to networks.
                source: None,
                environment: caller.environment,
                application: caller.application,
                encryption_context,
                error_code: event.error.as_ref().map(|error| error.code),
                event_copy: copy.and_then(|copy| u16::try_from(copy).ok()).unwrap_or_default(),
            })
        })
        .collect();
    let access_key = access_key_of(event, caller);
    if !uses.is_empty() || access_key.is_some() {
        show(Entry { index, request_id: event.id, access_key, uses: &uses });
    }
    Ok(())
}

/// How an operation uses one of its keys.
struct UsedAs {
    operation: Operation,
    /// The member that holds the encryption context.
    context_member: &'static str,
}

/// The keys that were used, which are described in this order.
fn uses_of<'e>(event: &'e EventRecord<'_>) -> Vec<(&'e KeyUseRecord, UsedAs)> {
    let name = event.operation.filter(|_| event.service == Some(ServiceName::Kms.as_str())).unwrap_or_default();
    let used_as = |operation, context_member| UsedAs { operation, context_member };
    let ways = match name {
        "ReEncrypt" => vec![
            used_as(Operation::ReEncryptFrom, "SourceEncryptionContext"),
            used_as(Operation::ReEncryptTo, "DestinationEncryptionContext"),
        ],
        name => {
            Operation::from_action(name).map(|operation| used_as(operation, "EncryptionContext")).into_iter().collect()
        }
    };
    event.keys.iter().zip(ways).collect()
}

fn key_arn(key: &KeyUseRecord, region: Option<&str>) -> Option<KeyArn> {
    let id = if key.multi_region { KeyId::multi_region(key.id) } else { KeyId::single_region(key.id) };
    Some(KeyArn { region: region?.parse().ok()?, account: AccountId::from_u64(key.account)?, id })
}

/// How the request named the key. None if it named something else, which is no use.
fn addressed(addressed: records::Addressed) -> Option<Addressed> {
    Some(match addressed {
        records::Addressed::Id => Addressed::KeyId,
        records::Addressed::Arn => Addressed::KeyArn,
        records::Addressed::Alias => Addressed::AliasName,
        records::Addressed::AliasArn => Addressed::AliasArn,
        records::Addressed::Ciphertext => Addressed::Ciphertext,
        records::Addressed::Otherwise => return None,
    })
}

/// The user or role, or nothing of whoever is gone.
fn principal_arn(caller: &CallerRecord<'_>, account: Option<u64>) -> String {
    let kind = match caller.kind {
        CallerKind::RoleSession => "role",
        CallerKind::User | CallerKind::UserSession => "user",
        CallerKind::Unknown => return String::new(),
    };
    let account = account.and_then(AccountId::from_u64).map(|account| account.to_string()).unwrap_or_default();
    format!("arn:aws:iam::{account}:{kind}{}{}", caller.path, caller.name)
}

/// The pairs of an encryption context that was not too long to be shown.
fn context<'v>(parameters: Option<&'v ShownValue>, member: &str) -> Vec<(&'v str, &'v str)> {
    let members = |value: &'v ShownValue| match value {
        ShownValue::Map(members) => members.as_slice(),
        _ => &[],
    };
    let found = parameters.into_iter().flat_map(members).find(|(name, _)| name == member);
    let pairs = found.into_iter().flat_map(|(_, value)| members(value));
    let text = |(name, value): &'v (String, ShownValue)| match value {
        ShownValue::Text(value) => Some((name.as_str(), value.as_str())),
        _ => None,
    };
    pairs.filter_map(text).collect()
}

/// A user's own access key. Those of sessions are not kept.
fn access_key_of(event: &EventRecord<'_>, caller: &CallerRecord<'_>) -> Option<AccessKeyUse> {
    let id: AccessKeyId = caller.access_key_id.parse().ok().filter(|_| caller.kind == CallerKind::User)?;
    let (region, service) = (event.region?.parse().ok()?, ServiceName::from_name(event.service?)?);
    Some(AccessKeyUse { id, at: Timestamp::from_millis(event.at), region, service })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::table::KINDS;
    use crate::testing::every_operation::World;
    use crate::testing::test_events::parsed;
    use crate::testing::test_kms::{AWAY, HOME, REGION, TestKms, policy, statement};
    use crate::testing::test_sessions::Opened;

    /// What the newest event tells: a line for each use, and the access key.
    fn told(kms: &TestKms) -> Vec<String> {
        let event = kms.events().pop().unwrap();
        let mut told = Vec::new();
        told_by(&parsed(&event), 5, |entry| {
            assert_eq!((entry.index, entry.request_id), (5, parsed(&event).id));
            for used in entry.uses {
                let material = if used.backing_key.is_some() { "material" } else { "no material" };
                told.push(format!(
                    "{:?} of {} by {:?} {material} as {} {:?} {:?} {:?} {:?} copy {}",
                    used.operation,
                    used.key.id,
                    used.addressed,
                    used.principal,
                    used.environment,
                    used.application,
                    used.encryption_context,
                    used.error_code,
                    used.event_copy,
                ));
                assert_eq!(used.at, Timestamp::from_millis(parsed(&event).at));
            }
            told.extend(entry.access_key.map(|used| format!("{} in {} for {}", used.id, used.region, used.service)));
        })
        .unwrap();
        told
    }

    /// Whatever touches key material is counted by its name.
    #[test]
    fn every_use_of_a_key_counts() {
        let world = World::new();
        for (_, name) in KINDS.iter().filter(|(kind, name)| *kind == "use_material" && *name != "GenerateRandom") {
            world.kms.ok(name, world.sample(name));
            let told = told(&world.kms);
            let used: &[&str] = if *name == "ReEncrypt" { &["ReEncryptFrom", "ReEncryptTo"] } else { &[name] };
            assert_eq!(told.len(), used.len() + 1, "{name}: {told:?}");
            assert!(told.iter().zip(used).all(|(told, used)| told.starts_with(&format!("{used} of "))), "{told:?}");
        }
    }

    #[test]
    fn who_used_what_and_how() {
        let kms = TestKms::new();
        let (key, other) = (kms.key(), kms.key());
        kms.ok("CreateAlias", json!({"AliasName": "alias/a", "TargetKeyId": key}));
        let admin = format!("{} in {REGION} for", kms.admin().access_key_id);
        let me = kms.admin().arn();
        kms.ok("TagUser", json!({"UserName": "admin", "Tags": [{"Key": "environment", "Value": "prod"}]}));
        let context = json!({"tenant": "blue", "a": "b"});
        let encrypt = json!({"KeyId": "alias/a", "Plaintext": "AAAA", "EncryptionContext": context});
        let blob = kms.ok("Encrypt", encrypt)["CiphertextBlob"].clone();
        let used = format!(
            r#"Encrypt of {key} by AliasName material as {me} Some("prod") None [("a", "b"), ("tenant", "blue")] None copy 0"#
        );
        assert_eq!(told(&kms), [used, format!("{admin} kms")]);

        // Of a session its role counts.
        let trust =
            json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": ["sts:AssumeRole", "sts:TagSession"]});
        let trust = policy(&trust.to_string());
        let role = kms.ok("CreateRole", json!({"RoleName": "r", "Path": "/p/", "AssumeRolePolicyDocument": trust}));
        let document = policy(&statement("Allow", "kms:*", "*"));
        kms.ok("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}));
        let tags = json!([{"Key": "Application", "Value": "app"}]);
        let assume = json!({"RoleArn": role["Role"]["Arn"], "RoleSessionName": "session", "Tags": tags});
        let session = Opened::of(&kms, &kms.ok("AssumeRole", assume));
        assert_eq!(told(&kms), [format!("{admin} sts")]);
        let re_encrypt = json!({
            "CiphertextBlob": blob, "SourceEncryptionContext": context,
            "DestinationKeyId": kms.admin().key_arn(&other), "DestinationEncryptionContext": {"c": "d"},
        });
        session.call("ReEncrypt", re_encrypt).unwrap();
        let by = format!("arn:aws:iam::{HOME}:role/p/r None Some(\"app\")");
        let want = [
            format!(
                r#"ReEncryptFrom of {key} by Ciphertext material as {by} [("a", "b"), ("tenant", "blue")] None copy 0"#
            ),
            format!(r#"ReEncryptTo of {other} by KeyArn material as {by} [("c", "d")] None copy 0"#),
        ];
        assert_eq!(told(&kms), want);

        // What is refused counts for the key that was found, also to another account.
        kms.ok("DisableKey", json!({"KeyId": other}));
        kms.call("Encrypt", json!({"KeyId": other, "Plaintext": "AAAA"})).unwrap_err();
        let of_other = format!("Encrypt of {other}");
        let used =
            format!(r#"{of_other} by KeyId no material as {me} Some("prod") None [] Some("DisabledException") copy 0"#);
        assert_eq!(told(&kms), [used, format!("{admin} kms")]);
        let stranger = kms.away();
        stranger.call("Encrypt", json!({"KeyId": kms.admin().key_arn(&other), "Plaintext": "AAAA"})).unwrap_err();
        let used = format!(
            r#"{of_other} by KeyArn no material as {} None None [] Some("AccessDeniedException") copy 1"#,
            stranger.arn()
        );
        assert!(used.contains(AWAY), "{used}");
        assert_eq!(told(&kms), [used, format!("{} in {REGION} for kms", stranger.access_key_id)]);

        // Nothing else is a use.
        for (operation, body) in
            [("DescribeKey", json!({"KeyId": "alias/a"})), ("GenerateRandom", json!({"NumberOfBytes": 1}))]
        {
            kms.ok(operation, body);
            assert_eq!(told(&kms), [format!("{admin} kms")], "{operation}");
        }
        kms.call("Encrypt", json!({"KeyId": "alias/none", "Plaintext": "AAAA"})).unwrap_err();
        assert_eq!(told(&kms), [format!("{admin} kms")]);
    }
}
