//! `CreateVirtualMFADevice`: a seed for an authenticator app. It is stored wrapped and shown in this one answer, as text
//! and as a picture. Source: IAM API reference, CreateVirtualMFADevice.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use claviger_keyring::{MfaSeed, Space};
use claviger_types::{AccountId, MfaDeviceArn, MfaDeviceName, ServiceName, limits};
use serde::{Serialize, Serializer};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::identity::qr_png;
use crate::keys::domain_keys::WrappingKey;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::operation::{Command, Operation};
use crate::pipeline::outcome::{Changes, Outcome, Quota};
use crate::records::MfaDeviceRecord;
use crate::target::{Authorized, MfaDevicePlace, MfaDeviceTarget};
use crate::wire::Fields;

/// The request.
pub struct CreateVirtualMFADevice {
    name: MfaDeviceName,
    path: Box<str>,
    place: MfaDevicePlace,
}

/// The answer.
#[derive(Serialize)]
pub struct Reply {
    #[serde(rename = "VirtualMFADevice")]
    device: Shown,
}

/// `VirtualMFADevice`.
#[derive(Serialize)]
pub struct Shown {
    #[serde(rename = "SerialNumber")]
    serial_number: MfaDeviceArn,
    /// Blobs are base64 in XML, so the text in base32 is encoded once more.
    #[serde(rename = "Base32StringSeed", serialize_with = "exposed")]
    seed: Zeroizing<String>,
    #[serde(rename = "QRCodePNG", serialize_with = "exposed")]
    picture: Zeroizing<String>,
}

/// The seed of the device to be.
pub struct Prepared {
    id: [u8; 16],
    seed: MfaSeed,
    wrapping_key: WrappingKey,
    wrapped_seed: Vec<u8>,
}

impl Operation for CreateVirtualMFADevice {
    const NAME: &'static str = "CreateVirtualMFADevice";
    const SERVICE: ServiceName = ServiceName::Iam;
    type Target = MfaDeviceTarget;
    type Reply = Reply;

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let name = fields.string("VirtualMFADeviceName").unwrap_or_default();
        let long = || Error::Validation(format!("The device name {name} is longer than 128 characters"));
        let name: MfaDeviceName = name.parse().map_err(|_| long())?;
        let path: Box<str> = fields.string("Path").unwrap_or_else(|| "/".into()).into();
        Ok(Self { place: MfaDevicePlace::New(name.clone(), path.clone()), name, path })
    }

    fn target(&self) -> &MfaDevicePlace {
        &self.place
    }
}

impl Command for CreateVirtualMFADevice {
    type Prepared = Prepared;

    fn prepare(&self, facts: &Facts<'_>, _: &Authorized<MfaDeviceTarget>, _: &Tools<'_>) -> Result<Prepared, Error> {
        let (id, seed) = (claviger_keyring::random()?, MfaSeed::generate()?);
        let wrapping_key = WrappingKey::find_or_make(facts, Space::Global, facts.account())?;
        let wrapped_seed = wrapping_key.key().wrap_mfa_seed(&id, &seed)?;
        Ok(Prepared { id, seed, wrapping_key, wrapped_seed })
    }

