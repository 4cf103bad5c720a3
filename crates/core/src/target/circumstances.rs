//! What policies' conditions and grants' constraints ask of a request. What no request has is absent.
//!
//! Source: AWS KMS developer guide, "Condition keys for AWS KMS"; IAM user guide, "AWS global condition context keys".

use std::borrow::Cow;
use std::cell::OnceCell;

use claviger_policy::{Action, ConditionKey, Context, Fact, GrantTerms, Values};
use claviger_types::{AccountId, EncryptionContext, PolicyArn, ServiceName};

use crate::pipeline::call::Facts;
use crate::pipeline::operation::action;
use crate::pipeline::request::tag_value;
use crate::view::{Grant, Key, Role, Tags};

/// A request, and which of the things that it acts upon is asked about.
pub(crate) struct Circumstances<'a> {
    /// The request.
    pub(crate) facts: Facts<'a>,
    /// What is asked for.
    pub(crate) action: Action,
    /// What is asked about.
    pub(crate) subject: Subject<'a>,
    /// Names of the key's aliases, once they were asked for: several statements may ask.
    aliases: OnceCell<Vec<Cow<'a, str>>>,
}

/// What is asked about, as far as conditions tell it.
#[derive(Clone, Copy)]
pub enum Subject<'a> {
    /// Something of the caller's account that has no condition keys of its own.
    Account,
    /// A grant on a key, if the key has it.
    Grant(&'a Key, Option<&'a Grant>),
    /// A user, group, role or managed policy.
    Iam(IamResource<'a>),
    /// A key.
    Key(&'a Key),
    /// One of the two keys of ReEncrypt.
    KeyOfPair {
        /// The key.
        key: &'a Key,
        /// Whether the other one is the same.
        same: bool,
    },
    /// A key that is to be made.
    NewKey,
    /// A part of the organization.
    Organization(OrganizationResource<'a>),
}

/// What conditions tell of a part of the organization. All but accounts are the first account's.
#[derive(Clone, Copy)]
pub struct OrganizationResource<'a> {
    /// Whose it is: of an account, the account itself.
    pub account: AccountId,
    /// The tags of an account that is there.
    pub tags: Option<&'a Tags>,
}

/// What conditions tell of an IAM resource. One that is not there, or is to be made, has nothing.
#[derive(Clone, Copy)]
pub struct IamResource<'a> {
    /// Whose it is.
    pub account: AccountId,
    /// Its tags, if it can have any.
    pub tags: Option<&'a Tags>,
    /// The permissions boundary of a user or role, where the operation tells it.
    pub boundary: Option<&'a PolicyArn>,
}

impl<'a> IamResource<'a> {
    /// A role, with no word of its boundary.
    pub fn of_role(role: &'a Role) -> Self {
        Self { account: role.account, tags: Some(&role.tags), boundary: None }
    }
}

impl Context for Circumstances<'_> {
    fn values(&self, key: &ConditionKey) -> Values<'_> {
        let Facts { now, call, .. } = &self.facts;
        match key {
            ConditionKey::AwsCurrentTime => Values::time(*now),
            ConditionKey::AwsEpochTime => Values::integer(now.as_millis().div_euclid(1000)),
            ConditionKey::AwsRequestedRegion => Values::text(call.region.as_str()),
            ConditionKey::AwsSecureTransport => Values::boolean(call.tls.is_some()),
            ConditionKey::AwsSourceIp => call.source_ip.map_or(Values::Absent, Values::address),
            ConditionKey::AwsUserAgent => Values::optional(call.user_agent),
            // No service calls for itself or on behalf of a principal.
            ConditionKey::AwsPrincipalIsAwsService | ConditionKey::AwsViaAwsService => Values::boolean(false),
            ConditionKey::KmsEncryptionContext(name) => self.encryption_context_value(name),
            ConditionKey::KmsEncryptionContextKeys => match self.context_of_request() {
                Some(context) => Values::Many(context.pairs().iter().map(|(name, _)| name.as_str().into()).collect()),
                None => Values::Absent,
            },
            key => {
                let told: Option<Values<'_>> = self.of_caller(key).or_else(|| self.of_subject(key));
                told.unwrap_or_else(|| self.facts.request.condition(self.action, key))
            }
        }
    }

    fn encryption_context(&self) -> Fact<'_, EncryptionContext> {
        self.context_of_request().map_or(Fact::Absent, Fact::Known)
    }

    fn new_grant(&self) -> Fact<'_, GrantTerms> {
        self.facts.request.new_grant().map_or(Fact::Absent, Fact::Known)
    }
}

impl<'a> Circumstances<'a> {
    /// What decides about an action on something.
    pub(crate) fn new(facts: Facts<'a>, action: Action, subject: Subject<'a>) -> Self {
        Self { facts, action, subject, aliases: OnceCell::new() }
    }

