//! `PutUserPolicy`: an inline policy is added to a user, or gets another text. Source: IAM API reference,
//! PutUserPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{inline, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct PutUserPolicy {
    user: UserPlace,
    policy: inline::Put,
}

impl Operation for PutUserPolicy {
    const NAME: &'static str = "PutUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: users::named_user(fields)?, policy: inline::Put::parse(fields) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for PutUserPolicy {
    fn decide(&self, _: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        Ok(self.policy.decide(target.existing()?)?.reply(()))
    }
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
        let condition = r#"{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"kms:MultiRegion":"1"}}}}"#;
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
