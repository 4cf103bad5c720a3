//! `ResyncMFADevice`: two codes in a row show what the device's clock shows. Source: IAM API reference, ResyncMFADevice.

use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::mfa::{self, CodePair};
use crate::identity::users;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::wire::Fields;

/// The request.
pub struct ResyncMFADevice {
    user: UserPlace,
    serial_number: String,
    codes: CodePair,
}

impl Operation for ResyncMFADevice {
    const NAME: &'static str = "ResyncMFADevice";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = UserTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self {
            user: users::named_user(fields)?,
            serial_number: fields.string("SerialNumber").unwrap_or_default(),
            codes: CodePair::parse(fields)?,
        })
    }

    fn target(&self) -> &UserPlace {
        &self.user
    }
}

impl Command for ResyncMFADevice {
    type Prepared = ();

    fn prepare(&self, facts: &Facts<'_>, target: &Authorized<UserTarget>, tools: &Tools<'_>) -> Result<(), Error> {
        self.codes.try_out(facts, tools, mfa::device_of(facts.view, target.existing()?, &self.serial_number)?)
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let user = target.existing()?;
        let device = mfa::device_of(facts.view, user, &self.serial_number)?;
        Ok(self.codes.assign(facts, device, user)?.reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};
    use crate::testing::test_mfa::Phone;

    /// A clock that is off by minutes gives codes that are refused, until two of them have shown it.
    #[test]
    fn a_clock_that_is_off() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let mut phone = Phone::enabled(&kms, "ann", "phone");
        phone.ahead_steps = 10;
        let session =
            |code: &str| ann.call("GetSessionToken", json!({"SerialNumber": phone.serial_number, "TokenCode": code}));
        assert_eq!(session(&phone.next_code()).unwrap_err().code, "AccessDenied");
        let [first, second] = phone.two_codes();
        kms.ok("ResyncMFADevice", phone.body("ann", &first, &second));
        assert!(session(&phone.next_code()).is_ok());
        // The codes that showed the clock are used.
        assert_eq!(session(&second).unwrap_err().code, "AccessDenied");
        let again = kms.call("ResyncMFADevice", phone.body("ann", &first, &second));
        assert_eq!(again, Err(refused("InvalidAuthenticationCode", "Authentication code for device is not valid.")));
        phone.ahead_steps = 40;
        let [first, second] = phone.two_codes();
        let far = kms.call("ResyncMFADevice", phone.body("ann", &first, &second));
        assert_eq!(far.unwrap_err().code, "InvalidAuthenticationCode");
    }

    #[test]
    fn a_device_of_somebody_else() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        kms.ok("CreateUser", json!({"UserName": "bob"}));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let text = format!("MFA Device with serial number {} is not enabled for user bob.", phone.serial_number);
        let [first, second] = phone.two_codes();
        let answer = kms.call("ResyncMFADevice", phone.body("bob", &first, &second));
        assert_eq!(answer, Err(refused("NoSuchEntity", &text)));
    }
}
