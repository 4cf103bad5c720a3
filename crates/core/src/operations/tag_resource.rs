//! `TagResource`: tags are added, or get new values. Source: API reference, TagResource.

use claviger_types::limits;

use crate::call::Facts;
use crate::error::Error;
use crate::key_checks::check_not_pending_deletion;
use crate::key_edits::edit;
use crate::members::key_id_or_arn;
use crate::operation::{Command, Operation};
use crate::outcome::Outcome;
use crate::records::TagRecord;
use crate::tags::{self, Tag};
use crate::target::{Authorized, KeyName, KeyTarget};
use crate::wire::Fields;

/// The request.
pub struct TagResource {
    key_id: KeyName,
    tags: Vec<Tag>,
}

impl Operation for TagResource {
    const NAME: &'static str = "TagResource";
    type Target = KeyTarget;
    type Reply = ();

    fn parse(fields: &mut Fields) -> Result<Self, Error> {
        Ok(Self { key_id: key_id_or_arn(fields, "KeyId"), tags: tags::from_request(fields)? })
    }

    fn target(&self) -> &KeyName {
        &self.key_id
    }
}

impl Command for TagResource {
    type Prepared = ();

    fn prepare(&self, _: &Facts<'_>, _: &Authorized<KeyTarget>) -> Result<(), Error> {
        Ok(())
    }

    fn decide(&self, facts: &Facts<'_>, target: Authorized<KeyTarget>, (): &()) -> Result<Outcome<()>, Error> {
        let key = &target.0;
        check_not_pending_deletion(key, facts)?;
        let kept = |record: &TagRecord| self.tags.iter().all(|tag| tag.tag_key != record.key);
        let mut tags: Vec<TagRecord> = key.to_record().tags.into_iter().filter(kept).collect();
        tags.extend(self.tags.iter().map(TagRecord::from));
        if tags.len() > limits::TAGS_PER_KEY_MAX {
            return Err(Error::Tag("Too many tags"));
        }
        tags.sort_by(|a, b| a.key.cmp(&b.key));
        Ok(edit(key, |record| record.tags = tags).reply(()))
    }
}
