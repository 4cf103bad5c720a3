//! `UntagAccount`: tags of an account go; keys of tags that are not there are no matter. Source: models/claviger,
//! UntagAccount.

use claviger_policy::{Action, ConditionKey, Values};
use claviger_types::{AccountId, ControlTarget, ServiceName};

use crate::error::Error;
use crate::identity::tags;
use crate::organization;
use crate::pipeline::call::Facts;
use crate::pipeline::operation::{Operation, PlainCommand};
use crate::pipeline::outcome::Outcome;
use crate::pipeline::request::RequestContext;
use crate::target::{Authorized, OrganizationPart, Part};
use crate::wire::Fields;

/// The request.
pub struct UntagAccount {
    id: AccountId,
    tag_keys: Vec<String>,
    part: Part,
}

impl Operation for UntagAccount {
    const NAME: &'static str = "UntagAccount";
    const SERVICE: ServiceName = ServiceName::Claviger;
    type Target = OrganizationPart;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        let id = organization::required(fields, "AccountId")?;
        let tag_keys = fields.strings("TagKeys").unwrap_or_default();
        Ok(Self { id, tag_keys, part: Part::Target(ControlTarget::Account(id)) })
    }

    fn target(&self) -> &Part {
        &self.part
    }

    fn request_context(&self) -> &dyn RequestContext {
        self
    }
}

impl RequestContext for UntagAccount {
    fn condition(&self, _: Action, key: &ConditionKey) -> Values<'_> {
        tags::condition_of_keys(&self.tag_keys, key)
    }
}

impl PlainCommand for UntagAccount {
    fn decide(&self, facts: &Facts<'_>, _: Authorized<OrganizationPart>) -> Result<Outcome<()>, Error> {
        let account = organization::account(self.id, facts)?;
        let changes =
            organization::edit_account(account, |record| record.tags.retain(|tag| !self.tag_keys.contains(&tag.key)));
        Ok(changes.reply(()))
    }
}
