//! MFA devices: asked about by ARN, decided by identity policies alone. Source: service authorization reference, IAM.

use std::sync::Arc;

use claviger_policy::Resource;
use claviger_types::{MfaDeviceArn, MfaDeviceName};

use super::account::ask_identity;
use super::circumstances::Subject;
use super::{Asked, Resources, Target};
use crate::denial::DeniedResource;
use crate::error::Error;
use crate::identity::mfa;
use crate::pipeline::call::Facts;
use crate::view::MfaDevice;

/// Which device a request is about.
pub enum MfaDevicePlace {
    /// One that must exist, by its serial number.
    Existing(String),
    /// One to be made, with its path.
    New(MfaDeviceName, Box<str>),
}

/// A device, whether or not it exists.
pub struct MfaDeviceTarget {
    /// The device of that serial number, or the one whose name the new one would have.
    pub device: Option<Arc<MfaDevice>>,
    /// What policies are asked about, and a refusal names: as typed, or as it will be.
    serial_number: String,
}

impl Target for MfaDeviceTarget {
    type Name = MfaDevicePlace;

    /// A missing device is no error here: it is only told of after the permission to ask was found.
    fn resolve(place: &MfaDevicePlace, _: Asked, facts: &Facts<'_>) -> Result<Self, Error> {
        let account = facts.account();
        Ok(match place {
            MfaDevicePlace::Existing(serial_number) => Self {
                device: mfa::find(facts.view, account, serial_number).cloned(),
                serial_number: serial_number.clone(),
            },
            MfaDevicePlace::New(name, path) => Self {
                device: facts.view.mfa_device(account, name).cloned(),
                serial_number: MfaDeviceArn { account, path: path.clone(), name: name.clone() }.to_string(),
            },
        })
    }

    fn ask(&self, asked: Asked, facts: &Facts<'_>) -> Result<(), Error> {
        let shown = |denial| DeniedResource::Named(self.serial_number.clone(), denial);
        ask_identity(asked.action, Resource::Arn(&self.serial_number), Subject::Account, facts, shown)
    }

    fn describe(&self, place: &MfaDevicePlace, resources: &mut Resources) {
        if self.device.is_some() || matches!(place, MfaDevicePlace::New(..)) {
            resources.arn(self.serial_number.as_str());
        }
    }
}

impl MfaDeviceTarget {
    /// The device, or NoSuchEntity.
    pub fn existing(&self) -> Result<&MfaDevice, Error> {
        self.device.as_deref().ok_or_else(|| mfa::not_found(&self.serial_number))
    }
}
