//! `PutUserPolicy`: an inline policy is added to a user, or gets another text. Source: IAM API reference,
//! PutUserPolicy.

use claviger_policy::IdentityPolicy;
use claviger_types::{ServiceName, UserName, limits};

use crate::error::Error;
use crate::identity::users;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::records::{InlinePolicyRecord, UserRecord};
use crate::target::{Authorized, UserPlace, UserTarget, unanswered};
use crate::wire::Fields;

/// The request.
pub struct PutUserPolicy {
    user: UserPlace,
    policy_name: String,
    document: String,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user(fields)?,
            policy_name: fields.string("PolicyName").unwrap_or_default(),
            document: fields.string("PolicyDocument").unwrap_or_default(),
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for PutUserPolicy {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<UserTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        let policy = IdentityPolicy::parse(&self.document);
        let policy = policy.map_err(|error| Error::MalformedPolicyDocument(error.to_string()))?;
        unanswered(policy.condition_keys())?;
        let mut record = user.to_record();
        self.put_into(&mut record);
        check_size(&record, &user.name)?;
        Ok(users::edit_user(user, |stored| *stored = record).reply(()))
    }
}

impl PutUserPolicy {
    fn put_into(&self, record: &mut UserRecord) {
        match record.policies.iter_mut().find(|policy| policy.name == self.policy_name) {
            Some(policy) => policy.document.clone_from(&self.document),
            None => {
                let policy = InlinePolicyRecord { name: self.policy_name.clone(), document: self.document.clone() };
                record.policies.push(policy);
                record.policies.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
    }
}

/// White space is not counted, but must still find room in the store.
fn check_size(record: &UserRecord, name: &UserName) -> Result<(), Error> {
    let documents = || record.policies.iter().map(|policy| policy.document.as_str());
    let counted = |document: &str| document.chars().filter(|character| !character.is_whitespace()).count();
    let (chars, bytes): (usize, usize) = (documents().map(counted).sum(), documents().map(str::len).sum());
    let (chars_max, bytes_max) = (limits::INLINE_POLICY_CHARS_PER_USER_MAX, limits::POLICY_DOCUMENT_BYTES_MAX);
    let exceeded =
        |limit| Error::LimitExceeded(format!("Maximum policy size of {limit} bytes exceeded for user {name}"));
    if chars > chars_max {
        return Err(exceeded(chars_max));
    }
    if bytes > bytes_max { Err(exceeded(bytes_max)) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{Refused, TestKms, policy, refused, statement};

    fn put(kms: &TestKms, name: &str, document: &str) -> Result<Value, Refused> {
        kms.call("PutUserPolicy", json!({"UserName": "ann", "PolicyName": name, "PolicyDocument": document}))
    }

    /// It counts from the next request on, whichever key or alias is asked about.
    #[test]
    fn a_policy_counts_at_once() {
        let kms = TestKms::new();
        let (ann, key) = (kms.admin().user("ann", ""), kms.key());
        let encrypt = || ann.call("Encrypt", json!({"KeyId": key, "Plaintext": "AAAA"}));
        assert!(encrypt().is_err());
        put(&kms, "p", &policy(&statement("Allow", "kms:Encrypt", "*"))).unwrap();
        assert!(encrypt().is_ok());
        assert!(ann.call("DisableKey", json!({"KeyId": key})).is_err());
        put(&kms, "q", &policy(&statement("Deny", "kms:Enc*", &ann.key_arn(&key)))).unwrap();
        assert!(encrypt().unwrap_err().message.ends_with(" with an explicit deny in an identity-based policy"));
        put(&kms, "q", &policy(&statement("Deny", "kms:Enc*", &ann.key_arn(&kms.key())))).unwrap();
        assert!(encrypt().is_ok());
    }

    /// Source: IAM quotas: 2,048 characters of one user, white space not counted.
    #[test]
    fn sizes() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let sized = |chars: usize| {
            let shortest = policy(&statement("Allow", "kms:*", "arn:aws:kms:::"));
            let padding = "a".repeat(chars - shortest.len());
            policy(&statement("Allow", "kms:*", &format!("arn:aws:kms:::{padding}")))
        };
        let text = |limit: u32| format!("Maximum policy size of {limit} bytes exceeded for user ann");
        let exceeded = Err(refused("LimitExceeded", &text(2048)));
        assert_eq!(put(&kms, "p", &sized(2048).replace(',', " ,\n ")), Ok(Value::Null));
        assert_eq!(put(&kms, "p", &sized(2049)), exceeded);
        assert_eq!(put(&kms, "q", &sized(120)), exceeded);
        assert_eq!(put(&kms, "p", &sized(1900)), Ok(Value::Null));
        assert_eq!(put(&kms, "q", &sized(148)), Ok(Value::Null));
        assert_eq!(put(&kms, "q", &sized(149)), exceeded);
        // White space is free, but not without end.
        let wide = format!("{}{}", sized(148), " ".repeat(130_000));
        assert_eq!(put(&kms, "q", &wide), Err(refused("LimitExceeded", &text(131_072))));
    }

    #[test]
    fn refused_documents() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let condition = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:FederatedProvider":"x"}}}}"#;
        let principal = r#"{"Statement":{"Effect":"Allow","Principal":"*","Action":"*","Resource":"*"}}"#;
        for document in ["{", "{}", "[]", r#"{"Statement":[],"Statement":[]}"#, condition, principal] {
            let refusal = put(&kms, "p", document).unwrap_err();
            assert_eq!(refusal.code, "MalformedPolicyDocument", "{document}");
            assert!(!refusal.message.is_empty(), "{document}");
        }
        let missing = json!({"UserName": "bob", "PolicyName": "p", "PolicyDocument": "{"});
        let text = "The user with name bob cannot be found.";
        assert_eq!(kms.call("PutUserPolicy", missing), Err(refused("NoSuchEntity", text)));
    }
}
