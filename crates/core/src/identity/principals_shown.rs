//! Resource policies as answers show them: byte for byte as they were put, but for principals that are gone, which are
//! shown by their unique ids, and such as have another name now. Source: IAM user guide, "AWS JSON policy elements:
//! Principal".

use std::collections::BTreeMap;

use crate::identity::principal_ids;
use crate::view::View;

/// The policy `text`, whose principals were bound to these unique ids.
pub fn document(text: &str, bound: &[(String, String)], view: &View) -> String {
    let shown = |(arn, id): &(String, String)| {
        // INVARIANT: what is in the View was parsed on its way there.
        let shown = principal_ids::shown(&arn.parse().ok()?, id.parse().ok()?, view);
        (shown != *arn).then_some((arn.clone(), shown))
    };
    let changed: BTreeMap<String, String> = bound.iter().filter_map(shown).collect();
    if changed.is_empty() { text.to_owned() } else { replaced(text, &changed) }
}

/// The JSON text of a policy with other names for some of its principals.
fn replaced(text: &str, names: &BTreeMap<String, String>) -> String {
    let mut place = Place::default();
    let mut written = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let end = if c == '"' { string_end(rest) } else { c.len_utf8() };
        let (token, after) = rest.split_at(end);
        let string: Option<String> = if c == '"' { serde_json::from_str(token).ok() } else { None };
        let is_key = string.is_some() && after.trim_start().starts_with(':');
        let name = string.as_ref().filter(|_| !is_key && place.is_principal()).and_then(|string| names.get(string));
        match (&string, name) {
            (_, Some(name)) => written.extend(["\"", name, "\""]),
            (Some(key), None) if is_key => {
                place.key(key);
                written.push_str(token);
            }
            (Some(_) | None, None) => {
                place.step(c);
                written.push_str(token);
            }
        }
        rest = after;
    }
    written
}

/// Where a string literal ends that a text begins with.
fn string_end(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '"' => return at + 1,
            '\\' => escaped = true,
            _ => {}
        }
    }
    text.len()
}

/// Where in the policy a token stands.
#[derive(Default)]
struct Place {
    open: Vec<Open>,
    /// Whether the value that comes next is a statement's `Principal` or `NotPrincipal`.
    principal_next: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    Array,
    Object,
    /// An array or object within a statement's principal.
    Principal,
}

impl Place {
    fn is_principal(&self) -> bool {
        self.principal_next || self.open.last() == Some(&Open::Principal)
    }

    fn key(&mut self, key: &str) {
        let in_statement =
            matches!(self.open[..], [Open::Object, Open::Object] | [Open::Object, Open::Array, Open::Object]);
        self.principal_next = in_statement && ["Principal", "NotPrincipal"].contains(&key);
    }

    fn step(&mut self, c: char) {
        let opened = match c {
            '[' => Open::Array,
            '{' => Open::Object,
            ']' | '}' => {
                self.open.pop();
                return;
            }
            ',' => {
                self.principal_next = false;
                return;
            }
            _ => return,
        };
        self.open.push(if self.is_principal() { Open::Principal } else { opened });
        self.principal_next = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn principals_and_nothing_else() {
        let names = BTreeMap::from([("arn:aws:iam::1:user/a".to_owned(), "AIDA1".to_owned())]);
        for (text, want) in [
            (r#"{"Statement":{"Principal":{"AWS":@}}}"#, r#"{"Statement":{"Principal":{"AWS":"AIDA1"}}}"#),
            (
                r#"{ "Statement" : [ { "NotPrincipal" : { "AWS" : [ "*" , @ ] } , "Sid" : @ } ] }"#,
                r#"{ "Statement" : [ { "NotPrincipal" : { "AWS" : [ "*" , "AIDA1" ] } , "Sid" : @ } ] }"#,
            ),
            (r#"{"Id":@,"Statement":[{"Principal":"*","Resource":@}]}"#, ""),
            (r#"{"Statement":[{"Condition":{"ArnLike":{"aws:PrincipalArn":[@]}},"Principal":"*"}]}"#, ""),
            (r#"{"Statement":{"Condition":{"Principal":{"Principal":@}}}}"#, ""),
            (r#"{"Principal":{"AWS":@}}"#, ""),
            (
                r#"{"Statement":{"\u0050rincipal":{"AWS":"arn:aws:iam::1:user\/a"},"Sid":"\"{[é"}}"#,
                r#"{"Statement":{"\u0050rincipal":{"AWS":"AIDA1"},"Sid":"\"{[é"}}"#,
            ),
        ] {
            let want = if want.is_empty() { text } else { want };
            let [text, want] = [text, want].map(|text| text.replace('@', r#""arn:aws:iam::1:user/a""#));
            assert_eq!(replaced(&text, &names), want, "{text}");
        }
    }

    /// A text that is no policy, or cut, comes out as it went in.
    #[test]
    fn anything_else_stays() {
        let names = BTreeMap::from([("x".to_owned(), "y".to_owned())]);
        for text in ["", "\"", "\"x", "\"\\", "]}", "{\"a\":", "x", "[\"x\"]", "é\"é"] {
            assert_eq!(replaced(text, &names), text, "{text}");
        }
    }
}
