//! What a statement's actions and resources match: `*` is any run of characters, `?` is one.
//!
//! Matching takes at most as many steps as the two lengths multiplied, however the wildcards stand.
//! Source: IAM user guide, "IAM JSON policy elements: Action" and "Resource".

use std::iter;

use claviger_types::ServiceName;

use crate::decide::Action;

/// The colons before the last part of an ARN, `arn:partition:service:region:account:resource`.
const ARN_COLONS: usize = 5;

/// A value of `Action` that can match an action of ours.
pub(crate) enum ActionPattern {
    /// `*`.
    All,
    /// One action, its name in lower case.
    Exact(ServiceName, Box<str>),
    /// The actions of a service whose name in lower case matches a pattern in lower case.
    Glob(ServiceName, Box<str>),
    /// `service:*`.
    Service(ServiceName),
}

impl ActionPattern {
    /// The pattern for actions of a service, whatever case its name is written in.
    pub(crate) fn new(service: ServiceName, name: &str) -> Self {
        let name = name.to_ascii_lowercase().into_boxed_str();
        match &*name {
            "*" => Self::Service(service),
            _ if has_wildcard(&name) => Self::Glob(service, name),
            _ => Self::Exact(service, name),
        }
    }

    pub(crate) fn matches(&self, action: Action) -> bool {
        match self {
            Self::All => true,
            Self::Exact(service, name) => *service == action.service && name.eq_ignore_ascii_case(action.name),
            Self::Glob(service, pattern) => {
                *service == action.service && glob(pattern, action.name.chars().map(|c| c.to_ascii_lowercase()))
            }
            Self::Service(service) => *service == action.service,
        }
    }
}

/// A value of `Resource`.
pub(crate) enum ResourcePattern {
    /// `*`.
    All,
    /// One ARN.
    Exact(Box<str>),
    /// An ARN with wildcards.
    Glob(Box<str>),
}

impl ResourcePattern {
    /// The pattern for `*` or for an ARN that was checked.
    pub(crate) fn new(text: &str) -> Self {
        match text {
            "*" => Self::All,
            _ if has_wildcard(text) => Self::Glob(text.into()),
            _ => Self::Exact(text.into()),
        }
    }

    /// Whether the pattern matches the ARN, which is only asked for if it matters.
    pub(crate) fn matches<'a>(&self, arn: impl FnOnce() -> &'a str) -> bool {
        match self {
            Self::All => true,
            Self::Exact(text) => **text == *arn(),
            Self::Glob(pattern) => arn_glob(pattern, arn()),
        }
    }
}

fn has_wildcard(text: &str) -> bool {
    text.contains(['*', '?'])
}

/// Matches an ARN part by part: a wildcard in one of the first five parts stays in that part, except a `*` that ends
/// it, which may run past the colon; in the last part wildcards also match colons.
fn arn_glob(pattern: &str, arn: &str) -> bool {
    let parts = || pattern.splitn(ARN_COLONS + 1, ':');
    if arn.matches(':').count() == ARN_COLONS {
        // Each colon of the pattern needs one of the ARN, so there is only one way to lay them side by side.
        return parts().zip(arn.split(':')).all(|(part, text)| glob(part, text.chars()));
    }
    let mut reached = vec![arn];
    for part in parts().take(ARN_COLONS) {
        reached = after_part(part, &reached);
    }
    parts().skip(ARN_COLONS).any(|last| reached.iter().any(|rest| glob(last, rest.chars())))
}

/// Where the next part of a pattern may begin: the rests of the ARN after `part` and a colon, longest first, if
/// `part` itself may begin at any of `reached`, longest first.
fn after_part<'a>(part: &str, reached: &[&'a str]) -> Vec<&'a str> {
    let mut next = Vec::new();
    for (text, after) in reached.iter().filter_map(|rest| rest.split_once(':')) {
        if !glob(part, text.chars()) {
            continue;
        }
        if part.ends_with('*') {
            // What a later beginning reaches is among what this one reaches.
            next.extend(iter::successors(Some(after), |rest| rest.split_once(':').map(|(_, after)| after)));
            break;
        }
        next.push(after);
    }
    next
}

/// Whether the pattern matches all of the text.
///
/// Only the last `*` is ever tried again: whatever an earlier one could have taken, the last one can take as well.
fn glob(pattern: &str, text: impl Iterator<Item = char> + Clone) -> bool {
    let (mut pattern, mut text) = (pattern.chars(), text);
    let mut last_star = None;
    loop {
        let (mut pattern_rest, mut text_rest) = (pattern.clone(), text.clone());
        match (pattern_rest.next(), text_rest.next()) {
            (Some('*'), _) => {
                last_star = Some((pattern_rest.clone(), text.clone()));
                pattern = pattern_rest;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                (pattern, text) = (pattern_rest, text_rest);
            }
            (None, None) => return true,
            _ => {
                let Some((after_star, taken_to)) = &mut last_star else { return false };
                if taken_to.next().is_none() {
                    return false;
                }
                (pattern, text) = (after_star.clone(), taken_to.clone());
            }
        }
    }
}
