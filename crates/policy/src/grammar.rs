//! The grammar of policy documents, checked strictly: an element that is unknown, misspelt, given twice or not
//! supported yet is an error that names its place, since to ignore it would change what the policy means.
//!
//! Nothing here knows who exists. Source: IAM user guide, "Grammar of the IAM JSON policy language". Lists must not
//! be empty: the grammar shows them with one member at least, and an empty one could only mean a mistake.

use std::collections::BTreeSet;
use std::fmt;

use claviger_types::{PrincipalArn, ServiceName};

use crate::PolicyError;
use crate::json::{self, Json};
use crate::key_policy::Principal;
use crate::pattern::{ActionPattern, ResourcePattern};
use crate::statement::{Effect, Statement};

/// Characters of the policy's text that an error repeats.
const QUOTED_CHARS_MAX: usize = 80;

/// The statements of an identity policy.
pub(crate) fn identity_policy(text: &str) -> Result<Vec<Statement>, PolicyError> {
    let mut sids = BTreeSet::new();
    statements(text, |place, json| {
        let elements = Elements::new(place, json, Elements::STATEMENT)?;
        for element in ["Principal", "NotPrincipal"] {
            if elements.get(element).is_some() {
                return Err(Place::Element(place, element).malformed("an identity policy names no principal"));
            }
        }
        elements.refuse_unsupported()?;
        let sid = elements.string("Sid")?;
        //= IAM user guide, "IAM JSON policy elements: Sid"
        //# in IAM: upper-case letters, lower-case letters and digits, unique in the policy
        if let Some(sid) = sid {
            let place = Place::Element(place, "Sid");
            if !sid.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
                return Err(place.malformed(format!("`{}` may hold only letters and digits", quoted(sid))));
            }
            if !sids.insert(sid.to_owned()) {
                return Err(place.malformed(format!("`{}` is given to two statements", quoted(sid))));
            }
        }
        elements.required("Action")?;
        elements.required("Resource")?;
        statement(&elements, sid)
    })
}

/// The statements of a key policy, each with its principals.
pub(crate) fn key_policy(text: &str) -> Result<Vec<(Statement, Vec<Principal>)>, PolicyError> {
    statements(text, |place, json| {
        let elements = Elements::new(place, json, Elements::STATEMENT)?;
        elements.refuse_unsupported()?;
        let sid = elements.string("Sid")?;
        let principals = principals(&Place::Element(place, "Principal"), elements.required("Principal")?)?;
        Ok((statement(&elements, sid)?, principals))
    })
}

