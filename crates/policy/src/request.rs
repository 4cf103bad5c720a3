//! What a decision is asked about: who, what, on what.

use std::cell::OnceCell;
use std::fmt::{self, Write as _};

use claviger_types::{AccountId, Region, ServiceName, UserId};

/// Who asks: an IAM user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caller {
    /// The user's account.
    pub account: AccountId,
    /// The user's unique id.
    pub user: UserId,
}

/// What is asked for, such as `kms:Encrypt`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Action {
    /// The service that has the operation.
    pub service: ServiceName,
    /// The operation's name as the API spells it.
    pub name: &'static str,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.service, self.name)
    }
}

/// What an action without a key is asked for on.
#[derive(Clone, Copy)]
pub enum Resource<'a> {
    /// No resource of its own (`*`): matched by `*`, and by patterns for all that the action's service has in the
    /// caller's account and this Region (`None` if the service is global).
    Any(Option<Region>),
    /// What has this ARN.
    Arn(&'a dyn fmt::Display),
}

/// A resource during one decision, with its text once some pattern asked for it.
pub(crate) struct Target<'a> {
    account: AccountId,
    service: ServiceName,
    resource: Resource<'a>,
    arn: OnceCell<String>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(caller: Caller, action: Action, resource: Resource<'a>) -> Self {
        Self { account: caller.account, service: action.service, resource, arn: OnceCell::new() }
    }

    /// The text that patterns are compared with.
    pub(crate) fn arn(&self) -> &str {
        self.arn.get_or_init(|| {
            let mut text = String::with_capacity(ARN_BYTES_USUAL);
            // Writing to a string cannot fail.
            let _ = match self.resource {
                Resource::Any(region) => {
                    let region = region.as_ref().map_or("", Region::as_str);
                    write!(text, "arn:aws:{}:{region}:{}:*", self.service, self.account)
                }
                Resource::Arn(arn) => write!(text, "{arn}"),
            };
            text
        })
    }
}

/// Room for a key's ARN and most others, so that the text is allocated once.
const ARN_BYTES_USUAL: usize = 128;
