//! Sessions: who they speak for, from when to when, and what they may not do. A session is stored nowhere: its token says
//! all of it, sealed by the deployment's session key. Source: STS API reference.
//!
//! A session is as good as those whom it stands on: it dies with its principal, with anybody through whom the role was
//! assumed, and when one of them has its sessions revoked. So that is looked up at each use.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use claviger_keyring::{SecretAccessKey, SessionKey, sealed_version};
use claviger_policy::{IdentityPolicies, IdentityPolicy, PolicyError};
use claviger_types::{
    AccountId, Malformed, PolicyArn, PrincipalId, RoleId, RoleSessionName, SessionKeyId, Timestamp, UserId, limits,
};

use crate::error::Error;
use crate::identity::caller::Caller;
use crate::pipeline::operation::{Operation, Sessions};
use crate::records::{self, SessionRecord};
use crate::view::View;

/// A session whose token was opened. That it was sealed here says nothing of whether it is alive: [`Session::caller`].
pub struct Session {
    /// The id of its access key.
    pub access_key_id: SessionKeyId,
    /// Which version of the session key sealed it.
    pub session_key_version: u32,
    /// The principal's account.
    pub account: AccountId,
    /// Whose session it is.
    pub principal: SessionPrincipal,
    /// When it began.
    pub issued_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When a code of an MFA device was presented for it, if one was.
    pub mfa_at: Option<Timestamp>,
    /// Who is behind it.
    pub source_identity: Option<Box<str>>,
    /// Its tags.
    pub tags: Box<[SessionTag]>,
    /// The policy that limits it.
    policy: Option<SessionPolicy>,
    /// Managed policies that limit it.
    pub policy_arns: Box<[PolicyArn]>,
    /// Those through whom it came to be, the first one first.
    pub assumed_through: Box<[PrincipalId]>,
}

/// A session policy, and the same as the only one of its session.
struct SessionPolicy {
    compiled: Arc<IdentityPolicy>,
    alone: Arc<IdentityPolicies>,
}

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SessionPrincipal {
    /// A role's, with the name that whoever assumed the role gave it.
    Role(RoleId, RoleSessionName),
    /// A user's own: GetSessionToken.
    User(UserId),
}

/// What decides which operations a session may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A role's.
    Role,
    /// A user's own, opened without a code of an MFA device.
    User,
    /// A user's own, opened with one.
    UserWithCode,
}

/// A tag of a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionTag {
    /// Its key.
    pub key: Box<str>,
    /// Its value.
    pub value: Box<str>,
    /// Whether sessions that this one makes have it too.
    pub transitive: bool,
}

impl Session {
    /// The session of a token, as clients send it, if it was sealed here for this access key.
    pub fn open(view: &View, access_key_id: SessionKeyId, token: &[u8]) -> Option<Self> {
        if token.len() > limits::SESSION_TOKEN_CHARS_MAX {
            return None;
        }
        let sealed = URL_SAFE_NO_PAD.decode(token).ok()?;
        let key = &view.session_key(sealed_version(&sealed)?)?.key;
        let opened = key.open(&access_key_id, &sealed)?;
        Self::from_bytes(access_key_id, key.version(), opened.as_bytes()).ok()
    }

    /// What an opened token says.
    pub fn from_bytes(access_key_id: SessionKeyId, session_key_version: u32, bytes: &[u8]) -> Result<Self, Malformed> {
        let record = records::decode(bytes).map_err(|_| Malformed("session"))?;
        Self::from_record(access_key_id, session_key_version, record)
    }

    /// Whose requests these are, if the session is alive at `wall_now`, as `view` has it.
    pub fn caller<'a>(&'a self, view: &'a View, wall_now: Timestamp) -> Result<Caller<'a>, Error> {
        if wall_now >= self.expires_at {
            return Err(Error::SessionExpired);
        }
        let is_open = |id: PrincipalId| view.account_of(id).is_some_and(|account| !view.is_closed(account));
        let mut through = self.assumed_through.iter();
        if view.is_closed(self.account) || !through.all(|id| is_open(*id) && !self.is_revoked(view, *id)) {
            return Err(Error::CallerGone);
        }
        if self.is_revoked(view, self.principal.id()) {
            return Err(Error::CallerGone);
        }
        let caller = match &self.principal {
            SessionPrincipal::Role(id, name) => view.role_by_id(*id).map(|role| Caller::of_role(role, name, self)),
            SessionPrincipal::User(id) => view.user_by_id(*id).map(|user| Caller::of_session(user, self)),
        };
        caller.filter(|caller| caller.account == self.account).ok_or(Error::CallerGone)
    }