    fn decide(
        &self,
        facts: &Facts<'_>,
        target: Authorized<MfaDeviceTarget>,
        prepared: &Prepared,
    ) -> Result<Outcome<Reply>, Error> {
        if target.device.is_some() {
            let text = "MFADevice entity at the same path and name already exists.";
            return Err(Error::AlreadyExists(text.into()));
        }
        let (account, Self { name, path, .. }) = (facts.account(), self);
        let record = MfaDeviceRecord {
            id: prepared.id,
            name: name.to_string(),
            path: path.to_string(),
            created_at: facts.now.as_millis(),
            domain_key_version: prepared.wrapping_key.key().version(),
            wrapped_seed: prepared.wrapped_seed.clone(),
            last_step: i64::MIN,
            assignment: None,
        };
        let changes = Changes::new(Space::Global).create(paths::mfa_device(account, &name.folded()), &record);
        let (counter, limit) = (paths::mfa_device_count(account), limits::MFA_DEVICES_PER_ACCOUNT_MAX);
        let changes = prepared.wrapping_key.guard(changes).count_in(counter, Quota::MfaDevices, limit);
        let seed = prepared.seed.to_base32();
        let picture = qr_png::image(&app_uri(account, name, &seed))?;
        let device = Shown {
            serial_number: MfaDeviceArn { account, path: path.clone(), name: name.clone() },
            seed: Zeroizing::new(STANDARD.encode(seed.as_bytes())),
            picture: Zeroizing::new(STANDARD.encode(picture.as_slice())),
        };
        Ok(changes.reply(Reply { device }))
    }
}

/// What an app reads off the picture. Source: "Key Uri Format" of the Google Authenticator wiki. Of the characters of a
/// device's name only these four mean something else in a URI.
fn app_uri(account: AccountId, name: &MfaDeviceName, seed: &str) -> Zeroizing<String> {
    let name = name.as_str().replace('+', "%2B").replace('=', "%3D").replace(',', "%2C").replace('@', "%40");
    Zeroizing::new(format!("otpauth://totp/Claviger:{name}@{account}?secret={seed}&issuer=Claviger"))
}

fn exposed<S: Serializer>(text: &Zeroizing<String>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(text)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;
    use serde_json::json;

    use crate::testing::test_kms::{TestKms, refused, statement};

    #[test]
    fn what_is_made_is_shown_once() {
        let kms = TestKms::new();
        let made = kms.ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "a+b=c,d@e", "Path": "/x/"}));
        let device = &made["VirtualMFADevice"];
        assert_eq!(device["SerialNumber"], "arn:aws:iam::111122223333:mfa/x/a+b=c,d@e");
        let bytes = |member: &str| STANDARD.decode(device[member].as_str().unwrap()).unwrap();
        assert_eq!(bytes("Base32StringSeed").len(), 32);
        assert!(bytes("QRCodePNG").starts_with(b"\x89PNG"));
        let listed = kms.ok("ListVirtualMFADevices", json!({}));
        let only = json!([{"SerialNumber": device["SerialNumber"]}]);
        assert_eq!(listed["VirtualMFADevices"], only);
    }

    #[test]
    fn one_of_a_name() {
        let kms = TestKms::new();
        kms.ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "phone"}));
        let text = "MFADevice entity at the same path and name already exists.";
        for body in [
            json!({"VirtualMFADeviceName": "phone"}),
            json!({"VirtualMFADeviceName": "Phone"}),
            json!({"VirtualMFADeviceName": "phone", "Path": "/x/"}),
        ] {
            let answer = kms.call("CreateVirtualMFADevice", body);
            assert_eq!(answer, Err(refused("EntityAlreadyExists", text)));
        }
        kms.away().ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "phone"}));
        let long = json!({"VirtualMFADeviceName": "x".repeat(129)});
        assert_eq!(kms.call("CreateVirtualMFADevice", long).unwrap_err().code, "ValidationError");
    }

    #[test]
    fn by_the_devices_arn() {
        let kms = TestKms::new();
        let own = statement("Allow", "iam:CreateVirtualMFADevice", "arn:aws:iam::*:mfa/ann");
        let ann = kms.admin().user("ann", &own);
        ann.ok("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "ann"}));
        let rest = " on resource: arn:aws:iam::111122223333:mfa/bob because no identity-based policy allows the \
                    iam:CreateVirtualMFADevice action";
        let answer = ann.call("CreateVirtualMFADevice", json!({"VirtualMFADeviceName": "bob"}));
        assert_eq!(answer, Err(ann.denied("iam:CreateVirtualMFADevice", rest)));
    }
}
