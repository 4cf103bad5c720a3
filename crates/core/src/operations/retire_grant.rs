//! `RetireGrant`: a grant goes, by who was named in it or by its key's account. Source: API reference, RetireGrant.

use crate::error::Error;
use crate::keys::grants::removal;
use crate::pipeline::call::Facts;
use crate::pipeline::members::{dry_run, grant_id, key_id_or_arn};
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, GrantPlace, GrantTarget};
use crate::wire::Fields;

/// The request.
pub struct RetireGrant {
    place: GrantPlace,
    dry_run: bool,
}

impl Operation for RetireGrant {
    const NAME: &'static str = "RetireGrant";
    const CROSS_ACCOUNT: bool = true;
    type Target = GrantTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let key = fields.present("KeyId").then(|| key_id_or_arn(fields, "KeyId"));
        let place = match (fields.string("GrantToken"), key, grant_id(fields, "GrantId")?) {
            (Some(token), None, None) => GrantPlace::Token(token),
            (None, Some(key), Some(id)) => GrantPlace::Named(key, id),
            _ => {
                let text = "Specify either a grant token, or a key ID together with a grant ID.";
                return Err(Error::Validation(text.into()));
            }
        };
        Ok(Self { place, dry_run: dry_run(fields) })
    }

    fn target(&self) -> &GrantPlace {
        &self.place
    }
}

impl PlainCommand for RetireGrant {
    fn decide(&self, _: &Facts<'_>, target: Authorized<GrantTarget>) -> Result<Outcome<()>, Error> {
        Ok(removal(target.existing()?).reply(()))
    }

    fn dry_run(&self) -> bool {
        self.dry_run
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_events::{event_of, parsed};
    use crate::testing::test_kms::{AWAY, HOME, Session, TestKms, policy, refused, statement, validation};

    fn token(creator: Session<'_>, body: Value) -> (String, String) {
        let reply = creator.ok("CreateGrant", body);
        let text = |member: &str| reply[member].as_str().unwrap().to_owned();
        (text("GrantToken"), text("GrantId"))
    }

    /// Source: developer guide, "Retiring and revoking grants". Callers: their policy; whether they are the retiring
    /// principal, the grantee, or neither; whether the grant permits RetireGrant; may they?
    #[test]
    fn who_may() {
        let allow = statement("Allow", "kms:RetireGrant", "*");
        let deny = format!("{allow},{}", statement("Deny", "kms:RetireGrant", "*"));
        for (home, policies, role, operations, want) in [
            (true, "", "RetiringPrincipal", vec!["Encrypt"], true),
            (true, "", "GranteePrincipal", vec!["Encrypt"], false),
            (true, "", "GranteePrincipal", vec!["Encrypt", "RetireGrant"], true),
            (true, "", "", vec!["Encrypt", "RetireGrant"], false),
            (true, &allow, "", vec!["Encrypt"], true),
            (true, &deny, "", vec!["Encrypt"], false),
            (true, &deny, "RetiringPrincipal", vec!["Encrypt"], false),
            (true, &deny, "GranteePrincipal", vec!["Encrypt", "RetireGrant"], false),
            (false, "", "RetiringPrincipal", vec!["Encrypt"], true),
            (false, "", "GranteePrincipal", vec!["Encrypt", "RetireGrant"], true),
            (false, &allow, "", vec!["Encrypt", "RetireGrant"], false),
            (false, &allow, "GranteePrincipal", vec!["Encrypt"], false),
            (false, &deny, "RetiringPrincipal", vec!["Encrypt"], false),
        ] {
            let kms = TestKms::new();
            let key = kms.key();
            let owner = if home { kms.admin() } else { kms.away() };
            let caller = owner.user("caller", policies);
            kms.ok("CreateUser", json!({"UserName": "other"}));
            let other = format!("arn:aws:iam::{HOME}:user/other");
            let mut body = json!({"KeyId": key, "GranteePrincipal": other, "RetiringPrincipal": other});
            body["Operations"] = json!(operations);
            if !role.is_empty() {
                body[role] = json!(caller.arn());
            }
            let (by_token, _) = token(kms.admin(), body.clone());
            let (_, by_id) = token(kms.admin(), body);
            let by_id = json!({"KeyId": kms.admin().key_arn(&key), "GrantId": by_id});
            for request in [json!({"GrantToken": by_token}), by_id] {
                let answer = caller.call("RetireGrant", request.clone());
                let case = format!("{home} {policies} {role} {operations:?} {request}");
                match want {
                    true => assert_eq!(answer, Ok(Value::Null), "{case}"),
                    false => assert_eq!(answer.unwrap_err().code, "AccessDeniedException", "{case}"),
                }
            }
        }
    }

    /// An account that is the retiring principal lets its principals by their identity policies; as grantee it does not.
    #[test]
    fn accounts_that_are_named() {
        let kms = TestKms::new();
        let key = kms.key();
        let away = kms.away();
        let (stranger, allowed) = (away.user("stranger", ""), away.user("allowed", &statement("Allow", "kms:*", "*")));
        for (changes, want) in [
            (json!({"RetiringPrincipal": AWAY, "GranteePrincipal": HOME, "Operations": ["Encrypt"]}), true),
            (json!({"GranteePrincipal": AWAY, "Operations": ["Encrypt", "RetireGrant"]}), false),
        ] {
            let mut body = changes.clone();
            body["KeyId"] = json!(key);
            let (token, _) = token(kms.admin(), body);
            assert!(stranger.call("RetireGrant", json!({"GrantToken": token})).is_err(), "{changes}");
            assert_eq!(allowed.call("RetireGrant", json!({"GrantToken": token})).is_ok(), want, "{changes}");
        }
    }

    /// Source: developer guide: an Allow of kms:RetireGrant in a key policy is nothing.
    #[test]
    fn the_keys_policy() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let put = |effect: &str| {
            let all = r#"{"Effect":"Allow","Action":"kms:*","Resource":"*","Principal":{"AWS":"111122223333"}}"#;
            let more = format!(
                r#"{{"Effect":"{effect}","Action":"kms:RetireGrant","Resource":"*","Principal":{{"AWS":"{}"}}}}"#,
                ann.arn()
            );
            kms.ok("PutKeyPolicy", json!({"KeyId": key, "Policy": policy(&format!("{all},{more}"))}));
        };
        let other = kms.admin().grant(&key, kms.admin(), &["Encrypt"]);
        let own = kms.admin().grant(&key, ann, &["Encrypt", "RetireGrant"]);
        let retire = |id: &str| ann.call("RetireGrant", json!({"KeyId": key, "GrantId": id}));
        put("Allow");
        let because = "because no identity-based policy allows the kms:RetireGrant action";
        let on = format!(" on resource: {}", ann.key_arn(&key));
        assert_eq!(retire(&other), Err(ann.denied("kms:RetireGrant", &format!("{on} {because}"))));
        put("Deny");
        let explicit = ann.denied("kms:RetireGrant", &format!("{on} with an explicit deny in a resource-based policy"));
        assert_eq!(retire(&own), Err(explicit));
    }

