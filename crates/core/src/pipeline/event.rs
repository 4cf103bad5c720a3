//! Audit events of commands and jobs, written in the transaction of what they tell of.

use claviger_types::{AccountId, Timestamp};

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::{Facts, RequestId};
use crate::pipeline::operation::Operation;
use crate::records::{self, CallerRecord, CallerSessionRecord, EventRecord};

/// Characters of a User-Agent that are kept. It is the caller's free text, and not signed.
const USER_AGENT_CHARS_MAX: usize = 256;

/// The event of a command, encoded.
pub fn of_command<O: Operation>(facts: &Facts<'_>, space: &str, resources: Vec<String>) -> Vec<u8> {
    let user_agent = facts.call.user_agent.map(|text| text.chars().take(USER_AGENT_CHARS_MAX).collect());
    let caller = CallerRecord {
        principal: facts.caller.arn().to_string(),
        principal_id: facts.caller.user_id(),
        access_key_id: facts.call.signatory.access_key_id().to_owned(),
        source_ip: facts.call.source_ip.map(|address| address.to_string()),
        user_agent,
        request_id: facts.call.request_id.to_string(),
        session: facts.caller.session.map(|session| CallerSessionRecord {
            issuer: facts.caller.principal_arn().to_string(),
            issuer_id: facts.caller.principal_id().to_string(),
            created_at: session.issued_at.as_millis(),
            mfa_at: session.mfa_at.map(Timestamp::as_millis),
            source_identity: session.source_identity.as_deref().map(Into::into),
        }),
    };
    records::encode(&EventRecord {
        at: facts.now.as_millis(),
        action: O::asked().action.to_string(),
        account: facts.account().as_u64(),
        space: space.to_owned(),
        caller: Some(caller),
        resources,
    })
}

/// The event of something that the service did by itself, encoded.
pub fn of_job(at: Timestamp, action: &str, account: AccountId, space: &str, resources: Vec<String>) -> Vec<u8> {
    records::encode(&EventRecord {
        at: at.as_millis(),
        action: action.to_owned(),
        account: account.as_u64(),
        space: space.to_owned(),
        caller: None,
        resources,
    })
}

/// A place in the outbox for an event that no request caused.
pub fn fresh_path(space: &str) -> Result<String, Error> {
    let id = RequestId::from_bytes(claviger_keyring::random()?);
    Ok(paths::outbox(space, &id.to_string()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::records::CallerSessionRecord;
    use crate::testing::test_kms::{HOME, TestKms, event_of, policy, statement};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::Opened;

    /// An event tells by which session its caller called, and who is behind it.
    #[test]
    fn the_session_that_called() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let trust = json!({"Effect": "Allow", "Principal": {"AWS": HOME}, "Action": "sts:*"});
        let trust = policy(&trust.to_string());
        let role = json!({"RoleName": "r", "Path": "/team/", "AssumeRolePolicyDocument": trust});
        let role = kms.ok("CreateRole", role)["Role"].clone();
        let document = policy(&statement("Allow", "*", "*"));
        kms.ok("PutRolePolicy", json!({"RoleName": "r", "PolicyName": "p", "PolicyDocument": document}));
        let event_by = |call: &dyn Fn()| {
            let before = kms.store.commits();
            call();
            event_of(kms.store.commits_since(before).last().unwrap()).1.caller.unwrap()
        };
        let by_access_key = event_by(&|| drop(ann.ok("CreateKey", json!({}))));
        assert_eq!(by_access_key.session, None);

        let users = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        let by_user = event_by(&|| drop(users.call("CreateKey", json!({})).unwrap()));
        let session = users.session();
        assert_eq!(
            by_user.session,
            Some(CallerSessionRecord {
                issuer: ann.arn(),
                issuer_id: by_access_key.principal_id,
                created_at: session.issued_at.as_millis(),
                mfa_at: Some(session.mfa_at.unwrap().as_millis()),
                source_identity: None,
            })
        );

        let assume = json!({"RoleArn": role["Arn"], "RoleSessionName": "s1", "SourceIdentity": "behind"});
        let assumed = Opened::of(&kms, &users.call("AssumeRole", assume).unwrap());
        let by_role = event_by(&|| drop(assumed.call("CreateKey", json!({})).unwrap()));
        assert_eq!(by_role.principal, format!("arn:aws:sts::{HOME}:assumed-role/r/s1"));
        assert_eq!(
            by_role.session,
            Some(CallerSessionRecord {
                issuer: format!("arn:aws:iam::{HOME}:role/team/r"),
                issuer_id: role["RoleId"].as_str().unwrap().into(),
                created_at: assumed.session().issued_at.as_millis(),
                mfa_at: None,
                source_identity: Some("behind".into()),
            })
        );
    }
}
