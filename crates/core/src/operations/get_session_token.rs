//! `GetSessionToken`: a session of the user itself, with the time of its MFA code if one was presented. No permission is
//! needed, and none can be taken away. Nothing is written but that a code was used. Source: STS API reference,
//! GetSessionToken.

use claviger_types::{ServiceName, limits};
use serde::Serialize;

use crate::error::Error;
use crate::identity::credentials::Credentials;
use crate::identity::mfa::PresentedCode;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation, Sessions};
use crate::pipeline::outcome::Outcome;
use crate::records::SessionRecord;
use crate::target::{Authorized, Everybody};
use crate::view::User;
use crate::wire::Fields;

const SECONDS_DEFAULT: i64 = 43_200;

/// The request.
pub struct GetSessionToken {
    seconds: i64,
    code: Option<PresentedCode>,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    credentials: Credentials,
    session_token_utilization: usize,
    session_token_size: usize,
}

impl Operation for GetSessionToken {
    const NAME: &'static str = "GetSessionToken";
    const SERVICE: ServiceName = ServiceName::Sts;
    const SESSIONS: Sessions = Sessions::None;
    type Target = Everybody;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let seconds = fields.integer("DurationSeconds").unwrap_or(SECONDS_DEFAULT);
        Ok(Self { seconds, code: PresentedCode::parse(fields)? })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Command for GetSessionToken {
    const READ_ONLY: bool = true;
    type Prepared = Credentials;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<Everybody>, tools: &Tools<'_>) -> Result<Credentials, Error> {
        let user = user(facts)?;
        if let Some(code) = &self.code {
            code.try_out(facts, tools, user)?;
        }
        let issued_at = facts.wall_now().as_millis();
        let session = SessionRecord {
            account: user.account.as_u64(),
            principal: user.id.to_string(),
            role_session_name: None,
            issued_at,
            expires_at: issued_at.saturating_add(self.seconds.saturating_mul(1000)),
            mfa_at: self.code.is_some().then_some(issued_at),
            source_identity: None,
            tags: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
            assumed_through: Vec::new(),
        };
        Credentials::seal(facts.view, &session)
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        _: Authorized<Everybody>,
        credentials: &Credentials,
    ) -> Result<Outcome<Reply>, Error> {
        let session_token_size = credentials.token_chars();
        let session_token_utilization = session_token_size * 100 / limits::SESSION_TOKEN_CHARS_MAX;
        let reply = Reply { credentials: credentials.clone(), session_token_utilization, session_token_size };
        match &self.code {
            Some(code) => Ok(code.accept(facts, user(facts)?)?.reply(reply)),
            None => Ok(Outcome::unwritten(reply)),
        }
    }
}

/// The user who calls by an access key of its own: sessions are refused before any operation is asked.
fn user<'a>(facts: &Facts<'a>) -> Result<&'a User, Error> {
    facts.caller.as_user().ok_or_else(|| Error::Forbidden("Cannot call GetSessionToken with these credentials".into()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, statement};
    use crate::testing::test_mfa::{Phone, wrong_code};
    use crate::testing::test_sessions::Opened;

    /// Source: STS API reference, GetSessionToken: no permission is needed.
    #[test]
    fn whoever_asks_gets_a_session_of_its_own() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Deny", "sts:*", "*"));
        let (before, commits) = (kms.service().wall_now(), kms.store.commits());
        for (seconds, lasts) in [(None, 43_200), (Some(900), 900), (Some(129_600), 129_600)] {
            let body = seconds.map_or(json!({}), |seconds| json!({"DurationSeconds": seconds}));
            let reply = ann.ok("GetSessionToken", body);
            let opened = Opened::of(&kms, &reply);
            let session = opened.session();
            assert_eq!(session.expires_at.as_millis() - session.issued_at.as_millis(), lasts * 1000);
            assert!(session.issued_at >= before && session.mfa_at.is_none());
            assert_eq!(reply["Credentials"]["Expiration"], session.expires_at.as_millis() / 1000);
            let token = reply["Credentials"]["SessionToken"].as_str().unwrap();
            assert_eq!(reply["SessionTokenSize"], token.len());
        }
        assert_eq!(kms.store.commits(), commits, "a session is stored nowhere");
        for seconds in [899, 129_601] {
            let refusal = ann.call("GetSessionToken", json!({"DurationSeconds": seconds})).unwrap_err();
            assert_eq!(refusal.code, "ValidationError", "{seconds}");
        }
    }

    #[test]
    fn a_code_is_used_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        let body = |code: &str| json!({"SerialNumber": phone.serial_number, "TokenCode": code});
        let code = phone.next_code();
        let reply = ann.ok("GetSessionToken", body(&code));
        let session = Opened::of(&kms, &reply);
        assert_eq!(session.session().mfa_at, Some(session.session().issued_at));
        let invalid = "MultiFactorAuthentication failed with invalid MFA one time pass code. ";
        assert_eq!(ann.call("GetSessionToken", body(&code)), Err(refused("AccessDenied", invalid)));
        assert_eq!(ann.call("GetSessionToken", body(&wrong_code(&code))), Err(refused("AccessDenied", invalid)));
    }

    #[test]
    fn a_device_is_its_users_alone() {
        let kms = TestKms::new();
        let bob = kms.admin().user("bob", "");
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let unable = "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial \
                      number is valid and associated with this user.";
        let idle = Phone::made(&kms, "idle");
        for (caller, serial_number) in [
            (bob, phone.serial_number.as_str()),
            (bob, &idle.serial_number),
            (bob, "arn:aws:iam::111122223333:mfa/none"),
            (bob, "GAHT12345678"),
            (kms.away(), &phone.serial_number),
        ] {
            let body = json!({"SerialNumber": serial_number, "TokenCode": "123456"});
            let answer = caller.call("GetSessionToken", body);
            assert_eq!(answer, Err(refused("AccessDenied", unable)), "{serial_number}");
        }
        let both = "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.";
        for body in [json!({"SerialNumber": phone.serial_number}), json!({"TokenCode": "123456"})] {
            assert_eq!(bob.call("GetSessionToken", body), Err(refused("AccessDenied", both)));
        }
    }

    /// Two requests with one code at the same moment: one gets a session.
    #[test]
    fn a_code_is_used_once_at_the_same_moment_too() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        let body = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let view = kms.view();
        assert!(ann.call_on(&view, "GetSessionToken", body.clone()).is_ok());
        assert_eq!(ann.call_on(&view, "GetSessionToken", body).unwrap_err().code, "AccessDenied");
    }

    #[test]
    fn guessing_is_slow() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        let body = |code: &str| json!({"SerialNumber": phone.serial_number, "TokenCode": code});
        let wrong = wrong_code(&phone.next_code());
        for guess in 0..10 {
            assert_eq!(ann.call("GetSessionToken", body(&wrong)).unwrap_err().code, "AccessDenied", "{guess}");
        }
        assert_eq!(ann.call("GetSessionToken", body(&phone.next_code())).unwrap_err().code, "Throttling");
    }
}
