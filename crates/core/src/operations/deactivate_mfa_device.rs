//! `DeactivateMFADevice`: a device is nobody's again. A code that it was used with is not taken again all the same.
//! Source: IAM API reference, DeactivateMFADevice.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::{mfa, users};
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct DeactivateMFADevice {
    user: UserPlace,
    serial_number: String,
}

impl Operation for DeactivateMFADevice {
    const NAME: &'static str = "DeactivateMFADevice";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user_or_caller(fields)?,
            serial_number: fields.string("SerialNumber").unwrap_or_default(),
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl PlainCommand for DeactivateMFADevice {
    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>) -> Result<Outcome<()>, Error> {
        let device = mfa::device_of(facts.view, target.existing()?, &self.serial_number)?;
        Ok(mfa::edit(device, |record| record.assignment = None).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{TestKms, refused, statement};
    use crate::testing::test_mfa::Phone;
    use crate::testing::test_sessions::Opened;

    #[test]
    fn of_a_named_user_or_the_caller() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:DeactivateMFADevice", "arn:aws:iam::*:user/ann"));
        let (one, other) = (Phone::enabled(&kms, "ann", "one"), Phone::enabled(&kms, "ann", "other"));
        assert_eq!(ann.call("DeactivateMFADevice", json!({"SerialNumber": one.serial_number})), Ok(Value::Null));
        let body = json!({"SerialNumber": other.serial_number, "UserName": "ANN"});
        assert_eq!(kms.call("DeactivateMFADevice", body.clone()), Ok(Value::Null));
        let text = format!("MFA Device with serial number {} is not enabled for user ann.", other.serial_number);
        assert_eq!(kms.call("DeactivateMFADevice", body), Err(refused("NoSuchEntity", &text)));
        assert_eq!(ann.call("ListMFADevices", json!({"UserName": "ann"})).unwrap_err().code, "AccessDenied");
        assert_eq!(kms.ok("ListMFADevices", json!({"UserName": "ann"}))["MFADevices"], json!([]));
    }

    /// A session keeps what it was: its code was right when it was presented.
    #[test]
    fn a_session_outlives_the_device() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", &statement("Allow", "iam:GetUser", "*"));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let body = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        let session = Opened::of(&kms, &ann.ok("GetSessionToken", body));
        kms.ok("DeactivateMFADevice", json!({"SerialNumber": phone.serial_number, "UserName": "ann"}));
        assert!(session.call("GetUser", json!({})).is_ok());
    }
}
