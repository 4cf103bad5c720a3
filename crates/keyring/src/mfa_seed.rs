//! Virtual MFA devices: a seed that the service and the device share, and the one-time codes that both make of it.
//! Sources: RFC 6238 (time) on RFC 4226 (codes): HMAC-SHA1, 30 seconds, six digits, as every authenticator app has it.
//!
//! A code is good for one time step and its neighbours, and for one use: who verifies it remembers the step.

use claviger_types::{Malformed, Timestamp};
use zeroize::Zeroizing;

use crate::domain_key::DomainKey;
use crate::error::{Damaged, ModuleFailed, RewrapError};
use crate::primitives::{equal_in_constant_time, hmac_sha1};
use crate::random::random;
use crate::secret::Secret;
use crate::wrap::{Binding, unwrap, wrap};

/// Bytes of a seed: as many as HMAC-SHA1 gives. Source: RFC 4226, section 4, R6.
const SEED_BYTES: usize = 20;

/// RFC 4648, section 6.
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

const STEP_MILLIS: i64 = 30_000;

/// How many steps around now a code may be of. Source: RFC 6238, section 5.2, recommends one.
const WINDOW_STEPS: i64 = 1;

/// How far a device's clock may be off when it is synchronized: ten minutes.
const DRIFT_STEPS_MAX: i64 = 20;

/// The number of a 30-second interval since the epoch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct TimeStep(i64);

/// A code as it was typed: six digits.
pub struct OneTimeCode(Zeroizing<[u8; 6]>);

/// What a virtual MFA device shares with the service.
pub struct MfaSeed(Secret<SEED_BYTES>);

impl TimeStep {
    /// The step of a moment.
    pub fn at(time: Timestamp) -> Self {
        Self(time.as_millis().div_euclid(STEP_MILLIS))
    }

    /// From its number.
    pub const fn from_number(number: i64) -> Self {
        Self(number)
    }

    /// Its number.
    pub fn number(self) -> i64 {
        self.0
    }

    /// How many steps this is after `other`.
    pub fn since(self, other: Self) -> i64 {
        self.0.saturating_sub(other.0)
    }

    /// The step so many later.
    pub fn later(self, steps: i64) -> Self {
        Self(self.0.saturating_add(steps))
    }
}

impl OneTimeCode {
    /// Six digits.
    pub fn from_text(text: &str) -> Result<Self, Malformed> {
        match text.as_bytes().try_into() {
            Ok(digits) if text.bytes().all(|byte| byte.is_ascii_digit()) => Ok(Self(Zeroizing::new(digits))),
            _ => Err(Malformed("one-time code")),
        }
    }
}

impl MfaSeed {
    /// A fresh one: 160 random bits.
    pub fn generate() -> Result<Self, ModuleFailed> {
        Secret::random().map(Self)
    }

    /// The seed as an app takes it in, for the one answer that shows it.
    pub fn to_base32(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(SEED_BYTES * 8 / 5));
        for group in self.0.expose().chunks_exact(5) {
            let bits = group.iter().fold(0_u64, |bits, byte| (bits << 8) | u64::from(*byte));
            for shift in (0..8).rev() {
                let index = usize::try_from((bits >> (5 * shift)) & 31).unwrap_or_default();
                text.push(char::from(BASE32.get(index).copied().unwrap_or(b'A')));
            }
        }
        text
    }

    /// The step whose code this is, if it is one near `now` and after `last`, the step of the last code that was used.
    /// Each candidate is computed and compared, whatever the others gave.
    pub fn step_of(&self, code: &OneTimeCode, now: TimeStep, last: TimeStep) -> Result<Option<TimeStep>, ModuleFailed> {
        let mut found = None;
        for steps in -WINDOW_STEPS..=WINDOW_STEPS {
            let step = now.later(steps);
            let right = self.is_code_of(code, step)?;
            found = if right && step > last { Some(step) } else { found };
        }
        Ok(found)
    }

    /// The step of the second of two codes that follow one another, if they are of a time that a device's clock might
    /// show, after `last`.
    pub fn synchronize(
        &self,
        codes: [&OneTimeCode; 2],
        now: TimeStep,
        last: TimeStep,
    ) -> Result<Option<TimeStep>, ModuleFailed> {
        let mut found = None;
        for steps in -DRIFT_STEPS_MAX..=DRIFT_STEPS_MAX {
            let second = now.later(steps);
            let [before, after] = codes;
            let right = self.is_code_of(before, second.later(-1))? & self.is_code_of(after, second)?;
            found = if right && second > last { Some(second) } else { found };
        }
        Ok(found)
    }

    pub(crate) fn secret(&self) -> &Secret<SEED_BYTES> {
        &self.0
    }

    pub(crate) fn from_secret(secret: Secret<SEED_BYTES>) -> Self {
        Self(secret)
    }

    fn is_code_of(&self, code: &OneTimeCode, step: TimeStep) -> Result<bool, ModuleFailed> {
        let own = one_time_code(self.0.expose(), step)? % 1_000_000;
        let mut digits = Zeroizing::new([0; 6]);
        let mut rest = own;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + u8::try_from(rest % 10).unwrap_or_default();
            rest /= 10;
        }
        Ok(equal_in_constant_time(digits.as_slice(), code.0.as_slice()))
    }
}

