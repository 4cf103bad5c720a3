//! Policies inside a user, a group or a role. Source: IAM API reference, PutUserPolicy and its siblings.

use claviger_types::limits;

use crate::error::Error;
use crate::identity::documents;
use crate::identity::entities::{self, Entity, HoldsPolicies};
use crate::pipeline::outcome::Changes;
use crate::records::{InlinePolicyRecord, PoliciesRecord};
use crate::view::InlinePolicy;
use crate::wire::Fields;

/// What PutUserPolicy and its siblings ask for.
pub struct Put {
    name: String,
    document: String,
}

impl Put {
    /// `PolicyName` and `PolicyDocument`.
    pub fn parse(fields: &mut Fields) -> Self {
        Self { name: name(fields), document: fields.string("PolicyDocument").unwrap_or_default() }
    }

    /// The policy is added, or gets another text.
    pub fn decide<E: Entity>(&self, entity: &E) -> Result<Changes, Error> {
        documents::check(&self.document)?;
        let mut policies = entity.policies().to_record();
        match policies.inline.iter_mut().find(|policy| policy.name == self.name) {
            Some(policy) => policy.document.clone_from(&self.document),
            None => {
                let policy = InlinePolicyRecord { name: self.name.clone(), document: self.document.clone() };
                policies.inline.push(policy);
                policies.inline.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        check_size(&policies, entity)?;
        Ok(entities::edit(entity, |record| *record.policies_mut() = policies))
    }
}

/// `PolicyName`.
pub fn name(fields: &mut Fields) -> String {
    fields.string("PolicyName").unwrap_or_default()
}

/// The policy of this name; case counts.
pub fn find<'e, E: Entity>(entity: &'e E, name: &str) -> Result<&'e InlinePolicy, Error> {
    let found = entity.policies().inline.iter().find(|policy| &*policy.name == name);
    found.ok_or_else(|| Error::entity_not_found(&format!("{} policy", E::KIND), name))
}

/// The policy goes.
pub fn delete<E: Entity>(entity: &E, name: &str) -> Result<Changes, Error> {
    find(entity, name)?;
    Ok(entities::edit(entity, |record| record.policies_mut().inline.retain(|policy| policy.name != name)))
}

/// The names of all, each after itself.
pub fn names<E: Entity>(entity: &E) -> impl Iterator<Item = (String, String)> + use<'_, E> {
    entity.policies().inline.iter().map(|policy| (policy.name.to_string(), policy.name.to_string()))
}

/// White space is not counted, but must still find room in the store.
fn check_size<E: Entity>(policies: &PoliciesRecord, entity: &E) -> Result<(), Error> {
    let documents = || policies.inline.iter().map(|policy| policy.document.as_str());
    let chars: usize = documents().map(documents::characters).sum();
    let bytes: usize = documents().map(str::len).sum();
    let exceeded = |limit| {
        let (kind, name) = (E::KIND, entity.name());
        Error::LimitExceeded(format!("Maximum policy size of {limit} bytes exceeded for {kind} {name}"))
    };
    if chars > E::INLINE_CHARS_MAX {
        return Err(exceeded(E::INLINE_CHARS_MAX));
    }
    let bytes_max = limits::POLICY_DOCUMENT_BYTES_MAX;
    if bytes > bytes_max { Err(exceeded(bytes_max)) } else { Ok(()) }
}
