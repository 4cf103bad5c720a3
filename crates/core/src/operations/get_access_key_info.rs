//! `GetAccessKeyInfo`: whose access key this is. Source: STS API reference, GetAccessKeyInfo.

use claviger_types::{AccessKeyId, AccountId, ServiceName, SessionKeyId};
use serde::Serialize;

use crate::error::Error;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, Read};
use crate::target::{Account, Authorized};
use crate::wire::Fields;

/// The request.
pub struct GetAccessKeyInfo {
    access_key_id: String,
}

/// The answer.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Reply {
    account: AccountId,
}

impl Operation for GetAccessKeyInfo {
    const NAME: &'static str = "GetAccessKeyInfo";
    const SERVICE: ServiceName = ServiceName::Sts;
    type Target = Account;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { access_key_id: fields.string("AccessKeyId").unwrap_or_default() })
    }

    fn target(&self) -> &() {
        &()
    }
}

impl Read for GetAccessKeyInfo {
    fn run(&self, facts: &Facts<'_>, _: Authorized<Account>) -> Result<Reply, Error> {
        if self.access_key_id.parse::<SessionKeyId>().is_ok() {
            let text = "Claviger stores no sessions, so it cannot tell whose a session's access key is.";
            return Err(Error::Unsupported(text.into()));
        }
        let id = self.access_key_id.parse::<AccessKeyId>().ok();
        let credential = id.and_then(|id| facts.view.access_key(id));
        let unknown = || Error::Validation(format!("The access key {} does not exist.", self.access_key_id));
        credential.map(|credential| Reply { account: credential.user.account }).ok_or_else(unknown)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{AWAY, HOME, TestKms, refused};

    #[test]
    fn of_whatever_account() {
        let kms = TestKms::new();
        let ask = |id: &str| kms.call("GetAccessKeyInfo", json!({"AccessKeyId": id}));
        for (session, account) in [(kms.admin(), HOME), (kms.away(), AWAY)] {
            assert_eq!(ask(session.access_key_id.as_str()), Ok(json!({"Account": account})));
        }
        for id in ["AKIA7777777777777777", "AAAAAAAAAAAAAAAA"] {
            let text = format!("The access key {id} does not exist.");
            assert_eq!(ask(id), Err(refused("ValidationError", &text)));
        }
        assert_eq!(ask("ASIA7777777777777777").unwrap_err().code, "UnsupportedOperation");
    }
}