/// The document around the statements.
fn statements<T>(
    text: &str,
    mut read: impl FnMut(&Place<'_>, &Json) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    let json = json::parse(text).map_err(|error| Place::Document.malformed(format!("not JSON: {error}")))?;
    let elements = Elements::new(&Place::Document, &json, Elements::DOCUMENT)?;
    match elements.string("Version")? {
        None | Some("2008-10-17" | "2012-10-17") => {}
        Some(other) => {
            let problem = format!("`{}` is neither `2012-10-17` nor `2008-10-17`", quoted(other));
            return Err(Place::Element(&Place::Document, "Version").malformed(problem));
        }
    }
    elements.string("Id")?;
    let place = Place::Element(&Place::Document, "Statement");
    each(&place, elements.required("Statement")?, |place, json| read(place, json))
}

/// A statement without its principals. An action of another service's can never be asked for here, so it leaves no
/// trace; neither does a key policy's missing `Action` or `Resource`.
fn statement(elements: &Elements<'_>, sid: Option<&str>) -> Result<Statement, PolicyError> {
    let effect = match elements.required("Effect")? {
        Json::String(effect) if effect == "Allow" => Effect::Allow,
        Json::String(effect) if effect == "Deny" => Effect::Deny,
        _ => return Err(Place::Element(elements.place, "Effect").malformed("must be `Allow` or `Deny`")),
    };
    let actions = match elements.get("Action") {
        Some(json) => each(&Place::Element(elements.place, "Action"), json, action)?,
        None => Vec::new(),
    };
    let resources = match elements.get("Resource") {
        Some(json) => each(&Place::Element(elements.place, "Resource"), json, resource)?,
        None => Vec::new(),
    };
    Ok(Statement {
        sid: sid.map(Into::into),
        effect,
        actions: actions.into_iter().flatten().collect(),
        resources: resources.into(),
    })
}

fn principals(place: &Place<'_>, json: &Json) -> Result<Vec<Principal>, PolicyError> {
    match json {
        Json::String(text) if text == "*" => Ok(vec![Principal::Anyone]),
        Json::Object(_) => {
            let elements = Elements::new(place, json, Elements::PRINCIPAL)?;
            elements.refuse_unsupported()?;
            each(&Place::Element(place, "AWS"), elements.required("AWS")?, principal)
        }
        _ => Err(place.malformed("must be `*` or an object")),
    }
}

/// One value of a principal's `AWS`.
fn principal(place: &Place<'_>, json: &Json) -> Result<Principal, PolicyError> {
    let text = place.string(json)?;
    if text == "*" {
        return Ok(Principal::Anyone);
    }
    if let Ok(account) = text.parse() {
        return Ok(Principal::Account(account));
    }
    match text.parse() {
        Ok(PrincipalArn::Root(account)) => Ok(Principal::Account(account)),
        Ok(user @ PrincipalArn::User { .. }) => Ok(Principal::User(user)),
        Err(_) => Err(other_principal(place, text)),
    }
}

/// Why a text is none of the principals that are decided.
fn other_principal(place: &Place<'_>, text: &str) -> PolicyError {
    let resource = text.splitn(6, ':').nth(5).unwrap_or_default();
    let what = match resource.split_once('/').map(|(kind, _)| kind) {
        _ if text.contains(['*', '?']) => return place.malformed("a principal's ARN holds no wildcards"),
        Some("role") if text.starts_with("arn:aws:iam::") => "a role as principal",
        Some("assumed-role") if text.starts_with("arn:aws:sts::") => "a role session as principal",
        Some("federated-user") if text.starts_with("arn:aws:sts::") => "a federated user as principal",
        _ => {
            let problem = format!("`{}` is neither an account nor the ARN of a principal", quoted(text));
            return place.malformed(problem);
        }
    };
    place.unsupported(what)
}

/// One value of `Action`: `*`, or `service:Name`. `None` if the service is not one of ours.
fn action(place: &Place<'_>, json: &Json) -> Result<Option<ActionPattern>, PolicyError> {
    let text = place.string(json)?;
    if text == "*" {
        return Ok(Some(ActionPattern::All));
    }
    let in_service = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_.".contains(&byte);
    let good = |part: &str, allowed: fn(u8) -> bool| !part.is_empty() && part.bytes().all(allowed);
    match text.split_once(':') {
        Some((service, name)) if good(service, in_service) && good(name, in_name) => {
            let service = ServiceName::from_name(&service.to_ascii_lowercase());
            Ok(service.map(|service| ActionPattern::new(service, name)))
        }
        _ => Err(place.malformed(format!("`{}` is neither `*` nor of the form `service:Name`", quoted(text)))),
    }
}

/// One value of `Resource`: `*`, or an ARN with wildcards only after the service.
fn resource(place: &Place<'_>, json: &Json) -> Result<ResourcePattern, PolicyError> {
    let text = place.string(json)?;
    if text.contains("${") {
        // Version 2008-10-17 would take it literally; no ARN of ours holds one, so refusing it there loses nothing.
        return Err(place.unsupported("a policy variable"));
    }
    let plain = |part: &str| part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-') && !part.is_empty();
    let parts: Vec<&str> = text.splitn(6, ':').collect();
    match parts.as_slice() {
        ["*"] => {}
        ["arn", partition, service, _, _, resource] if plain(partition) && plain(service) && !resource.is_empty() => {}
        _ => {
            let problem = format!("`{}` is neither `*` nor an ARN with wildcards only after the service", quoted(text));
            return Err(place.malformed(problem));
        }
    }
    Ok(ResourcePattern::new(text))
}

/// Reads the members of a list, or the one value that stands in its stead.
fn each<T>(
    place: &Place<'_>,
    json: &Json,
    mut read: impl FnMut(&Place<'_>, &Json) -> Result<T, PolicyError>,
) -> Result<Vec<T>, PolicyError> {
    match json {
        Json::Array(items) if items.is_empty() => Err(place.malformed("must not be empty")),
        Json::Array(items) => {
            items.iter().enumerate().map(|(index, item)| read(&Place::Item(place, index), item)).collect()
        }
        one => Ok(vec![read(place, one)?]),
    }
}

/// The elements of an object, known to hold each of its names once.
struct Elements<'a> {
    place: &'a Place<'a>,
    names: Names,
    found: Vec<(&'a str, &'a Json)>,
}

/// What an object may hold.
#[derive(Clone, Copy)]
struct Names {
    supported: &'static [&'static str],
    unsupported: &'static [&'static str],
}