/// The code of a step before it is cut to its last digits. Source: RFC 4226, section 5.3.
fn one_time_code(key: &[u8], step: TimeStep) -> Result<u32, ModuleFailed> {
    let hash = hmac_sha1(key, &step.0.to_be_bytes())?;
    let offset = usize::from(hash.expose().last().copied().unwrap_or_default() & 15);
    let four = hash.expose().get(offset..).and_then(|bytes| bytes.first_chunk()).ok_or(ModuleFailed)?;
    Ok(u32::from_be_bytes(*four) & 0x7fff_ffff)
}

impl DomainKey {
    /// Wraps the seed of this device.
    pub fn wrap_mfa_seed(&self, device: &[u8; 16], seed: &MfaSeed) -> Result<Vec<u8>, ModuleFailed> {
        self.wrap_mfa_seed_with_iv(device, seed, random()?)
    }

    pub(crate) fn wrap_mfa_seed_with_iv(
        &self,
        device: &[u8; 16],
        seed: &MfaSeed,
        iv: [u8; 12],
    ) -> Result<Vec<u8>, ModuleFailed> {
        wrap(self.wrapping_key(), &self.mfa_seed_binding(device), iv, seed.secret().expose())
    }

    /// The seed that this domain key wrapped for this device.
    pub fn unwrap_mfa_seed(&self, device: &[u8; 16], wrapped: &[u8]) -> Result<MfaSeed, Damaged> {
        Secret::fill_with(|bytes| unwrap(self.wrapping_key(), &self.mfa_seed_binding(device), wrapped, bytes))
            .map(MfaSeed::from_secret)
    }

    /// Wraps under this domain key what another one wrapped.
    pub fn rewrap_mfa_seed(&self, from: &Self, device: &[u8; 16], wrapped: &[u8]) -> Result<Vec<u8>, RewrapError> {
        Ok(self.wrap_mfa_seed(device, &from.unwrap_mfa_seed(device, wrapped)?)?)
    }

    fn mfa_seed_binding(&self, device: &[u8; 16]) -> Binding {
        let mut place = self.binding("mfa seed");
        place.field(device);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::{domain_key, one_bit_flips, wrong_lengths};

    /// The seed of the RFC's vectors.
    const RFC_SEED: &[u8; 20] = b"12345678901234567890";

    fn seed() -> MfaSeed {
        let fill = |bytes: &mut [u8; 20]| {
            *bytes = *RFC_SEED;
            Ok::<(), ModuleFailed>(())
        };
        MfaSeed::from_secret(Secret::fill_with(fill).unwrap())
    }

    fn code(text: &str) -> OneTimeCode {
        OneTimeCode::from_text(text).ok().unwrap()
    }

    const NEVER: TimeStep = TimeStep::from_number(-1);

    /// Source: RFC 6238, appendix B, the SHA-1 rows; RFC 4226, appendix D.
    #[test]
    fn the_published_codes() {
        for (seconds, eight_digits) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            let step = TimeStep::at(Timestamp::from_millis(seconds * 1000));
            assert_eq!(one_time_code(RFC_SEED, step).unwrap() % 100_000_000, eight_digits, "{seconds}");
        }
        for (count, six_digits) in [(0, "755224"), (1, "287082"), (2, "359152"), (9, "520489")] {
            assert!(seed().is_code_of(&code(six_digits), TimeStep(count)).unwrap(), "{count}");
            assert!(!seed().is_code_of(&code(six_digits), TimeStep(count + 1)).unwrap(), "{count}");
        }
    }

