//! The headers that a signature has to do with. As constants, since to look a header up by text parses the text.

use hyper::header::HeaderName;

pub(super) const X_AMZ_CONTENT_SHA256: HeaderName = HeaderName::from_static("x-amz-content-sha256");
pub(super) const X_AMZ_DATE: HeaderName = HeaderName::from_static("x-amz-date");
pub(super) const X_AMZ_SECURITY_TOKEN: HeaderName = HeaderName::from_static("x-amz-security-token");
pub(crate) const X_AMZ_TARGET: HeaderName = HeaderName::from_static("x-amz-target");
