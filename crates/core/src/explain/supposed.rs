//! A request that nobody made, as policies and grants see it: what the principal and the key tell is told by the View,
//! the rest by whoever asks, and what nobody told is not guessed.

use std::cell::RefCell;

use claviger_policy::{ConditionKey, Context, Explanation, Fact, GrantTerms, SeenStatement, Truth, Values};
use claviger_types::{EncryptionContext, limits};

use super::owner::Owner;
use crate::error::Error;
use crate::pipeline::request::tag_value;
use crate::target::Circumstances;

/// How many keys that nobody told are remembered: as many as could be told.
const MISSED_MAX: usize = limits::CONTEXT_ENTRIES_MAX;

/// What the asker says of the request.
#[derive(Default)]
pub(crate) struct Told {
    entries: Vec<(ConditionKey, Vec<String>)>,
    encryption_context: Option<EncryptionContext>,
}

/// What a condition key has of which nobody told anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Untold {
    /// Nothing, as IAM's simulator supposes.
    Absent,
    /// Any value, or none.
    Unknown,
}

/// The supposed request.
pub(crate) struct Supposed<'a> {
    owner: Option<&'a Owner>,
    place: Option<Circumstances<'a>>,
    told: &'a Told,
    untold: Untold,
    missed: RefCell<Vec<ConditionKey>>,
}

impl Told {
    /// Bytes of all values.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.iter().flat_map(|(_, values)| values).map(String::len).sum()
    }

    /// Takes entries as they come: of a key that stands twice, neither is right.
    pub(crate) fn new(
        entries: Vec<(String, Vec<String>)>,
        encryption_context: Option<EncryptionContext>,
    ) -> Result<Self, Error> {
        let mut told = Self { entries: Vec::new(), encryption_context };
        if entries.len() > limits::CONTEXT_ENTRIES_MAX {
            let max = limits::CONTEXT_ENTRIES_MAX;
            return Err(Error::InvalidInput(format!("There are more than {max} context entries.")));
        }
        for (name, values) in entries {
            let key = ConditionKey::parse(&name);
            if told.entries.iter().any(|(known, _)| *known == key) {
                return Err(Error::InvalidInput(format!("The context key {name} stands twice.")));
            }
            told.entries.push((key, values));
        }
        Ok(told)
    }

    fn values(&self, key: &ConditionKey) -> Option<Values<'_>> {
        let (_, values) = self.entries.iter().find(|(told, _)| told == key)?;
        Some(match values.as_slice() {
            [] => Values::Absent,
            [value] => Values::text(value.as_str()),
            values => Values::Many(values.iter().map(|value| value.as_str().into()).collect()),
        })
    }

    fn of_encryption_context(&self, key: &ConditionKey) -> Option<Values<'_>> {
        let pairs = self.encryption_context.as_ref()?.pairs();
        let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        match key {
            ConditionKey::KmsEncryptionContext(name) => Some(tag_value(pairs, name)),
            ConditionKey::KmsEncryptionContextKeys => Some(Values::Many(pairs.map(|(name, _)| name.into()).collect())),
            _ => None,
        }
    }
}

impl<'a> Supposed<'a> {
    /// `place` tells of the resource and of the organization; `None` if nothing is to be looked up.
    pub(crate) fn new(
        owner: Option<&'a Owner>,
        place: Option<Circumstances<'a>>,
        told: &'a Told,
        untold: Untold,
    ) -> Self {
        Self { owner, place, told, untold, missed: RefCell::default() }
    }

    /// The keys that statements about this action ask for, and of which nobody told anything.
    pub(crate) fn missing(&self, explanation: &Explanation) -> Vec<String> {
        let mut missing = Vec::new();
        let missed = self.missed.borrow();
        let missed: Vec<_> = missed.iter().map(|key| (key, format!("${{{key}").to_ascii_lowercase())).collect();
        let asking = |seen: &&SeenStatement| {
            seen.action && seen.resource != Truth::No && seen.namings.as_ref().is_none_or(|namings| !namings.is_empty())
        };
        for condition in explanation.statements.iter().filter(asking).flat_map(|seen| &seen.conditions) {
            let with_variables = condition.wanted.iter().filter(|wanted| wanted.contains("${"));
            let with_variables: Vec<_> = with_variables.map(|wanted| wanted.to_ascii_lowercase()).collect();
            let asked = missed.iter().filter(|(key, variable)| {
                **key == condition.key || with_variables.iter().any(|wanted| wanted.contains(variable))
            });
            missing.extend(asked.map(|(key, _)| key.to_string()));
        }
        missing.sort_unstable();
        missing.dedup_by(|a, b| a.eq_ignore_ascii_case(b));
        missing
    }

    fn known(&self, key: &ConditionKey) -> Option<Values<'_>> {
        let of_owner = || self.owner.and_then(|owner| owner.values(key));
        let of_place = || {
            let place = self.place.as_ref()?;
            match key {
                // All that is looked up is of one account.
                ConditionKey::AwsPrincipalOrgId => place.of_subject(&ConditionKey::AwsResourceOrgId),
                ConditionKey::AwsPrincipalOrgPaths => place.of_subject(&ConditionKey::AwsResourceOrgPaths),
                ConditionKey::AwsRequestedRegion => Some(Values::text(place.facts.region().to_string())),
                // Whether the other key of ReEncrypt is the same one, only the request tells.
                ConditionKey::KmsReEncryptOnSameKey => None,
                key => place.of_subject(key),
            }
        };
        of_owner()
            .or_else(of_place)
            .or_else(|| self.told.of_encryption_context(key))
            .or_else(|| self.told.values(key))
            .or_else(|| if self.untold == Untold::Unknown { never(key) } else { None })
    }
}

/// Keys that no request has here, whatever it is, unless somebody supposes one that does.
fn never(key: &ConditionKey) -> Option<Values<'static>> {
    match key {
        ConditionKey::AwsPrincipalIsAwsService | ConditionKey::AwsViaAwsService => Some(Values::boolean(false)),
        ConditionKey::AwsCalledVia
        | ConditionKey::AwsCalledViaFirst
        | ConditionKey::AwsCalledViaLast
        | ConditionKey::AwsFederatedProvider
        | ConditionKey::AwsReferer
        | ConditionKey::AwsSourceAccount
        | ConditionKey::AwsSourceArn
        | ConditionKey::KmsRecipientAttestation(_)
        | ConditionKey::KmsViaService => Some(Values::Absent),
        _ => None,
    }
}

impl Context for Supposed<'_> {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        if let Some(values) = self.known(key) {
            return values;
        }
        let mut missed = self.missed.borrow_mut();
        if missed.len() < MISSED_MAX && !missed.contains(key) {
            missed.push(key.clone());
        }
        match (self.untold, key) {
            (Untold::Absent, _) | (_, ConditionKey::Unknown(_)) => Values::Absent,
            (Untold::Unknown, _) => Values::Unknown,
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        match (&self.told.encryption_context, self.untold) {
            (Some(context), _) => Fact::Known(context),
            (None, Untold::Absent) => Fact::Absent,
            (None, Untold::Unknown) => Fact::Unknown,
        }
    }

    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        match self.untold {
            Untold::Absent => Fact::Absent,
            Untold::Unknown => Fact::Unknown,
        }
    }
}
