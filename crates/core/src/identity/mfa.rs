//! MFA devices in requests: found by their serial numbers, their codes judged by the wall clock, each code used once.
//! Sources: IAM API reference; texts of STS as observed at AWS.

use std::sync::Arc;

use claviger_keyring::{MfaSeed, OneTimeCode, Space, TimeStep};
use claviger_types::{AccountId, MfaDeviceArn};

use crate::error::Error;
use crate::paths;
use crate::pipeline::call::{Facts, Tools};
use crate::pipeline::outcome::Changes;
use crate::records::{MfaAssignmentRecord, MfaDeviceRecord};
use crate::view::{MfaDevice, User, View};
use crate::wire::Fields;

/// A device that is off by so few steps is not off: its user was slow, or the clocks tick apart.
const DRIFT_IGNORED: i64 = 1;

/// `SerialNumber` and `TokenCode` of an STS request.
pub struct PresentedCode {
    serial_number: String,
    code: OneTimeCode,
}

/// Two codes in a row, which show what a device's clock shows.
pub struct CodePair([OneTimeCode; 2]);

impl PresentedCode {
    /// Both or neither.
    pub fn parse(fields: &mut Fields) -> Result<Option<Self>, Error> {
        match (fields.string("SerialNumber"), fields.string("TokenCode")) {
            (None, None) => Ok(None),
            (Some(serial_number), Some(code)) => Ok(Some(Self { serial_number, code: parse_code(&code)? })),
            (Some(_), None) | (None, Some(_)) => Err(Error::Forbidden(
                "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code.".into(),
            )),
        }
    }

    /// Tries the code and counts a wrong one against the device: before a command decides, since that is pure.
    pub fn try_out(&self, facts: &Facts<'_>, tools: &Tools<'_>, user: &User) -> Result<(), Error> {
        let device = self.device_of(facts, user)?;
        tools.mfa_attempts.admit(device.id, facts.wall_now())?;
        let judged = self.step(facts, device).map(drop);
        tools.mfa_attempts.count(device.id, facts.wall_now(), &judged);
        judged
    }

    /// What marks the code as used, if it is the user's and was not used before.
    pub fn accept(&self, facts: &Facts<'_>, user: &User) -> Result<Changes, Error> {
        let device = self.device_of(facts, user)?;
        let step = self.step(facts, device)?;
        Ok(edit(device, |record| record.last_step = step.number()))
    }

    /// The device is not the caller's. Source: text observed at AWS.
    pub fn not_validated() -> Error {
        Error::Forbidden(
            "MultiFactorAuthentication failed, unable to validate MFA code.  Please verify your MFA serial number is \
             valid and associated with this user."
                .into(),
        )
    }

    fn device_of<'a>(&self, facts: &Facts<'a>, user: &User) -> Result<&'a MfaDevice, Error> {
        device_of(facts.view, user, &self.serial_number).map_err(|_| Self::not_validated())
    }

    fn step(&self, facts: &Facts<'_>, device: &MfaDevice) -> Result<TimeStep, Error> {
        let assigned = device.assignment.ok_or(Error::InvalidAuthenticationCode)?;
        let now = TimeStep::at(facts.wall_now()).later(assigned.drift_steps);
        let step = seed(facts.view, device)?.step_of(&self.code, now, device.last_step)?;
        step.ok_or_else(|| {
            Error::Forbidden("MultiFactorAuthentication failed with invalid MFA one time pass code. ".into())
        })
    }
}

impl CodePair {
    /// `AuthenticationCode1` and `AuthenticationCode2`.
    pub fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let mut code = |member: &str| parse_code(&fields.string(member).unwrap_or_default());
        Ok(Self([code("AuthenticationCode1")?, code("AuthenticationCode2")?]))
    }

    /// Tries the codes and counts wrong ones against the device.
    pub fn try_out(&self, facts: &Facts<'_>, tools: &Tools<'_>, device: &MfaDevice) -> Result<(), Error> {
        tools.mfa_attempts.admit(device.id, facts.wall_now())?;
        let judged = self.clock_of(facts, device).map(drop);
        tools.mfa_attempts.count(device.id, facts.wall_now(), &judged);
        judged
    }

    /// What makes the device `user`'s, with the clock that the codes show, and marks them as used.
    pub fn assign(&self, facts: &Facts<'_>, device: &MfaDevice, user: &User) -> Result<Changes, Error> {
        let (last_step, drift_steps) = self.clock_of(facts, device)?;
        let enabled_at = device.assignment.map_or(facts.now, |assigned| assigned.enabled_at).as_millis();
        Ok(edit(device, |record| {
            record.last_step = last_step.number();
            record.assignment = Some(MfaAssignmentRecord { user: user.id.to_string(), enabled_at, drift_steps });
        }))
    }

    fn clock_of(&self, facts: &Facts<'_>, device: &MfaDevice) -> Result<(TimeStep, i64), Error> {
        let Self([first, second]) = self;
        let now = TimeStep::at(facts.wall_now());
        let step = seed(facts.view, device)?.synchronize([first, second], now, device.last_step)?;
        let step = step.ok_or(Error::InvalidAuthenticationCode)?;
        let drift = step.since(now);
        Ok((step, if drift.abs() <= DRIFT_IGNORED { 0 } else { drift }))
    }
}

/// The device of this serial number in an account.
pub fn find<'v>(view: &'v View, account: AccountId, serial_number: &str) -> Option<&'v Arc<MfaDevice>> {
    let arn: MfaDeviceArn = serial_number.parse().ok()?;
    let device = view.mfa_device(arn.account, &arn.name)?;
    (arn.account == account && device.arn == arn).then_some(device)
}

/// The device of this serial number that `user` has enabled.
pub fn device_of<'v>(view: &'v View, user: &User, serial_number: &str) -> Result<&'v MfaDevice, Error> {
    let device = find(view, user.account, serial_number);
    let own = device.filter(|device| device.assignment.is_some_and(|assigned| assigned.user == user.id));
    own.map(|device| &**device).ok_or_else(|| {
        let name = &user.name;
        Error::NotFound(format!("MFA Device with serial number {serial_number} is not enabled for user {name}."))
    })
}

/// The device's record with one change, guarded by the revision that was decided on.
pub fn edit(device: &MfaDevice, change: impl FnOnce(&mut MfaDeviceRecord)) -> Changes {
    let mut record = device.to_record();
    change(&mut record);
    Changes::new(Space::Global).replace(path_of(device), device.revision, &record)
}

/// Where a device's record is.
pub fn path_of(device: &MfaDevice) -> String {
    paths::mfa_device(device.arn.account, &device.arn.name.folded())
}

/// No device has this serial number.
pub fn not_found(serial_number: &str) -> Error {
    Error::NotFound(format!("VirtualMFADevice with serial number {serial_number} doesn't exist."))
}

/// The device's seed.
pub fn seed(view: &View, device: &MfaDevice) -> Result<MfaSeed, Error> {
    let domain = view.domain_key_version(Space::Global, device.arn.account, device.domain_key_version);
    let domain = domain.ok_or_else(|| Error::Internal("an MFA device's domain key is missing".into()))?;
    let seed = domain.key.unwrap_mfa_seed(&device.id, &device.wrapped_seed);
    seed.map_err(|error| Error::Internal(format!("{}: {error}", device.arn)))
}

/// INVARIANT: the constraints let six digits through and nothing else.
fn parse_code(code: &str) -> Result<OneTimeCode, Error> {
    OneTimeCode::from_text(code).map_err(|error| Error::Validation(error.to_string()))
}
