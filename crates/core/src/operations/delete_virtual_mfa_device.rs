//! `DeleteVirtualMFADevice`: a device that is nobody's goes, with its seed. Source: IAM API reference,
//! DeleteVirtualMFADevice.

use claviger_keyring::Space;
use claviger_types::ServiceName;

use crate::error::Error;
use crate::identity::mfa;
use crate::paths;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::{Changes, Outcome};
use crate::target::{Authorized, MfaDevicePlace, MfaDeviceTarget};
use crate::wire::Fields;

/// The request.
pub struct DeleteVirtualMFADevice {
    device: MfaDevicePlace,
}

impl Operation for DeleteVirtualMFADevice {
    const NAME: &'static str = "DeleteVirtualMFADevice";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = MfaDeviceTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { device: MfaDevicePlace::Existing(fields.string("SerialNumber").unwrap_or_default()) })
    }

    fn target(&self) -> &MfaDevicePlace {
        &self.device
    }
}

impl PlainCommand for DeleteVirtualMFADevice {
    fn decide(&self, _: &Facts<'_>, target: Authorized<MfaDeviceTarget>) -> Result<Outcome<()>, Error> {
        let device = target.existing()?;
        if device.assignment.is_some() {
            return Err(Error::DeleteConflict("MFA VirtualDevice in use. Must deactivate first.".into()));
        }
        let changes = Changes::new(Space::Global).delete(mfa::path_of(device), device.revision);
        Ok(changes.count_out(paths::mfa_device_count(device.arn.account)).reply(()))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use crate::testing::test_kms::{HOME, TestKms, refused};
    use crate::testing::test_mfa::Phone;

    #[test]
    fn only_what_nobody_uses() {
        let kms = TestKms::new();
        kms.ok("CreateUser", json!({"UserName": "ann"}));
        let phone = Phone::enabled(&kms, "ann", "phone");
        let delete = || kms.call("DeleteVirtualMFADevice", json!({"SerialNumber": phone.serial_number}));
        let used = refused("DeleteConflict", "MFA VirtualDevice in use. Must deactivate first.");
        assert_eq!(delete(), Err(used));
        kms.ok("DeactivateMFADevice", json!({"SerialNumber": phone.serial_number, "UserName": "ann"}));
        let counter = crate::paths::mfa_device_count(HOME.parse().unwrap());
        assert_eq!((kms.store.counter(&counter), delete(), kms.store.counter(&counter)), (1, Ok(Value::Null), 0));
        let text = format!("VirtualMFADevice with serial number {} doesn't exist.", phone.serial_number);
        assert_eq!(delete(), Err(refused("NoSuchEntity", &text)));
    }
}