impl<'a> Elements<'a> {
    const DOCUMENT: Names = Names { supported: &["Version", "Id", "Statement"], unsupported: &[] };
    const PRINCIPAL: Names = Names { supported: &["AWS"], unsupported: &["Service", "Federated", "CanonicalUser"] };
    const STATEMENT: Names = Names {
        supported: &["Sid", "Effect", "Principal", "Action", "Resource"],
        unsupported: &["NotPrincipal", "NotAction", "NotResource", "Condition"],
    };

    /// Refuses what is no object, unknown names and duplicates.
    fn new(place: &'a Place<'a>, json: &'a Json, names: Names) -> Result<Self, PolicyError> {
        let Json::Object(entries) = json else {
            return Err(place.malformed("must be an object"));
        };
        let mut found: Vec<(&str, &Json)> = Vec::new();
        for (name, value) in entries {
            let name = name.as_str();
            if !names.supported.contains(&name) && !names.unsupported.contains(&name) {
                return Err(place.malformed(format!("unknown element `{}`", quoted(name))));
            }
            if found.iter().any(|(earlier, _)| *earlier == name) {
                return Err(Place::Element(place, name).malformed("is given twice"));
            }
            found.push((name, value));
        }
        Ok(Self { place, names, found })
    }

    fn refuse_unsupported(&self) -> Result<(), PolicyError> {
        match self.found.iter().find(|(name, _)| self.names.unsupported.contains(name)) {
            Some((name, _)) => Err(Place::Element(self.place, name).unsupported(&format!("`{name}`"))),
            None => Ok(()),
        }
    }

    fn get(&self, name: &str) -> Option<&'a Json> {
        self.found.iter().find(|(found, _)| *found == name).map(|(_, json)| *json)
    }

    fn required(&self, name: &'static str) -> Result<&'a Json, PolicyError> {
        self.get(name).ok_or_else(|| Place::Element(self.place, name).malformed("is missing"))
    }

    /// A text that nothing is decided by. Control characters would only serve to garble whatever shows it.
    fn string(&self, name: &'static str) -> Result<Option<&'a str>, PolicyError> {
        let Some(json) = self.get(name) else { return Ok(None) };
        let place = Place::Element(self.place, name);
        let text = place.string(json)?;
        if text.chars().any(char::is_control) {
            return Err(place.malformed("holds a control character"));
        }
        Ok(Some(text))
    }
}

/// Where in the document; written out only for an error.
enum Place<'a> {
    Document,
    Element(&'a Place<'a>, &'a str),
    Item(&'a Place<'a>, usize),
}

impl Place<'_> {
    fn string<'j>(&self, json: &'j Json) -> Result<&'j str, PolicyError> {
        match json {
            Json::String(text) => Ok(text),
            Json::Array(_) | Json::Object(_) | Json::Scalar => Err(self.malformed("must be a string")),
        }
    }

    fn malformed(&self, problem: impl Into<String>) -> PolicyError {
        PolicyError::Malformed { place: self.to_string(), problem: problem.into() }
    }

    fn unsupported(&self, what: &str) -> PolicyError {
        PolicyError::Unsupported { place: self.to_string(), what: what.into() }
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Document => f.write_str("policy"),
            Self::Element(Place::Document, name) => f.write_str(name),
            Self::Element(outer, name) => write!(f, "{outer}.{name}"),
            Self::Item(outer, index) => write!(f, "{outer}[{index}]"),
        }
    }
}

/// The beginning of a text, safe to show.
fn quoted(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(QUOTED_CHARS_MAX).collect()
}
