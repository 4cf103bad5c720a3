//! Alias names of requests: the complaints that each deserves. Sources: API reference, CreateAlias; observed texts in
//! docs/compatibility.md.

use claviger_types::AliasName;

use crate::error::Error;
use crate::wire::Fields;

/// `AliasName`, whose length and pattern the constraints have checked.
pub fn from_request(fields: &mut Fields) -> Result<AliasName, Error> {
    let text = fields.string("AliasName").unwrap_or_default();
    if !text.starts_with(AliasName::PREFIX) {
        let text = "Alias must start with the prefix \"alias/\". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html";
        return Err(Error::Validation(text.into()));
    }
    text.parse().map_err(|_| Error::Validation(format!("{text} contains invalid characters for an alias")))
}
