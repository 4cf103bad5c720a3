//! What a statement says of resources. Source: IAM user guide, "IAM JSON policy elements: Resource" and
//! "NotResource".

use std::cell::OnceCell;
use std::fmt::{self, Write as _};

use claviger_types::{AccountId, Region, ServiceName};

use crate::context::Context;
use crate::pattern::{ArnText, split_last, wild};
use crate::texts::Texts;
use crate::truth::Truth;
use crate::variables::{self, Expanded, Wildcards};

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
    arn: OnceCell<ArnText<'a>>,
}

impl<'a> Target<'a> {
    pub(crate) fn new(account: AccountId, service: ServiceName, resource: Resource<'a>) -> Self {
        Self { account, service, resource, arn: OnceCell::new() }
    }

    /// The text that patterns are compared with.
    pub(crate) fn arn(&self) -> &ArnText<'a> {
        self.arn.get_or_init(|| {
            let mut text = String::with_capacity(ARN_BYTES_USUAL);
            // INVARIANT: writing to a string cannot fail.
            let _ = match self.resource {
                Resource::Any(region) => {
                    let region = region.as_ref().map_or("", Region::as_str);
                    write!(text, "arn:aws:{}:{region}:{}:*", self.service, self.account)
                }
                Resource::Arn(arn) => write!(text, "{arn}"),
            };
            ArnText::new(text)
        })
    }
}

/// Room for a key's ARN and most others, so that the text is allocated once.
const ARN_BYTES_USUAL: usize = 128;

/// `Resource` or `NotResource`.
#[derive(Debug)]
pub(crate) enum Resources {
    /// `"Resource": "*"`, and everything in a policy that has no such element.
    All,
    /// A key policy's statement without the element, and `"NotResource": "*"`.
    None,
    Not(Box<Patterns>),
    Only(Box<Patterns>),
}

/// ARNs, none of them `*`.
#[derive(Debug, Default)]
pub(crate) struct Patterns {
    /// Whole ARNs.
    pub(crate) exact: Texts,
    /// With wildcards or variables.
    pub(crate) wild: Texts,
    pub(crate) variables: Variables,
}

/// Whether `${` begins a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Variables {
    /// Version 2008-10-17, or there is none.
    #[default]
    Absent,
    Present,
}

impl Resources {
    pub(crate) fn matches<'p>(&'p self, target: &Target<'p>, context: &dyn Context) -> Truth {
        match self {
            Self::All => Truth::Yes,
            Self::None => Truth::No,
            Self::Not(patterns) => patterns.match_one(target.arn(), context).negated(),
            Self::Only(patterns) => patterns.match_one(target.arn(), context),
        }
    }

    /// The ARNs that it lists.
    pub(crate) fn texts(&self) -> Vec<String> {
        match self {
            Self::All => vec!["*".into()],
            Self::None => Vec::new(),
            Self::Not(patterns) | Self::Only(patterns) => {
                patterns.exact.iter().chain(patterns.wild.iter()).map(Into::into).collect()
            }
        }
    }
}

impl Patterns {
    fn match_one<'p>(&'p self, arn: &ArnText<'p>, context: &dyn Context) -> Truth {
        if self.exact.contains(arn.as_str()) {
            return Truth::Yes;
        }
        Truth::any(self.wild.iter().map(|pattern| {
            if self.variables == Variables::Absent || !pattern.contains(variables::OPEN) {
                return arn.matches(pattern);
            }
            let (head, last) = split_last(pattern);
            match variables::expand(last, Wildcards::Live, context, arn.as_str().len(), arn.steps()) {
                Expanded::NoValue => Truth::No,
                // Most patterns with a variable are for other resources: then its value does not matter.
                Expanded::Unknown => arn.glob(head, wild("*")).and(Truth::Unknown),
                Expanded::Atoms(atoms) => arn.glob(head, atoms.iter().copied()),
            }
        }))
    }
}