    /// The session policies, with the managed ones among them as they are now; none if the session was given none. If
    /// one of them is gone, nothing is left that would allow anything: what it denied is not known any more.
    pub fn policies_in(&self, view: &View) -> Option<Arc<IdentityPolicies>> {
        if self.policy_arns.is_empty() {
            return self.policy.as_ref().map(|policy| Arc::clone(&policy.alone));
        }
        let managed = self.policy_arns.iter().map(|arn| {
            let policy = view.managed_policy(arn).filter(|_| arn.account.is_none_or(|owner| owner == self.account));
            policy.map(|policy| Arc::clone(&policy.document.compiled))
        });
        let own = self.policy.iter().map(|policy| Some(Arc::clone(&policy.compiled)));
        let policies: Option<Vec<_>> = own.chain(managed).collect();
        Some(Arc::new(IdentityPolicies::merge(policies.unwrap_or_default())))
    }

    /// Whether the API lets a session of this kind call the operation at all, whatever policies say.
    pub fn check_may_call<O: Operation>(&self) -> Result<(), Error> {
        if O::SESSIONS.answer(self.kind()) {
            return Ok(());
        }
        Err(match O::SESSIONS {
            // As observed at AWS, IAM does not even recognise such a session.
            Sessions::OfRolesOrWithCode => Error::CallerGone,
            Sessions::All | Sessions::None | Sessions::OfRoles => {
                Error::Forbidden(format!("Cannot call {} with session credentials", O::NAME))
            }
        })
    }

    /// Whose it is, and how it was opened.
    pub fn kind(&self) -> SessionKind {
        match (&self.principal, self.mfa_at) {
            (SessionPrincipal::Role(..), _) => SessionKind::Role,
            (SessionPrincipal::User(_), None) => SessionKind::User,
            (SessionPrincipal::User(_), Some(_)) => SessionKind::UserWithCode,
        }
    }

    fn is_revoked(&self, view: &View, id: PrincipalId) -> bool {
        view.session_revocation(id).is_some_and(|revoked| self.issued_at <= revoked.until)
    }

    fn from_record(
        access_key_id: SessionKeyId,
        session_key_version: u32,
        record: SessionRecord,
    ) -> Result<Self, Malformed> {
        let malformed = Malformed("session");
        let principal = match (record.principal.parse()?, record.role_session_name) {
            (PrincipalId::Role(id), Some(name)) => SessionPrincipal::Role(id, name.parse()?),
            (PrincipalId::User(id), None) => SessionPrincipal::User(id),
            (PrincipalId::Role(_), None) | (PrincipalId::User(_), Some(_)) => return Err(malformed),
        };
        let policy = record.policy.map(|document| SessionPolicy::parse(&document));
        let tag = |tag: records::SessionTagRecord| SessionTag {
            key: tag.key.into(),
            value: tag.value.into(),
            transitive: tag.transitive,
        };
        Ok(Self {
            access_key_id,
            session_key_version,
            account: AccountId::from_u64(record.account).ok_or(malformed)?,
            principal,
            issued_at: Timestamp::from_millis(record.issued_at),
            expires_at: Timestamp::from_millis(record.expires_at),
            mfa_at: record.mfa_at.map(Timestamp::from_millis),
            source_identity: record.source_identity.map(Into::into),
            tags: record.tags.into_iter().map(tag).collect(),
            policy: policy.transpose().map_err(|_| malformed)?,
            policy_arns: record.policy_arns.iter().map(|arn| arn.parse()).collect::<Result<_, _>>()?,
            assumed_through: record.assumed_through.iter().map(|id| id.parse()).collect::<Result<_, _>>()?,
        })
    }
}

impl SessionPolicy {
    fn parse(document: &str) -> Result<Self, PolicyError> {
        let compiled = Arc::new(IdentityPolicy::parse(document)?);
        let alone = Arc::new(IdentityPolicies::merge(vec![Arc::clone(&compiled)]));
        Ok(Self { compiled, alone })
    }
}

