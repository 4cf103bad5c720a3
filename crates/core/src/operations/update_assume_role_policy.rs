//! `UpdateAssumeRolePolicy`: others may assume a role. Source: IAM API reference, UpdateAssumeRolePolicy.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{entities, trust};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, RolePlace, RoleTarget};
use crate::wire::Fields;

/// The request.
pub struct UpdateAssumeRolePolicy {
    role: RolePlace,
    document: String,
}

impl Operation for UpdateAssumeRolePolicy {
    const NAME: &'static str = "UpdateAssumeRolePolicy";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = RoleTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { role: entities::named(fields)?, document: fields.string("PolicyDocument").unwrap_or_default() })
    }

    fn target(&self) -> &RolePlace {
        &self.role
    }
}

impl PlainCommand for UpdateAssumeRolePolicy {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<RoleTarget>) -> Result<Outcome<()>, Error> {
        let role = target.existing()?;
        let trust = trust::accept(&self.document, facts)?;
        Ok(entities::edit(role, |record| record.trust = trust).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, trust};

    #[test]
    fn the_new_one_is_shown() {
        let kms = TestKms::new();
        kms.role("x");
        let document = trust("444455556666");
        let put =
            |document: &str| kms.call("UpdateAssumeRolePolicy", json!({"RoleName": "X", "PolicyDocument": document}));
        assert_eq!(put(&document), Ok(Value::Null));
        let shown = kms.ok("GetRole", json!({"RoleName": "x"}))["Role"]["AssumeRolePolicyDocument"].clone();
        assert_eq!(shown, crate::identity::documents::percent_encoded(&document));
        assert_eq!(put("{}").unwrap_err().code, "MalformedPolicyDocument");
    }
}
