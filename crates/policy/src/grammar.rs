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
use crate::pattern::{ActionPattern, ResourcePattern};
use crate::statement::{Effect, Principal, Statement};

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
        Ok(PrincipalArn::Role { .. } | PrincipalArn::Session { .. }) | Err(_) => Err(other_principal(place, text)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{IdentityPolicy, KeyPolicyDocument};

    /// A policy of one statement that holds these elements.
    fn policy(elements: &str) -> String {
        format!(r#"{{"Version": "2012-10-17", "Statement": {{{elements}}}}}"#)
    }

    fn key_statement(elements: &str) -> String {
        policy(&format!(r#""Effect": "Allow", "Principal": "*", {elements}"#))
    }

    fn principal(principal: &str) -> String {
        policy(&format!(r#""Effect": "Allow", "Action": "*", "Resource": "*", "Principal": {principal}"#))
    }

    fn identity_statement(elements: &str) -> String {
        policy(&format!(r#""Effect": "Allow", {elements}"#))
    }

    fn key_error(text: &str) -> Option<PolicyError> {
        KeyPolicyDocument::parse(text).err()
    }

    fn identity_error(text: &str) -> Option<PolicyError> {
        IdentityPolicy::parse(text).err()
    }

    fn assert_malformed(error: Option<PolicyError>, place: &str, says: &str, text: &str) {
        match error {
            Some(PolicyError::Malformed { place: found, problem }) if found == place && problem.contains(says) => {}
            other => panic!("{text}\n  gives {other:?},\n  want `{says}` at `{place}`"),
        }
    }

    fn assert_unsupported(error: Option<PolicyError>, place: &str, what: &str, text: &str) {
        let want = PolicyError::Unsupported { place: place.into(), what: what.into() };
        assert_eq!(error, Some(want), "{text}");
    }

    const ALL: &str = r#""Action": "*", "Resource": "*""#;

    #[test]
    fn good_key_policies() {
        let by_principal = [
            r#""*""#,
            r#"{"AWS": "*"}"#,
            r#"{"AWS": ["*"]}"#,
            r#"{"AWS": "111122223333"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:root"}"#,
            r#"{"AWS": "arn:aws:iam::111122223333:user/a/b/ann"}"#,
            r#"{"AWS": ["111122223333", "arn:aws:iam::444455556666:user/bob"]}"#,
        ];
        let by_statement = [
            ALL,
            r#""Action": "kms:*", "Resource": "arn:aws:kms:us-east-1:111122223333:key/*""#,
            r#""Action": ["KMS:enc?ypt", "s3:GetObject", "execute-api:Invoke"], "Resource": ["*"]"#,
            r#""Resource": "*""#,
            r#""Action": "kms:Encrypt""#,
            r#""Sid": "Enable IAM User Permissions (1)", "Action": "*", "Resource": "*""#,
            r#""Sid": "", "Action": "*", "Resource": "arn:aws:kms:*:*:*""#,
        ];
        let around = [
            r#" {"Statement": [{"Effect": "Deny", "Principal": "*"}]} "#.into(),
            r#"{"Id": "key default-1", "Version": "2008-10-17", "Statement": {"Effect": "Deny", "Principal": "*"}}"#
                .into(),
        ];
        let principals = by_principal.map(principal);
        let statements = by_statement.map(key_statement);
        for text in principals.iter().chain(&statements).chain(&around) {
            assert_eq!(key_error(text), None, "{text}");
        }
    }

    #[test]
    fn good_identity_policies() {
        for elements in [
            ALL,
            r#""Sid": "A1", "Action": ["kms:ListKeys"], "Resource": ["*", "arn:aws:kms:us-east-1:111122223333:alias/a?"]"#,
            r#""Action": "iam:GetUser", "Resource": "arn:aws:iam::111122223333:user/*""#,
            r#""Action": "s3:*", "Resource": "arn:aws-cn:s3:::bucket/*""#,
        ] {
            assert_eq!(identity_error(&identity_statement(elements)), None, "{elements}");
        }
    }

    #[test]
    fn documents() {
        for (text, place, says) in [
            ("", "policy", "not JSON"),
            ("{", "policy", "not JSON"),
            (r#"{"Statement": []} x"#, "policy", "not JSON"),
            ("[]", "policy", "must be an object"),
            (r#""Allow""#, "policy", "must be an object"),
            ("{}", "Statement", "is missing"),
            (r#"{"Statement": []}"#, "Statement", "must not be empty"),
            (r#"{"Statement": "x"}"#, "Statement", "must be an object"),
            (r#"{"Statement": [null]}"#, "Statement[0]", "must be an object"),
            (r#"{"Statement": [[{}]]}"#, "Statement[0]", "must be an object"),
            (r#"{"Version": "2012-10-17", "Version": "2012-10-17"}"#, "Version", "is given twice"),
            (r#"{"Version": "2012-10-18", "Statement": {}}"#, "Version", "neither"),
            (r#"{"Version": "", "Statement": {}}"#, "Version", "neither"),
            (r#"{"Version": 2012, "Statement": {}}"#, "Version", "must be a string"),
            (r#"{"Version": null, "Statement": {}}"#, "Version", "must be a string"),
            (r#"{"version": "2012-10-17", "Statement": {}}"#, "policy", "unknown element `version`"),
            (r#"{"Id": ["x"], "Statement": {}}"#, "Id", "must be a string"),
            (r#"{"Id": "a\nb", "Statement": {}}"#, "Id", "control character"),
        ] {
            assert_malformed(key_error(text), place, says, text);
            assert_malformed(identity_error(text), place, says, text);
        }
    }

    #[test]
    fn statements() {
        for (elements, place, says) in [
            (r#""Action": "*", "Resource": "*""#, "Statement.Effect", "is missing"),
            (r#""Effect": "allow", "Action": "*", "Resource": "*""#, "Statement.Effect", "`Allow` or `Deny`"),
            (r#""Effect": ["Allow"], "Action": "*", "Resource": "*""#, "Statement.Effect", "`Allow` or `Deny`"),
            (r#""Effect": "Allow", "Effect": "Deny""#, "Statement.Effect", "is given twice"),
            (r#""effect": "Allow""#, "Statement", "unknown element `effect`"),
            (r#""Effect": "Allow", "Actions": "*""#, "Statement", "unknown element `Actions`"),
            (r#""Effect": "Allow", "\u0041ction": "*", "Action": "*""#, "Statement.Action", "is given twice"),
            (r#""Effect": "Allow", "Sid": 1, "Action": "*", "Resource": "*""#, "Statement.Sid", "must be a string"),
            (r#""Effect": "Allow", "Sid": "\u0000", "Action": "*""#, "Statement.Sid", "control character"),
        ] {
            let identity = policy(elements);
            assert_malformed(identity_error(&identity), place, says, &identity);
            let key = policy(&format!(r#""Principal": "*", {elements}"#));
            assert_malformed(key_error(&key), place, says, &key);
        }
    }

    #[test]
    fn actions() {
        for (action, place, says) in [
            ("[]", "Statement.Action", "must not be empty"),
            ("1", "Statement.Action", "must be a string"),
            ("{}", "Statement.Action", "must be a string"),
            (r#"["kms:*", ["kms:*"]]"#, "Statement.Action[1]", "must be a string"),
            (r#""""#, "Statement.Action", "neither"),
            (r#""Encrypt""#, "Statement.Action", "neither"),
            (r#""kms:""#, "Statement.Action", "neither"),
            (r#"":Encrypt""#, "Statement.Action", "neither"),
            (r#""*:*""#, "Statement.Action", "neither"),
            (r#""k*:Encrypt""#, "Statement.Action", "neither"),
            (r#""**""#, "Statement.Action", "neither"),
            (r#""kms: Encrypt""#, "Statement.Action", "neither"),
            (r#""kms:Encrypt ""#, "Statement.Action", "neither"),
            (r#""kms:Encrypt:x""#, "Statement.Action", "neither"),
            (r#""kms:${aws:username}""#, "Statement.Action", "neither"),
            // The Kelvin sign becomes a `k` in lower case.
            (r#""\u212ams:Encrypt""#, "Statement.Action", "neither"),
            (r#""kms:Encr\u0443pt""#, "Statement.Action", "neither"),
        ] {
            let elements = format!(r#""Action": {action}, "Resource": "*""#);
            assert_malformed(identity_error(&identity_statement(&elements)), place, says, action);
            assert_malformed(key_error(&key_statement(&elements)), place, says, action);
        }
    }

    #[test]
    fn resources() {
        for (resource, place, says) in [
            ("[]", "Statement.Resource", "must not be empty"),
            ("null", "Statement.Resource", "must be a string"),
            (r#"["*", 1]"#, "Statement.Resource[1]", "must be a string"),
            (r#""""#, "Statement.Resource", "neither"),
            (r#""**""#, "Statement.Resource", "neither"),
            (r#""key/*""#, "Statement.Resource", "neither"),
            (r#""arn:aws:kms:us-east-1:111122223333""#, "Statement.Resource", "neither"),
            (r#""arn:aws:kms:*""#, "Statement.Resource", "neither"),
            (r#""arn:aws:kms:us-east-1:111122223333:""#, "Statement.Resource", "neither"),
            (r#""arn:aws:k*:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
            (r#""arn:*:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
            (r#""*:aws:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
            (r#""ARN:aws:kms:us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
            (r#""arn:aws::us-east-1:111122223333:key/*""#, "Statement.Resource", "neither"),
        ] {
            let elements = format!(r#""Action": "*", "Resource": {resource}"#);
            assert_malformed(identity_error(&identity_statement(&elements)), place, says, resource);
            assert_malformed(key_error(&key_statement(&elements)), place, says, resource);
        }
    }

    #[test]
    fn principals() {
        for (text, place, says) in [
            (r#""111122223333""#, "Statement.Principal", "`*` or an object"),
            (r#"["*"]"#, "Statement.Principal", "`*` or an object"),
            ("{}", "Statement.Principal.AWS", "is missing"),
            (r#"{"aws": "*"}"#, "Statement.Principal", "unknown element `aws`"),
            (r#"{"AWS": "*", "AWS": "*"}"#, "Statement.Principal.AWS", "is given twice"),
            (r#"{"AWS": []}"#, "Statement.Principal.AWS", "must not be empty"),
            (r#"{"AWS": 111122223333}"#, "Statement.Principal.AWS", "must be a string"),
            (r#"{"AWS": "1"}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": ""}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": "AIDAAAAAAAAAAAAAAAAA"}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": "arn:aws:iam::111122223333:user/"}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": "arn:aws:iam::1:root"}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": "arn:aws-cn:iam::111122223333:root"}"#, "Statement.Principal.AWS", "neither"),
            (r#"{"AWS": ["*", "arn:aws:iam::111122223333:user/*"]}"#, "Statement.Principal.AWS[1]", "no wildcards"),
            (r#"{"AWS": "arn:aws:iam::*:root"}"#, "Statement.Principal.AWS", "no wildcards"),
        ] {
            assert_malformed(key_error(&principal(text)), place, says, text);
        }
        let none = policy(r#""Effect": "Allow", "Action": "*", "Resource": "*""#);
        assert_malformed(key_error(&none), "Statement.Principal", "is missing", &none);
    }

    #[test]
    fn what_is_not_decided_yet_is_refused() {
        for (elements, place, what) in [
            (r#""Condition": {}"#, "Statement.Condition", "`Condition`"),
            (r#""Condition": {"Bool": {"aws:SecureTransport": "true"}}"#, "Statement.Condition", "`Condition`"),
            (r#""NotAction": "kms:*""#, "Statement.NotAction", "`NotAction`"),
            (r#""NotResource": "*""#, "Statement.NotResource", "`NotResource`"),
        ] {
            let elements = format!("{ALL}, {elements}");
            assert_unsupported(identity_error(&identity_statement(&elements)), place, what, &elements);
            assert_unsupported(key_error(&key_statement(&elements)), place, what, &elements);
        }
        let variable = r#""Action": "*", "Resource": ["*", "arn:aws:kms:us-east-1:111122223333:key/${aws:userid}"]"#;
        for text in [identity_statement(variable), identity_statement(variable).replace("2012", "2008")] {
            assert_unsupported(identity_error(&text), "Statement.Resource[1]", "a policy variable", &text);
        }
        assert_unsupported(key_error(&key_statement(variable)), "Statement.Resource[1]", "a policy variable", variable);
        let second =
            r#"{"Statement": [{"Effect": "Deny", "Principal": "*"}, {"Effect": "Deny", "NotPrincipal": "*"}]}"#;
        assert_unsupported(key_error(second), "Statement[1].NotPrincipal", "`NotPrincipal`", second);
        for (text, place, what) in [
            (r#"{"Service": "s3.amazonaws.com"}"#, "Statement.Principal.Service", "`Service`"),
            (r#"{"AWS": "*", "Federated": "x"}"#, "Statement.Principal.Federated", "`Federated`"),
            (r#"{"CanonicalUser": "x"}"#, "Statement.Principal.CanonicalUser", "`CanonicalUser`"),
            (r#"{"AWS": "arn:aws:iam::111122223333:role/r"}"#, "Statement.Principal.AWS", "a role as principal"),
            (
                r#"{"AWS": ["arn:aws:sts::111122223333:assumed-role/r/s"]}"#,
                "Statement.Principal.AWS[0]",
                "a role session as principal",
            ),
            (
                r#"{"AWS": "arn:aws:sts::111122223333:federated-user/f"}"#,
                "Statement.Principal.AWS",
                "a federated user as principal",
            ),
        ] {
            assert_unsupported(key_error(&principal(text)), place, what, text);
        }
    }

    #[test]
    fn identity_policies_have_rules_of_their_own() {
        for (elements, place, says) in [
            (r#""Action": "*", "Resource": "*", "Principal": "*""#, "Statement.Principal", "names no principal"),
            (r#""Action": "*", "Resource": "*", "NotPrincipal": "*""#, "Statement.NotPrincipal", "names no principal"),
            (r#""Resource": "*""#, "Statement.Action", "is missing"),
            (r#""Action": "*""#, "Statement.Resource", "is missing"),
            (r#""Action": "*", "Resource": "*", "Sid": "a b""#, "Statement.Sid", "only letters and digits"),
        ] {
            assert_malformed(identity_error(&identity_statement(elements)), place, says, elements);
        }
        let one = format!(r#"{{"Sid": "A", "Effect": "Deny", {ALL}}}"#);
        let twice = format!(r#"{{"Statement": [{one}, {one}]}}"#);
        assert_malformed(identity_error(&twice), "Statement[1].Sid", "given to two statements", &twice);
    }

    #[test]
    fn size_and_nesting_are_bounded() {
        let padded = |text: &str, bytes: usize| format!("{text}{}", " ".repeat(bytes - text.len()));
        let key = key_statement(ALL);
        assert_eq!(key_error(&padded(&key, 32_768)), None);
        assert_eq!(key_error(&padded(&key, 32_769)), Some(PolicyError::TooLong { bytes_max: 32_768 }));
        let identity = identity_statement(ALL);
        assert_eq!(identity_error(&padded(&identity, 131_072)), None);
        assert_eq!(identity_error(&padded(&identity, 131_073)), Some(PolicyError::TooLong { bytes_max: 131_072 }));
        let deep = format!(r#"{{"Statement": {}"#, "[".repeat(30_000));
        assert_malformed(key_error(&deep), "policy", "nested too deeply", "30,000 levels");
    }

    #[test]
    fn errors_repeat_little_of_the_input() {
        let Some(PolicyError::Malformed { problem, .. }) = identity_error(&identity_statement(&format!(
            r#""Action": "{}", "Resource": "*""#,
            "x\\u0007".repeat(9_000)
        ))) else {
            panic!("accepted")
        };
        assert!(problem.len() < 200 && !problem.contains('\u{7}'), "{problem}");
    }
}