    /// Source: RFC 4648; the same seed in base32 as other implementations print it.
    #[test]
    fn base32() {
        assert_eq!(seed().to_base32().as_str(), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
        assert_ne!(MfaSeed::generate().unwrap().to_base32(), MfaSeed::generate().unwrap().to_base32());
    }

    /// RFC 4226's codes of the counts 0 to 9 are at hand.
    #[test]
    fn one_step_around_now_and_once() {
        for (text, now, last, want) in [
            ("287082", 1, -1, Some(1)),
            ("287082", 0, -1, Some(1)),
            ("287082", 2, -1, Some(1)),
            ("287082", 3, -1, None),
            ("287082", -1, -1, None),
            ("287082", 1, 0, Some(1)),
            ("287082", 1, 1, None),
            ("287082", 1, 2, None),
            ("287083", 1, -1, None),
        ] {
            let step = seed().step_of(&code(text), TimeStep(now), TimeStep(last)).unwrap();
            assert_eq!(step, want.map(TimeStep), "{text} {now} {last}");
        }
    }

    #[test]
    fn two_codes_in_a_row_show_the_clock() {
        for (first, second, now, want) in [
            ("755224", "287082", 1, Some(1)),
            ("755224", "287082", 21, Some(1)),
            ("755224", "287082", -19, Some(1)),
            ("755224", "287082", 22, None),
            ("287082", "755224", 1, None),
            ("755224", "755224", 1, None),
            ("755224", "359152", 1, None),
        ] {
            let step = seed().synchronize([&code(first), &code(second)], TimeStep(now), NEVER).unwrap();
            assert_eq!(step, want.map(TimeStep), "{first} {second} {now}");
        }
        let used = seed().synchronize([&code("755224"), &code("287082")], TimeStep(1), TimeStep(1)).unwrap();
        assert_eq!(used, None);
    }

    #[test]
    fn codes_are_six_digits() {
        for bad in ["", "12345", "1234567", "12345a", "+12345", "１２３４５６", "12 456"] {
            assert!(OneTimeCode::from_text(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_seed_opens_for_its_own_device_only() {
        let home = domain_key("111122223333", "", 7);
        let wrapped = home.wrap_mfa_seed(&[1; 16], &seed()).unwrap();
        assert_eq!(home.unwrap_mfa_seed(&[1; 16], &wrapped).ok().unwrap().secret().expose(), RFC_SEED);
        assert!(home.unwrap_mfa_seed(&[2; 16], &wrapped).is_err(), "other device");
        assert!(domain_key("444455556666", "", 7).unwrap_mfa_seed(&[1; 16], &wrapped).is_err(), "other account");
        for (bit, altered) in one_bit_flips(&wrapped) {
            assert!(home.unwrap_mfa_seed(&[1; 16], &altered).is_err(), "bit {bit}");
        }
        for altered in wrong_lengths(&wrapped) {
            assert!(home.unwrap_mfa_seed(&[1; 16], &altered).is_err(), "{} bytes", altered.len());
        }
        let new = domain_key("111122223333", "", 8);
        let again = new.rewrap_mfa_seed(&home, &[1; 16], &wrapped).unwrap();
        assert_eq!(new.unwrap_mfa_seed(&[1; 16], &again).ok().unwrap().secret().expose(), RFC_SEED);
        assert_eq!(new.rewrap_mfa_seed(&home, &[2; 16], &wrapped), Err(RewrapError::Damaged(Damaged)));
    }
}