    /// What is told by who calls.
    fn of_caller(&self, asked: &ConditionKey) -> Option<Values<'_>> {
        let caller = &self.facts.caller;
        Some(match asked {
            ConditionKey::AwsPrincipalOrgId => self.organization_id(),
            ConditionKey::AwsPrincipalOrgPaths => self.organization_path(caller.account),
            // A code that comes with the request itself is judged before anything is done.
            ConditionKey::AwsMultiFactorAuthPresent if self.facts.request.presents_code() => Values::boolean(true),
            ConditionKey::AwsMultiFactorAuthAge if self.facts.request.presents_code() => Values::integer(0),
            key => return caller.session_condition(key, self.facts.wall_now()).or_else(|| caller.condition(key)),
        })
    }

    /// What is told by the thing that is asked about.
    pub(crate) fn of_subject(&self, asked: &ConditionKey) -> Option<Values<'a>> {
        let owner = self.subject.owner().unwrap_or_else(|| self.facts.account());
        match asked {
            ConditionKey::AwsResourceAccount => return Some(Values::text(owner.to_string())),
            ConditionKey::AwsResourceOrgId => return Some(self.organization_id()),
            ConditionKey::AwsResourceOrgPaths => return Some(self.organization_path(owner)),
            _ => {}
        }
        if let Subject::Iam(resource) = self.subject {
            return self.of_iam_resource(asked, resource);
        }
        if let (Subject::Organization(OrganizationResource { tags, .. }), ConditionKey::AwsResourceTag(name)) =
            (self.subject, asked)
        {
            let tags = tags.into_iter().flat_map(|tags| tags.iter());
            return Some(tag_value(tags.map(|(key, value)| (&**key, &**value)), name));
        }
        let key = self.subject.key()?;
        Some(match asked {
            ConditionKey::AwsResourceTag(name) => {
                tag_value(key.tags.iter().map(|(key, value)| (&**key, &**value)), name)
            }
            ConditionKey::KmsCallerAccount => Values::text(self.facts.account().to_string()),
            ConditionKey::KmsCustomerMasterKeySpec | ConditionKey::KmsKeySpec => Values::text(key.spec.as_str()),
            ConditionKey::KmsCustomerMasterKeyUsage | ConditionKey::KmsKeyUsage => {
                Values::text(key.spec.usage().as_str())
            }
            ConditionKey::KmsKeyOrigin => Values::text("AWS_KMS"),
            ConditionKey::KmsMultiRegion => Values::boolean(key.arn.id.is_multi_region()),
            ConditionKey::KmsReEncryptOnSameKey => match self.subject {
                Subject::KeyOfPair { same, .. } => Values::boolean(same),
                _ => Values::Absent,
            },
            ConditionKey::KmsResourceAliases => {
                let names = || self.facts.view.alias_names_of_key(key).map(|name| name.as_str().into()).collect();
                Values::Many(self.aliases.get_or_init(names).clone())
            }
            ConditionKey::KmsTrailingDaysWithoutKeyUsage => self.days_without_use(key),
            _ => return None,
        })
    }

    /// Of the operations that are to end the use of a key. Source: AWS KMS developer guide,
    /// "kms:TrailingDaysWithoutKeyUsage".
    fn days_without_use(&self, key: &Key) -> Values<'a> {
        const ASKED_BY: [Action; 2] =
            [action!(ServiceName::Kms, "DisableKey"), action!(ServiceName::Kms, "ScheduleKeyDeletion")];
        if !ASKED_BY.contains(&self.action) {
            return Values::Absent;
        }
        let last_uses = self.facts.usage.last_uses();
        last_uses.map_or(Values::Unknown, |known| Values::integer(known.days_without_use(key, self.facts.now)))
    }

    /// All accounts are in the one organization.
    fn organization_id(&self) -> Values<'a> {
        Values::optional(self.facts.view.organization().map(|organization| organization.id.as_str()))
    }

    fn organization_path(&self, account: AccountId) -> Values<'a> {
        match self.facts.view.account(account) {
            Some(account) => Values::Many(vec![account.organization_path().into()]),
            None => Values::Absent,
        }
    }

    /// What is told by a user, group, role or managed policy. A boundary that the request sets is the one that counts.
    /// Source: service authorization reference, IAM.
    fn of_iam_resource(&self, asked: &ConditionKey, resource: IamResource<'a>) -> Option<Values<'a>> {
        match asked {
            ConditionKey::AwsResourceTag(name) | ConditionKey::IamResourceTag(name) => {
                let tags = resource.tags.into_iter().flat_map(|tags| tags.iter());
                Some(tag_value(tags.map(|(key, value)| (&**key, &**value)), name))
            }
            ConditionKey::IamPermissionsBoundary => resource.boundary.map(|arn| Values::text(arn.to_string())),
            _ => None,
        }
    }

    /// Names of condition keys ignore case, so one can stand for several pairs.
    fn encryption_context_value(&self, name: &str) -> Values<'_> {
        let pairs = self.context_of_request().map_or(&[][..], EncryptionContext::pairs);
        tag_value(pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())), name)
    }

    /// The encryption context of the request, or of the constraint of the grant that it is about.
    fn context_of_request(&self) -> Option<&EncryptionContext> {
        match self.subject {
            Subject::Grant(_, grant) => grant?.constraint.as_ref().map(claviger_types::GrantConstraint::context),
            _ => self.facts.request.encryption_context(self.action),
        }
    }
}

impl<'a> Subject<'a> {
    fn owner(self) -> Option<AccountId> {
        match self {
            Self::Iam(resource) => Some(resource.account),
            Self::Organization(resource) => Some(resource.account),
            Self::Account | Self::Grant(..) | Self::Key(_) | Self::KeyOfPair { .. } | Self::NewKey => {
                self.key().map(|key| key.arn.account)
            }
        }
    }

    fn key(self) -> Option<&'a Key> {
        match self {
            Self::Grant(key, _) | Self::Key(key) | Self::KeyOfPair { key, .. } => Some(key),
            Self::Account | Self::Iam(_) | Self::NewKey | Self::Organization(_) => None,
        }
    }
}
