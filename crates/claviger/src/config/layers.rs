//! Where a value is looked up: flag before environment before file.

use std::fmt::Display;
use std::path::PathBuf;
use std::str::FromStr;

use super::{ConfigError, Origin, Setting};

/// Where values are looked up.
pub(super) struct Layers<'a> {
    pub(super) environment: &'a dyn Fn(&str) -> Option<String>,
    pub(super) file: Option<PathBuf>,
}

impl Layers<'_> {
    /// The value that is found first, with where it is from.
    pub(super) fn pick<T>(
        &self,
        variable: &'static str,
        flag: Option<T>,
        file: Option<T>,
    ) -> Result<Option<Setting<T>>, ConfigError>
    where
        T: FromStr<Err: Display>,
    {
        if let Some(value) = flag {
            return Ok(Some(Setting { value, origin: Origin::Flag }));
        }
        if let Some(text) = (self.environment)(variable) {
            let wrong = |error: T::Err| ConfigError::Variable { variable, reason: format!("`{text}`: {error}") };
            let value = text.parse().map_err(wrong)?;
            return Ok(Some(Setting { value, origin: Origin::Environment(variable) }));
        }
        let origin = || Origin::File(self.file.clone().unwrap_or_default());
        Ok(file.map(|value| Setting { value, origin: origin() }))
    }
}

/// What stands in for a value that nobody gave.
pub(super) trait OrDefault<T> {
    /// The value, or this one.
    fn or_default(self, value: impl Into<T>) -> Setting<T>;
}

impl<T> OrDefault<T> for Option<Setting<T>> {
    fn or_default(self, value: impl Into<T>) -> Setting<T> {
        self.unwrap_or_else(|| Setting { value: value.into(), origin: Origin::Default })
    }
}