    /// Only who may ask is told that a grant is not there; a token's holder knows of it.
    #[test]
    fn grants_that_are_not_there() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let body = json!({"KeyId": key, "GranteePrincipal": ann.arn(), "Operations": ["RetireGrant", "Encrypt"]});
        let (token, id) = token(kms.admin(), body);
        ann.ok("RetireGrant", json!({"GrantToken": token}));
        let missing = Err(refused("NotFoundException", &format!("Grant ID {id} not found")));
        assert_eq!(ann.call("RetireGrant", json!({"GrantToken": token})), missing);
        let by_id = json!({"KeyId": kms.admin().key_arn(&key), "GrantId": id});
        assert_eq!(kms.call("RetireGrant", by_id.clone()), missing);
        for stranger in [ann, kms.away()] {
            assert_eq!(stranger.call("RetireGrant", by_id.clone()).unwrap_err().code, "AccessDeniedException");
        }
    }

    /// An event tells which grant it was, however the request named it, and never by the token.
    #[test]
    fn events() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", "");
        let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]});
        let (by_token, first) = token(kms.admin(), body.clone());
        let (_, second) = token(kms.admin(), body);
        let by_id = json!({"KeyId": kms.admin().key_arn(&key), "GrantId": second});
        for (request, id) in [(json!({"GrantToken": by_token}), first), (by_id, second)] {
            let (commits, events) = (kms.store.commits(), kms.events().len());
            ann.call("RetireGrant", request.clone()).unwrap_err();
            kms.ok("RetireGrant", request.clone());
            let (done, refused) = (kms.store.commits_since(commits), kms.events().split_off(events));
            for event in [event_of(&done[0]).1, parsed(&refused[0])] {
                let grants: Vec<_> = event.keys.iter().map(|key| key.grant.map(const_hex::encode)).collect();
                assert_eq!(grants, [Some(id.clone())], "{request}");
                let bytes = event.to_bytes();
                assert!(!bytes.windows(by_token.len()).any(|window| window == by_token.as_bytes()), "{request}");
            }
        }
    }

    #[test]
    fn members() {
        let kms = TestKms::new();
        let key = kms.key();
        let body = json!({"KeyId": key, "GranteePrincipal": HOME, "Operations": ["Encrypt"]});
        let (token, id) = token(kms.admin(), body);
        let text = "Specify either a grant token, or a key ID together with a grant ID.";
        for body in [
            json!({}),
            json!({"KeyId": key}),
            json!({"GrantId": id}),
            json!({"GrantToken": token, "KeyId": key}),
            json!({"GrantToken": token, "KeyId": key, "GrantId": id}),
        ] {
            assert_eq!(kms.call("RetireGrant", body.clone()), Err(validation(text)), "{body}");
        }
        let invalid = refused("InvalidGrantTokenException", "The grant token is not valid.");
        assert_eq!(kms.call("RetireGrant", json!({"GrantToken": "x"})), Err(invalid.clone()));
        // A token is for the Region of its key.
        let west = kms.admin().in_region("us-west-2");
        assert_eq!(west.call("RetireGrant", json!({"GrantToken": token})), Err(invalid));
        let dry = kms.call("RetireGrant", json!({"GrantToken": token, "DryRun": true}));
        assert_eq!(dry.unwrap_err().code, "DryRunOperationException");
        kms.ok("RetireGrant", json!({"GrantToken": token}));
    }
}
