//! The grammar of policy documents, checked strictly: an element that is unknown, misspelt, given twice or out of
//! place is an error that names its place, since to ignore it would change what the policy means.
//!
//! Nothing here knows who exists. Source: IAM user guide, "Grammar of the IAM JSON policy language". Lists must not
//! be empty: the grammar shows them with one member at least, and an empty one could only mean a mistake.

mod conditions;
mod place;
mod principals;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use self::place::{Elements, Place, Side, Sided, each, quoted};
use crate::PolicyError;
use crate::actions::ActionSet;
use crate::json::{self, Json};
use crate::principals::{Listed, Speaks};
use crate::resources::{Patterns, Resources, Variables};
use crate::statement::{Effect, Statement};
use crate::texts::Texts;
use crate::variables;

/// What a document is put as; each kind has rules of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Of an identity: attached, inline, a boundary, of a session, or a service control policy.
    Identity,
    Key,
    ResourceControl,
    Trust,
}

/// Which rules hold for a document.
#[derive(Clone, Copy)]
struct Language {
    kind: Kind,
    /// Version 2012-10-17: `${` begins a variable.
    variables: bool,
}

const DOCUMENT: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT: [&str; 9] =
    ["Sid", "Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// The statements of a document, with those of whom they speak.
pub(crate) fn parse(text: &str, kind: Kind) -> Result<Vec<(Statement, Speaks)>, PolicyError> {
    let json = json::parse(text).map_err(|error| Place::Document.malformed(format!("not JSON: {error}")))?;
    let elements = Elements::new(&Place::Document, &json, &DOCUMENT)?;
    //= IAM user guide, "IAM JSON policy elements: Version"
    //# 2008-10-17 if absent; it takes a variable for a literal text
    let variables = match elements.string("Version")? {
        None | Some("2008-10-17") => false,
        Some("2012-10-17") => true,
        Some(other) => {
            let problem = format!("`{}` is neither `2012-10-17` nor `2008-10-17`", quoted(other));
            return Err(Place::Element(&Place::Document, "Version").malformed(problem));
        }
    };
    elements.string("Id")?;
    let mut sids = BTreeSet::new();
    let place = Place::Element(&Place::Document, "Statement");
    each(&place, elements.required("Statement")?, |place, json| {
        let elements = Elements::new(place, json, &STATEMENT)?;
        statement(&elements, Language { kind, variables }, &mut sids)
    })
}

fn statement(
    elements: &Elements<'_>,
    language: Language,
    sids: &mut BTreeSet<String>,
) -> Result<(Statement, Speaks), PolicyError> {
    let place = elements.place;
    refuse_out_of_place(elements, language.kind)?;
    let sid = elements.string("Sid")?;
    if let Some(sid) = sid.filter(|_| language.kind != Kind::Key) {
        check_sid(place, sid, sids)?;
    }
    let effect = match elements.required("Effect")? {
        Json::String(effect) if effect == "Allow" => Effect::Allow,
        Json::String(effect) if effect == "Deny" => Effect::Deny,
        _ => return Err(Place::Element(place, "Effect").malformed("must be `Allow` or `Deny`")),
    };
    let principal = elements.either("Principal", "NotPrincipal")?;
    let speaks = match (language.kind, principal) {
        (Kind::Identity, _) => Speaks::Of(Listed::default()),
        (Kind::ResourceControl, _) => {
            principals::everyone(place, elements.required("Principal")?)?;
            Speaks::Of(Listed::default())
        }
        (Kind::Key | Kind::Trust, Some(principal)) => principals::speaks(place, &principal)?,
        (Kind::Key | Kind::Trust, None) => {
            return Err(Place::Element(place, "Principal").malformed("is missing"));
        }
    };
    //= AWS KMS API reference, PutKeyPolicy, Policy
    //# a statement without Action or Resource has no effect
    let actions = match elements.either("Action", "NotAction")? {
        Some(element) => actions(place, &element)?,
        None if language.kind == Kind::Key => ActionSet::default(),
        None => return Err(Place::Element(place, "Action").malformed("is missing")),
    };
    let resources = match (elements.either("Resource", "NotResource")?, language.kind) {
        (Some(element), _) => resources(place, &element, language)?,
        (None, Kind::Key) => Resources::None,
        (None, Kind::Trust) => Resources::All,
        (None, Kind::Identity | Kind::ResourceControl) => {
            return Err(Place::Element(place, "Resource").malformed("is missing"));
        }
    };
    let conditions = conditions::conditions(place, elements.get("Condition"), language)?;
    let statement = Statement { sid: sid.map(Into::into), effect, actions, resources, conditions: conditions.into() };
    Ok((statement, speaks))
}

/// Elements that exist, but not in this kind of policy.
fn refuse_out_of_place(elements: &Elements<'_>, kind: Kind) -> Result<(), PolicyError> {
    let (names, problem): (&[&str], _) = match kind {
        Kind::Identity => (&["Principal", "NotPrincipal"], "an identity policy names no principal"),
        Kind::Key => return Ok(()),
        Kind::ResourceControl => (&["NotPrincipal"], "a resource control policy has no such element"),
        Kind::Trust => (&["NotPrincipal", "Resource", "NotResource"], "a trust policy has no such element"),
    };
    match names.iter().find(|name| elements.get(name).is_some()) {
        Some(name) => Err(Place::Element(elements.place, name).malformed(problem)),
        None => Ok(()),
    }
}

//= IAM user guide, "IAM JSON policy elements: Sid"
//# in IAM: upper-case letters, lower-case letters and digits, unique in the policy
fn check_sid(place: &Place<'_>, sid: &str, sids: &mut BTreeSet<String>) -> Result<(), PolicyError> {
    let place = Place::Element(place, "Sid");
    if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return Err(place.malformed(format!("`{}` may hold only letters and digits", quoted(sid))));
    }
    if !sid.is_empty() && !sids.insert(sid.to_owned()) {
        return Err(place.malformed(format!("`{}` is given to two statements", quoted(sid))));
    }
    Ok(())
}

