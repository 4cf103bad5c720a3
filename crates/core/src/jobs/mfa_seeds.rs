//! Seeds of MFA devices under a retired domain key, wrapped again by its successor.

use claviger_keyring::Space;
use claviger_types::AccountId;

use super::commit;
use crate::error::Error;
use crate::identity::mfa;
use crate::service::Service;
use crate::target::Resources;
use crate::view::{Domain, View};

/// Wraps each seed under `retired` again.
pub async fn wrap_again(service: &Service, retired: &Domain, account: AccountId) -> Result<(), Error> {
    let view = service.view();
    let Some(newest) = view.domain_key(Space::Global, account) else { return Ok(()) };
    let version = retired.key.version();
    for device in view.mfa_devices_after(account, "").filter(|device| device.domain_key_version == version) {
        let wrapped = newest.key.rewrap_mfa_seed(&retired.key, &device.id, &device.wrapped_seed);
        let wrapped = wrapped.map_err(|error| Error::Internal(format!("{}: {error}", device.arn)))?;
        let changes = mfa::edit(device, |record| {
            record.wrapped_seed = wrapped;
            record.domain_key_version = newest.key.version();
        });
        commit(service, changes, "RewrapMfaSeeds", account, Resources::of_arn(&device.arn)).await?;
    }
    Ok(())
}

/// Whether a domain key still wraps any seed of its account.
pub fn are_wrapped_by(view: &View, domain: &Domain) -> bool {
    let version = domain.key.version();
    view.mfa_devices_after(domain.key.scope().account, "").any(|device| device.domain_key_version == version)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use crate::jobs::rewrap;
    use crate::testing::test_kms::{HOME, TestKms};
    use crate::testing::test_mfa::Phone;

    /// A device works under old keys and new, and the old key goes.
    #[test]
    fn a_device_outlives_its_domain_key() {
        let kms = TestKms::new();
        let ann = kms.admin().user("ann", "");
        let phone = Phone::enabled(&kms, "ann", "phone");
        kms.ok("RotateDomainKeys", json!({"Space": "GLOBAL"}));
        kms.block_on(rewrap::run(kms.service())).unwrap();
        let account = HOME.parse().unwrap();
        assert_eq!(kms.view().domain_keys().filter(|domain| domain.key.scope().account == account).count(), 1);
        assert!(kms.view().mfa_devices_after(account, "").all(|device| device.domain_key_version == 2));
        let body = json!({"SerialNumber": phone.serial_number, "TokenCode": phone.next_code()});
        assert!(ann.call("GetSessionToken", body).is_ok());
    }
}