impl SessionPrincipal {
    /// The unique id of the user or role.
    pub fn id(&self) -> PrincipalId {
        match self {
            Self::Role(id, _) => PrincipalId::Role(*id),
            Self::User(id) => PrincipalId::User(*id),
        }
    }
}

/// What a new session is given out as.
pub struct NewSession {
    /// The id of its access key.
    pub access_key_id: SessionKeyId,
    /// The secret of its access key.
    pub secret: SecretAccessKey,
    /// Its token.
    pub token: String,
}

impl NewSession {
    /// Seals what `record` says under a fresh access key.
    pub fn seal(key: &SessionKey, record: &SessionRecord) -> Result<Self, Error> {
        let access_key_id = SessionKeyId::from_random(claviger_keyring::random()?);
        let token = URL_SAFE_NO_PAD.encode(key.seal(&access_key_id, &records::encode(record))?);
        if token.len() > limits::SESSION_TOKEN_CHARS_MAX {
            return Err(Error::Internal("a session token is longer than what is taken back".into()));
        }
        Ok(Self { access_key_id, secret: key.secret_access_key(&access_key_id)?, token })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::testing::test_kms::{HOME, REGION, TestKms, policy, refused, statement};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::{Opened, id_and_token};

    fn invalid(code: &str) -> crate::testing::test_kms::Refused {
        refused(code, "The security token included in the request is invalid.")
    }

    /// A record of a session of the first account, issued now for an hour.
    fn record(kms: &TestKms, principal: &str) -> SessionRecord {
        let issued_at = kms.service().wall_now().as_millis();
        SessionRecord {
            account: HOME.parse::<AccountId>().unwrap().as_u64(),
            principal: principal.to_owned(),
            role_session_name: None,
            issued_at,
            expires_at: issued_at + 3_600_000,
            mfa_at: None,
            source_identity: None,
            tags: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
            assumed_through: Vec::new(),
        }
    }

    fn seal(kms: &TestKms, record: &SessionRecord) -> NewSession {
        NewSession::seal(&kms.view().newest_session_key().unwrap().key, record).unwrap()
    }

    fn open(kms: &TestKms, record: &SessionRecord) -> Option<Session> {
        let new = seal(kms, record);
        Session::open(&kms.view(), new.access_key_id, new.token.as_bytes())
    }

    /// What was changed, cut, made for another access key or by another deployment opens nowhere.
    #[test]
    fn only_the_token_itself_opens() {
        let (kms, elsewhere) = (TestKms::new(), TestKms::new());
        let (reply, other) = (kms.ok("GetSessionToken", json!({})), kms.ok("GetSessionToken", json!({})));
        let ((id, token), (other_id, other_token)) = (id_and_token(&reply), id_and_token(&other));
        let view = kms.view();
        let opens = |id, token: &[u8]| Session::open(&view, id, token).is_some();
        assert!(opens(id, token.as_bytes()) && opens(other_id, other_token.as_bytes()));
        assert!(!opens(other_id, token.as_bytes()), "another access key");
        assert!(Session::open(&elsewhere.view(), id, token.as_bytes()).is_none(), "another deployment");
        for position in 0..token.len() {
            for replacement in [b'A', b'B', b'-', b'_', b'=', b'+', 0, 0xff] {
                let mut altered = token.as_bytes().to_vec();
                if std::mem::replace(&mut altered[position], replacement) != replacement {
                    assert!(!opens(id, &altered), "byte {position} as {replacement}");
                }
            }
            assert!(!opens(id, &token.as_bytes()[..position]), "cut at {position}");
        }
        for text in
            [format!("{token}A"), format!("{token}="), format!(" {token}"), format!("{token} "), "A".repeat(20_000)]
        {
            assert!(!opens(id, text.as_bytes()), "{text}");
        }
    }

    /// Nobody but this crate seals records; a damaged one is refused all the same.
    #[test]
    fn records_that_say_nothing() {
        let kms = TestKms::new();
        let whole = record(&kms, "AIDA7777777777777777");
        assert!(open(&kms, &whole).is_some());
        for (name, record) in [
            ("principal", SessionRecord { principal: "AKIA7777777777777777".into(), ..whole.clone() }),
            ("a user with a session name", SessionRecord { role_session_name: Some("s1".into()), ..whole.clone() }),
            ("a role without", SessionRecord { principal: "AROA7777777777777777".into(), ..whole.clone() }),
            ("account", SessionRecord { account: 1_000_000_000_000, ..whole.clone() }),
            ("policy", SessionRecord { policy: Some("{}".into()), ..whole.clone() }),
            ("policy ARN", SessionRecord { policy_arns: vec!["x".into()], ..whole.clone() }),
            ("assumed through", SessionRecord { assumed_through: vec!["x".into()], ..whole.clone() }),
        ] {
            assert!(open(&kms, &record).is_none(), "{name}");
        }
    }

    #[test]
    fn a_session_acts_as_its_user_and_says_so() {
        let kms = TestKms::new();
        let key = kms.key();
        let ann = kms.admin().user("ann", &statement("Allow", "kms:Encrypt", "*"));
        let session = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        assert_eq!(session.call("GetCallerIdentity", json!({})), ann.call("GetCallerIdentity", json!({})));
        assert!(session.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"})).is_ok());
        let denied = session.call("DisableKey", json!({"KeyId": key}));
        let arn = kms.admin().key_arn(&key);
        let rest = format!(" on resource: {arn} because no identity-based policy allows the kms:DisableKey action");
        assert_eq!(denied, Err(ann.denied("kms:DisableKey", &rest)));
    }

    /// Source: STS API reference, GetSessionToken: what its sessions may not call, whatever policies say.
    #[test]
    fn what_sessions_may_not_call() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "*", "*"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let plain = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        let with_code = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        assert_eq!(plain.call("GetUser", json!({})), Err(invalid("InvalidClientTokenId")));
        assert_eq!(plain.call("CreateUser", json!({"UserName": "bob"})), Err(invalid("InvalidClientTokenId")));
        assert_eq!(with_code.call("GetUser", json!({})), ann.call("GetUser", json!({})));
        for session in [&plain, &with_code] {
            for (operation, body) in
                [("GetSessionToken", json!({})), ("GetAccessKeyInfo", json!({"AccessKeyId": "AKIA7777777777777777"}))]
            {
                let text = format!("Cannot call {operation} with session credentials");
                assert_eq!(session.call(operation, body), Err(refused("AccessDenied", &text)));
            }
            assert!(session.call("ListKeys", json!({})).is_ok());
        }
    }

    #[test]
    fn it_ends_in_time() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let opened = Opened::of(&kms, &ann.ok("GetSessionToken", json!({"DurationSeconds": 900})));
        let (session, view) = (opened.session(), kms.view());
        let at = |seconds: i64| session.caller(&view, session.issued_at.offset_by(seconds * 1000));
        assert!(at(0).is_ok() && at(899).is_ok());
        for seconds in [900, 901, 1_000_000] {
            assert!(matches!(at(seconds).err(), Some(Error::SessionExpired)), "{seconds}");
        }
        let wire = Error::SessionExpired.wire();
        let names = (wire.json_code, wire.json_status, wire.query_code, wire.query_status);
        assert_eq!(names, ("ExpiredTokenException", 400, "ExpiredToken", 403));
        assert_eq!(wire.message.as_deref(), Some("The security token included in the request is expired"));
    }