/// `Action` or `NotAction`: `*`, or `service:Name`.
fn actions(outer: &Place<'_>, element: &Sided<'_>) -> Result<ActionSet, PolicyError> {
    let mut set = ActionSet::default();
    each(&Place::Element(outer, element.name), element.json, |place, json| {
        let text = place.string(json)?;
        if text == "*" {
            set = ActionSet::all();
            return Ok(());
        }
        let in_service = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
        let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_.".contains(&byte);
        let good = |part: &str, allowed: fn(u8) -> bool| !part.is_empty() && part.bytes().all(allowed);
        match text.split_once(':') {
            Some((service, name)) if good(service, in_service) && good(name, in_name) => {
                set.insert_matching(service, name);
                Ok(())
            }
            _ => Err(place.malformed(format!("`{}` is neither `*` nor of the form `service:Name`", quoted(text)))),
        }
    })?;
    Ok(match element.side {
        Side::AllButThese => set.complement(),
        Side::These => set,
    })
}

/// `Resource` or `NotResource`: `*`, or ARNs with wildcards only after the service.
fn resources(outer: &Place<'_>, element: &Sided<'_>, language: Language) -> Result<Resources, PolicyError> {
    let texts = each(&Place::Element(outer, element.name), element.json, |place, json| {
        let text = place.string(json)?;
        check_resource(place, text, language)?;
        Ok(text.to_owned())
    })?;
    if texts.iter().any(|text| text == "*") {
        return Ok(match element.side {
            Side::AllButThese => Resources::None,
            Side::These => Resources::All,
        });
    }
    let is_wild = |text: &&str| text.contains(['*', '?']) || (language.variables && text.contains(variables::OPEN));
    let (wild, exact): (Vec<&str>, Vec<&str>) = texts.iter().map(String::as_str).partition(is_wild);
    let variables = language.variables && wild.iter().any(|text| text.contains(variables::OPEN));
    let patterns = Box::new(Patterns {
        exact: Texts::new(exact),
        wild: Texts::new(wild),
        variables: if variables { Variables::Present } else { Variables::Absent },
    });
    Ok(match element.side {
        Side::AllButThese => Resources::Not(patterns),
        Side::These => Resources::Only(patterns),
    })
}

fn check_resource(place: &Place<'_>, text: &str, language: Language) -> Result<(), PolicyError> {
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !part.is_empty();
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["*"] => Ok(()),
        ["arn", partition, service, region, account, resource]
            if plain(partition) && plain(service) && !resource.is_empty() =>
        {
            if !language.variables {
                return Ok(());
            }
            //= IAM user guide, "IAM policy elements: Variables and tags", "Where you can use policy variables"
            //# in the resource portion of the ARN, after the fifth colon
            if region.contains(variables::OPEN) || account.contains(variables::OPEN) {
                return Err(place.malformed("a policy variable may stand only in the last part of an ARN"));
            }
            variables::check(resource)
                .map_err(|_| place.malformed(format!("`{}` holds a malformed policy variable", quoted(text))))
        }
        _ => {
            let problem = format!("`{}` is neither `*` nor an ARN with wildcards only after the service", quoted(text));
            Err(place.malformed(problem))
        }
    }
}
