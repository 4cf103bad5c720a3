//! `RevokeSessions`: sessions of a user or role that were issued until a moment are dead, at once and on every node; so
//! are those that came to be through them. It is never taken back. Source: models/claviger, RevokeSessions.

use claviger_keyring::Space;
use claviger_types::{PrincipalArn, ServiceName, Timestamp};
use serde::Serialize;

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::records::SessionRevocationRecord;
use crate::target::{Authorized, PrincipalTarget};
use crate::wire::Fields;

/// The request.
pub struct RevokeSessions {
    principal: PrincipalArn,
    issued_until: Option<Timestamp>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    principal_arn: PrincipalArn,
    issued_until: Timestamp,
}

impl Operation for RevokeSessions {
    const NAME: &'static str = "RevokeSessions";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = PrincipalTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let arn = fields.string("PrincipalArn").unwrap_or_default();
        let principal = arn.parse().map_err(|_| Error::Validation(format!("{arn} is no ARN of a user or role")))?;
        Ok(Self { principal, issued_until: fields.timestamp("IssuedUntil") })
    }

    fn target(&self) -> &PrincipalArn {
        &self.principal
    }
}

impl PlainCommand for RevokeSessions {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<PrincipalTarget>) -> Result<Outcome<Reply>, Error> {
        let (account, id) = target.existing()?;
        let wanted = self.issued_until.unwrap_or(facts.wall_now());
        if wanted > facts.wall_now() {
            return Err(Error::Validation(format!("IssuedUntil must not be after {}", facts.wall_now())));
        }
        let known = facts.view.session_revocation(id);
        let until = known.map_or(wanted, |known| known.until.max(wanted));
        let record = SessionRevocationRecord { issued_until: until.as_millis() };
        let path = paths::session_revocation(account, id);
        let changes = target.guard(Changes::new(Space::Global))?;
        let changes = match known {
            Some(known) => changes.replace(path, known.revision, &record),
            None => changes.create(path, &record),
        };
        Ok(changes.reply(Reply { principal_arn: self.principal.clone(), issued_until: until }))
    }
}

#[cfg(test)]
mod tests {
    use claviger_types::Timestamp;
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused, statement, trust};
    use crate::testing::test_sessions::Opened;

    const ANN: &str = "arn:aws:iam::111122223333:user/ann";

    #[test]
    fn what_was_issued_is_dead_and_what_comes_lives() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "kms:*", "*"));
        let old = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        assert!(old.call("ListKeys", json!({})).is_ok());
        let reply = kms.ok("RevokeSessions", json!({"PrincipalArn": ANN}));
        let gone = refused("UnrecognizedClientException", "The security token included in the request is invalid.");
        assert_eq!(old.call("ListKeys", json!({})), Err(gone.clone()));
        // The access key itself is no session, and what is issued after that moment is alive.
        assert!(ann.call("ListKeys", json!({})).is_ok());
        let issued_until = Timestamp::from_seconds(reply["IssuedUntil"].as_f64().unwrap()).unwrap();
        while kms.service().wall_now() <= issued_until {
            std::hint::spin_loop();
        }
        let new = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        assert!(new.call("ListKeys", json!({})).is_ok());
        // An earlier moment takes nothing back.
        let again = kms.ok("RevokeSessions", json!({"PrincipalArn": ANN, "IssuedUntil": 1}));
        assert_eq!(again, reply);
        assert_eq!(old.call("ListKeys", json!({})), Err(gone));
        assert!(new.call("ListKeys", json!({})).is_ok());
    }

    #[test]
    fn refused_moments_and_principals() {
        let kms = TestKms::new();
        kms.admin().user("ann", "");
        let later = kms.service().wall_now().as_millis() / 1000 + 3600;
        let body = json!({"PrincipalArn": ANN, "IssuedUntil": later});
        assert_eq!(kms.call("RevokeSessions", body).unwrap_err().code, "ValidationException");
        for arn in [
            "arn:aws:iam::111122223333:user/none",
            "arn:aws:iam::111122223333:user/team/ann",
            "arn:aws:iam::111122223333:user/Ann",
            "arn:aws:iam::111122223333:role/none",
        ] {
            let want = refused("NotFoundException", &format!("The principal {arn} does not exist."));
            assert_eq!(kms.call("RevokeSessions", json!({"PrincipalArn": arn})), Err(want));
        }
        let away = format!("arn:aws:iam::{AWAY}:user/admin");
        let refusal = kms.call("RevokeSessions", json!({"PrincipalArn": away})).unwrap_err();
        assert_eq!(refusal.code, "AccessDeniedException");
        let no_arn = refused("ValidationException", "arn:aws:iam::1:user/ann is no ARN of a user or role");
        assert_eq!(kms.call("RevokeSessions", json!({"PrincipalArn": "arn:aws:iam::1:user/ann"})), Err(no_arn));
    }

    /// Conditions see the tags of the user or role, and of none of another account.
    #[test]
    fn conditions_see_the_tags_of_the_principal() {
        let kms = TestKms::new();
        let trust = trust(HOME);
        for (team, id) in [("a", 1), ("b", 2)] {
            let tags = json!([{"Key": "team", "Value": team}]);
            kms.ok("CreateUser", json!({"UserName": format!("u{id}"), "Tags": tags}));
            let role = json!({"RoleName": format!("r{id}"), "Tags": tags, "AssumeRolePolicyDocument": trust});
            kms.ok("CreateRole", role);
        }
        let of_team = r#"{"Effect":"Allow","Action":"claviger:RevokeSessions","Resource":"*","Condition":{"StringEquals":{"aws:ResourceTag/team":"a"}}}"#;
        let caller = kms.admin().user("caller", of_team);
        for (name, allowed) in
            [("user/u1", true), ("role/r1", true), ("user/u2", false), ("role/r2", false), ("user/none", false)]
        {
            let answer = caller.call("RevokeSessions", json!({"PrincipalArn": format!("arn:aws:iam::{HOME}:{name}")}));
            assert_eq!(
                answer.map_err(|refusal| refusal.code).err(),
                (!allowed).then(|| "AccessDeniedException".into()),
                "{name}"
            );
        }
        let away = ["a", "b"].map(|team| {
            let tags = json!([{"Key": "team", "Value": team}]);
            kms.away().ok("CreateUser", json!({"UserName": format!("u-{team}"), "Tags": tags}));
            format!("u-{team}")
        });
        let refusals = away.into_iter().chain(["none".to_owned()]).map(|name| {
            let body = json!({"PrincipalArn": format!("arn:aws:iam::{AWAY}:user/{name}")});
            let refusal = caller.call("RevokeSessions", body).unwrap_err();
            assert!(refusal.message.contains(&format!("user/{name} ")), "{refusal:?}");
            (refusal.code, refusal.message.replace(&format!("user/{name} "), ""))
        });
        let refusals = Vec::from_iter(refusals);
        assert!(refusals.iter().all(|refusal| *refusal == refusals[2]), "{refusals:?}");
    }

    /// The revocation goes with the user; a successor of its name is another principal.
    #[test]
    fn it_goes_with_the_user() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        kms.ok("RevokeSessions", json!({"PrincipalArn": ANN}));
        let revocations = || {
            let records = kms.store.records();
            records
                .into_iter()
                .filter(|(path, _)| path.starts_with(&format!("session-revocations/global/{HOME}")))
                .count()
        };
        assert_eq!(revocations(), 1);
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        assert_eq!(revocations(), 0);
    }
}