    /// A successor of the same name is somebody else.
    #[test]
    fn it_dies_with_its_user() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let session = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        assert!(session.call("GetCallerIdentity", json!({})).is_ok());
        kms.ok("DeleteAccessKey", json!({"UserName": "ann", "AccessKeyId": ann.access_key_id.to_string()}));
        assert!(
            session.call("GetCallerIdentity", json!({})).is_ok(),
            "the access key that asked for it is no part of it"
        );
        kms.ok("DeleteUser", json!({"UserName": "ann"}));
        assert_eq!(session.call("GetCallerIdentity", json!({})), Err(invalid("InvalidClientTokenId")));
        assert_eq!(session.call("CreateKey", json!({})), Err(invalid("UnrecognizedClientException")));
        kms.admin().user("ann", &statement("Allow", "*", "*"));
        assert_eq!(session.call("ListKeys", json!({})), Err(invalid("UnrecognizedClientException")));
    }

    /// A session stands on each of those through whom it came to be.
    #[test]
    fn it_dies_with_whom_it_came_through() {
        let kms = TestKms::new();
        let id =
            |name: &str| kms.ok("CreateUser", json!({"UserName": name}))["User"]["UserId"].as_str().unwrap().to_owned();
        let (ann, bob, eve) = (id("ann"), id("bob"), id("eve"));
        let session = open(&kms, &SessionRecord { assumed_through: vec![bob, eve], ..record(&kms, &ann) }).unwrap();
        let alive = || session.caller(&kms.view(), kms.service().wall_now()).is_ok();
        assert!(alive());
        kms.ok("DeleteUser", json!({"UserName": "bob"}));
        assert!(!alive());
        let session = open(&kms, &SessionRecord { assumed_through: vec![id("bob")], ..record(&kms, &ann) }).unwrap();
        let alive = || session.caller(&kms.view(), kms.service().wall_now()).is_ok();
        assert!(alive());
        kms.ok("RevokeSessions", json!({"PrincipalArn": "arn:aws:iam::111122223333:user/bob"}));
        assert!(!alive());
    }

    /// The account in the token is the user's own, and a role that is not there calls nothing.
    #[test]
    fn principals_that_are_not_there() {
        let kms = TestKms::new();
        let away = kms.away().ok("GetUser", json!({}))["User"]["UserId"].as_str().unwrap().to_owned();
        let role = SessionRecord { role_session_name: Some("s1".into()), ..record(&kms, "AROA7777777777777777") };
        for record in [record(&kms, &away), record(&kms, "AIDA7777777777777777"), role] {
            let session = open(&kms, &record).unwrap();
            let refusal = session.caller(&kms.view(), kms.service().wall_now()).err();
            assert!(matches!(refusal, Some(Error::CallerGone)), "{record:?}");
        }
    }

    /// The secret that was given out is the one that signatures are checked with.
    #[test]
    fn the_secret_is_made_again() {
        let kms = TestKms::new();
        let reply = kms.ok("GetSessionToken", json!({}));
        let secret = reply["Credentials"]["SecretAccessKey"].as_str().unwrap().to_owned();
        let secret = SecretAccessKey::from_text(secret).unwrap().signing_key("20260131", REGION, "kms").unwrap();
        let (id, token) = id_and_token(&reply);
        let session = Session::open(&kms.view(), id, token.as_bytes()).unwrap();
        let signatory = crate::identity::caller::Signatory::Session(Arc::new(session));
        let (region, service) = (REGION.parse().unwrap(), claviger_types::ServiceName::Kms);
        let stored = kms.service().signing_key(&kms.view(), &signatory, "20260131", region, service).unwrap();
        assert!(stored.verify(b"text", &secret.sign(b"text").unwrap()));
    }
    /// Source: IAM user guide, `aws:MultiFactorAuthPresent` and `aws:MultiFactorAuthAge`: a user's own access key has
    /// neither, a session without a code has the first one as `false`.
    #[test]
    fn what_sessions_have_and_access_keys_have_not() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        let code = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let plain = Opened::of(&kms, &ann.ok("GetSessionToken", json!({})));
        let with_code = Opened::of(&kms, &ann.ok("GetSessionToken", code));
        for (condition, want) in [
            (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), [false, false, true]),
            (json!({"Bool": {"aws:MultiFactorAuthPresent": "false"}}), [false, true, false]),
            (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), [true, false, true]),
            (json!({"Null": {"aws:MultiFactorAuthPresent": "true"}}), [true, false, false]),
            (json!({"Null": {"aws:MultiFactorAuthAge": "true"}}), [true, true, false]),
            (json!({"NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}), [false, false, true]),
            (json!({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "3600"}}), [false, false, false]),
            (json!({"Null": {"aws:TokenIssueTime": "false"}}), [false, true, true]),
            (json!({"DateGreaterThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}), [false, true, true]),
            (json!({"DateLessThan": {"aws:TokenIssueTime": "2020-01-01T00:00:00Z"}}), [false, false, false]),
            (json!({"Null": {"aws:SourceIdentity": "true"}}), [true, true, true]),
        ] {
            let statement =
                json!({"Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*", "Condition": condition});
            let document = policy(&statement.to_string());
            kms.ok("PutUserPolicy", json!({"UserName": "ann", "PolicyName": "p", "PolicyDocument": document}));
            let by_access_key = ann.call("ListKeys", json!({})).is_ok();
            let by_session = [&plain, &with_code].map(|session| session.call("ListKeys", json!({})).is_ok());
            assert_eq!([by_access_key, by_session[0], by_session[1]], want, "{condition}");
        }
    }
}
