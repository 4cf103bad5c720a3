//! `EnableMFADevice`: a device becomes a user's, once two codes in a row show that the user has it.
//! Source: IAM API reference, EnableMFADevice.

use claviger_types::{ServiceName, limits};

use crate::error::Error;
use crate::identity::entities::Entity;
use crate::identity::mfa::{self, CodePair};
use crate::identity::users;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::Outcome;
use crate::target::{Authorized, UserPlace, UserTarget};
use crate::view::MfaDevice;
use crate::wire::Fields;

/// The request.
pub struct EnableMFADevice {
    user: UserPlace,
    serial_number: String,
    codes: CodePair,
}

impl Operation for EnableMFADevice {
    const NAME: &'static str = "EnableMFADevice";
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

impl EnableMFADevice {
    fn device<'a>(&self, facts: &Facts<'a>) -> Result<&'a MfaDevice, Error> {
        let device = mfa::find(facts.view, facts.account(), &self.serial_number);
        let device = device.ok_or_else(|| mfa::not_found(&self.serial_number))?;
        if device.assignment.is_some() {
            return Err(Error::AlreadyExists(format!("MFA device {} is already in use.", device.arn)));
        }
        Ok(device)
    }
}

impl Command for EnableMFADevice {
    type Prepared = ();

    fn prepare(&self, facts: &Facts<'_>, target: &Authorized<UserTarget>, tools: &Tools<'_>) -> Result<(), Error> {
        target.existing()?;
        self.codes.try_out(facts, tools, self.device(facts)?)
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<UserTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let (user, device) = (target.existing()?, self.device(facts)?);
        let limit = limits::MFA_DEVICES_PER_USER_MAX;
        if facts.view.mfa_devices_of(user.account, user.id, "").count() >= limit {
            return Err(Error::LimitExceeded(format!("Cannot exceed quota for MfaDevicesPerUser: {limit}")));
        }
        let changes = self.codes.assign(facts, device, user)?;
        // The user's record is written as it is, so that neither DeleteUser nor a ninth device at the same moment stands.
        Ok(changes.replace(user.record_path(), user.revision, &user.to_record()).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused};
    use crate::testing::test_mfa::{Phone, wrong_code};

    #[test]
    fn two_codes_in_a_row() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let phone = Phone::made(&kms, "phone");
        let [first, second] = phone.two_codes();
        let enable = |one: &str, other: &str| kms.call("EnableMFADevice", phone.body("ann", one, other));
        let invalid = Err(refused("InvalidAuthenticationCode", "Authentication code for device is not valid."));
        assert_eq!(enable(&second, &first), invalid);
        assert_eq!(enable(&first, &first), invalid);
        assert_eq!(enable(&first, &wrong_code(&second)), invalid);
        assert!(enable(&first, &second).is_ok());
        let text = format!("MFA device {} is already in use.", phone.serial_number);
        assert_eq!(enable(&first, &second), Err(refused("EntityAlreadyExists", &text)));
    }

    #[test]
    fn users_and_devices_that_are_not_there() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let phone = Phone::made(&kms, "phone");
        let answer = kms.call("EnableMFADevice", phone.body("bob", "123456", "123456"));
        assert_eq!(answer, Err(refused("NoSuchEntity", "The user with name bob cannot be found.")));
        for serial_number in [
            "arn:aws:iam::111122223333:mfa/none",
            "arn:aws:iam::111122223333:mfa/Phone",
            "arn:aws:iam::111122223333:mfa/x/phone",
            "arn:aws:iam::444455556666:mfa/phone",
            "GAHT12345678",
        ] {
            let mut body = phone.body("ann", "123456", "123456");
            body["SerialNumber"] = json!(serial_number);
            let text = format!("VirtualMFADevice with serial number {serial_number} doesn't exist.");
            assert_eq!(kms.call("EnableMFADevice", body), Err(refused("NoSuchEntity", &text)));
        }
    }

    #[test]
    fn eight_for_each_user() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        for number in 0..8 {
            Phone::enabled(&kms, "ann", &format!("phone-{number}"));
        }
        let phone = Phone::made(&kms, "phone-8");
        let [first, second] = phone.two_codes();
        let answer = kms.call("EnableMFADevice", phone.body("ann", &first, &second));
        assert_eq!(answer, Err(refused("LimitExceeded", "Cannot exceed quota for MfaDevicesPerUser: 8")));
    }

    /// A device that was enabled just before its user went would speak for nobody.
    #[test]
    fn the_user_stays_while_a_device_is_enabled() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let view = kms.view();
        let phone = Phone::enabled(&kms, "ann", "phone");
        let conflict = refused("DeleteConflict", "Cannot delete entity, must deactivate MFA devices first.");
        let delete = json!({"UserName": "ann"});
        assert_eq!(kms.admin().call_on(&view, "DeleteUser", delete.clone()), Err(conflict));
        kms.ok("DeactivateMFADevice", json!({"SerialNumber": phone.serial_number, "UserName": "ann"}));
        kms.ok("DeleteUser", delete);
    }
}
