//! `AttachUserPolicy`: a managed policy counts for a user from now on. Source: IAM API reference, AttachUserPolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::attachments::AttachedArn;
use crate::identity::{attachments, entities, policies};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct AttachUserPolicy {
    user: UserPlace,
    policy: AttachedArn,
}

impl Operation for AttachUserPolicy {
    const NAME: &'static str = "AttachUserPolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    const TELLS_BOUNDARY: bool = true;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { user: entities::named(fields)?, policy: AttachedArn(policies::arn_from_request(fields)?) })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }

    fn request_context(&self) -> &dyn RequestContext {
        &self.policy
    }
}

impl PlainCommand for AttachUserPolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        Ok(attachments::attach(target.existing()?, &self.policy.0, facts)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, policy, refused, statement};

    #[test]
    fn it_counts_at_once() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let arn = kms.policy("p", &statement("Allow", "kms:ListKeys", "*"));
        assert!(ann.call("ListKeys", json!({})).is_err());
        for _ in 0..2 {
            assert_eq!(kms.ok("AttachUserPolicy", json!({"UserName": "ANN", "PolicyArn": arn})), Value::Null);
        }
        ann.ok("ListKeys", json!({}));
        assert_eq!(kms.ok("GetPolicy", json!({"PolicyArn": arn}))["Policy"]["AttachmentCount"], 1);
        assert_eq!(kms.store.counter("counters/global/policy-uses/111122223333/p"), 1);
        let full = "arn:aws:iam::aws:policy/AdministratorAccess";
        kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": full}));
        ann.ok("ListUsers", json!({}));
    }

    /// Source: IAM quotas: ten managed policies for one user.
    #[test]
    fn ten_at_most() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let attach = |name: &str| {
            let arn = kms.policy(name, &statement("Allow", "kms:ListKeys", "*"));
            kms.call("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}))
        };
        for number in 0..10 {
            assert_eq!(attach(&format!("p{number}")), Ok(Value::Null), "{number}");
        }
        assert_eq!(attach("more"), Err(refused("LimitExceeded", "Cannot exceed quota for PoliciesPerUser: 10")));
        // One that is attached already is no more.
        let arn = "arn:aws:iam::111122223333:policy/p0";
        kms.ok("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}));
    }

    #[test]
    fn what_cannot_be_attached() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        kms.policy("Mine", &statement("Allow", "kms:ListKeys", "*"));
        let away = json!({"PolicyName": "theirs", "PolicyDocument": policy(&statement("Allow", "*", "*"))});
        kms.away().ok("CreatePolicy", away);
        for arn in [
            "arn:aws:iam::111122223333:policy/none",
            "arn:aws:iam::111122223333:policy/mine",
            "arn:aws:iam::111122223333:policy/a/Mine",
            "arn:aws:iam::444455556666:policy/theirs",
            "arn:aws:iam::aws:policy/None",
            "arn:aws:iam::aws:policy/administratoraccess",
        ] {
            let text = format!("Policy {arn} does not exist or is not attachable.");
            let answer = kms.call("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": arn}));
            assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
        }
        let bad = "arn:aws:iam:aws:policy/AdministratorAccess";
        let text = format!("ARN {bad} is not valid.");
        let answer = kms.call("AttachUserPolicy", json!({"UserName": "ann", "PolicyArn": bad}));
        assert_eq!(answer, Err(refused("InvalidInput", &text)));
    }
}
