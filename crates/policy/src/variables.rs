//! Policy variables: `${key}` stands for what the request has there, `${key, 'text'}` for a text where it has nothing,
//! `${*}`, `${?}` and `${$}` for the characters themselves.
//!
//! A substituted value is taken literally: whoever chooses a tag's value cannot bring a wildcard into a policy.
//! Source: IAM user guide, "IAM policy elements: Variables and tags".

use std::borrow::Cow;

use crate::context::{Context, Values};
use crate::keys::ConditionKey;
use crate::pattern::{Atom, Steps};

/// What begins a variable.
pub(crate) const OPEN: &str = "${";

/// A piece of a text with variables.
enum Piece<'t> {
    /// A character that was escaped.
    Escaped(char),
    /// Text around the variables.
    Plain(&'t str),
    Variable {
        name: &'t str,
        default: Option<&'t str>,
    },
}

/// The text after `${` is no variable.
pub(crate) struct BadVariable;

/// What a variable stands for in a request.
pub(crate) enum Stands<'a> {
    For(Cow<'a, str>),
    /// It has no value.
    ForNothing,
    Unknown,
}

/// What a text stands for in a request.
pub(crate) enum Expanded {
    Atoms(Vec<Atom>),
    /// One of its variables has no value, or values that are too long: it matches nothing.
    NoValue,
    /// The value of one of its variables is not known.
    Unknown,
}

/// Whether `*` and `?` in a policy's text are wildcards.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wildcards {
    Literal,
    Live,
}

/// An error if a variable in a text is malformed.
pub(crate) fn check(text: &str) -> Result<(), BadVariable> {
    let mut rest = text;
    while !rest.is_empty() {
        (_, rest) = first_piece(rest)?;
    }
    Ok(())
}

/// What a variable stands for in a request.
pub(crate) fn value<'a>(key: &ConditionKey, default: Option<&'a str>, context: &'a dyn Context) -> Stands<'a> {
    match context.values(key) {
        Values::One(value) => Stands::For(value.into_text()),
        Values::Unknown => Stands::Unknown,
        // Only a single-valued key has a value to stand here.
        Values::Absent | Values::Many(_) => default.map_or(Stands::ForNothing, |default| Stands::For(default.into())),
    }
}

/// The steps that it takes to find a variable's value.
const VARIABLE_STEPS: usize = 64;

/// The text with each variable's value in its place, to be matched with a text of `bytes_max` bytes. A text that is too
/// long to match that is not put together: a variable is short and can stand in a policy often, and its value be long.
/// That takes as many steps as the outcome is long; when there are no more, it is not told.
pub(crate) fn expand(
    text: &str,
    wildcards: Wildcards,
    context: &dyn Context,
    bytes_max: usize,
    steps: &Steps,
) -> Expanded {
    let mut atoms = Vec::with_capacity(text.len());
    let mut rest = text;
    let mut unknown = false;
    let mut left = bytes_max.saturating_mul(char::MAX.len_utf8());
    while !rest.is_empty() {
        // INVARIANT: the text was checked when the policy was put.
        let Ok((piece, after)) = first_piece(rest) else { return Expanded::NoValue };
        let costs = if let Piece::Variable { .. } = piece { VARIABLE_STEPS } else { rest.len() - after.len() };
        if !steps.take(costs) {
            return Expanded::Unknown;
        }
        match piece {
            Piece::Escaped(c) => atoms.push(Atom::Char(c)),
            Piece::Plain(plain) if wildcards == Wildcards::Live => atoms.extend(crate::pattern::wild(plain)),
            Piece::Plain(plain) => atoms.extend(plain.chars().map(Atom::Char)),
            Piece::Variable { name, default } => match value(&ConditionKey::parse(name), default, context) {
                Stands::For(value) => {
                    // More characters than the other text has bytes: nothing that follows lets it match.
                    let Some(rest) = left.checked_sub(value.len()) else { return Expanded::NoValue };
                    left = rest;
                    if !steps.take(value.len()) {
                        return Expanded::Unknown;
                    }
                    atoms.extend(value.chars().map(Atom::Char));
                }
                Stands::ForNothing => return Expanded::NoValue,
                Stands::Unknown => unknown = true,
            },
        }
        rest = after;
    }
    if unknown { Expanded::Unknown } else { Expanded::Atoms(atoms) }
}

/// The key and the default of a text that is nothing but one variable.
pub(crate) fn alone(text: &str) -> Option<(ConditionKey, Option<&str>)> {
    match first_piece(text) {
        Ok((Piece::Variable { name, default }, "")) => Some((ConditionKey::parse(name), default)),
        _ => None,
    }
}

/// The parts of an ARN between the colons that stand outside of variables: six at most.
pub(crate) fn arn_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut at) = (0, 0);
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        let length = match first_piece(rest) {
            Ok((Piece::Plain(plain), _)) => {
                for (colon, _) in plain.match_indices(':').take(crate::pattern::ARN_COLONS - parts.len()) {
                    parts.push(text.get(start..at + colon).unwrap_or_default());
                    start = at + colon + 1;
                }
                plain.len()
            }
            Ok((_, after)) => rest.len() - after.len(),
            Err(BadVariable) => rest.len(),
        };
        at += length;
    }
    parts.push(text.get(start..).unwrap_or_default());
    parts
}

/// The first piece of a text that is not empty, and what follows it.
fn first_piece(text: &str) -> Result<(Piece<'_>, &str), BadVariable> {
    let Some(inner) = text.strip_prefix(OPEN) else {
        let (plain, rest) = text.split_at(text.find(OPEN).unwrap_or(text.len()));
        return Ok((Piece::Plain(plain), rest));
    };
    for c in ['*', '?', '$'] {
        if let Some(rest) = inner.strip_prefix(c).and_then(|rest| rest.strip_prefix('}')) {
            return Ok((Piece::Escaped(c), rest));
        }
    }
    let end = inner.find([',', '}']).ok_or(BadVariable)?;
    let (name, rest) = inner.split_at(end);
    let name = name.trim_matches(' ');
    if !is_key_name(name) {
        return Err(BadVariable);
    }
    if let Some(rest) = rest.strip_prefix('}') {
        return Ok((Piece::Variable { name, default: None }, rest));
    }
    let quoted = rest.strip_prefix(',').and_then(|rest| rest.trim_start_matches(' ').strip_prefix('\''));
    let (default, rest) = quoted.and_then(|rest| rest.split_once('\'')).ok_or(BadVariable)?;
    let rest = rest.trim_start_matches(' ').strip_prefix('}').ok_or(BadVariable)?;
    Ok((Piece::Variable { name, default: Some(default) }, rest))
}

/// Whether a text may name a condition key: a service, a colon and the rest, nothing that could be a mistake of
/// punctuation.
pub(crate) fn is_key_name(text: &str) -> bool {
    let good = |c: char| !c.is_control() && !"${}'\"*?".contains(c);
    matches!(text.split_once(':'), Some((service, rest)) if !service.is_empty() && !rest.is_empty())
        && text.chars().all(good)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Request;

    impl Context for Request {
        fn values(&self, key: &ConditionKey) -> Values<'_> {
            match key {
                ConditionKey::AwsUserName => Values::text("a*n"),
                ConditionKey::AwsTagKeys => Values::Many(vec!["x".into()]),
                ConditionKey::AwsSourceIp => Values::Unknown,
                _ => Values::Absent,
            }
        }
    }

    fn plenty() -> Steps {
        Steps::new(1_000_000)
    }

    /// Nothing more is put together once there are no steps left.
    #[test]
    fn an_expansion_takes_steps() {
        for (text, costs) in [("abc", 3), ("${*}", 4), ("a${aws:username}", 1 + VARIABLE_STEPS + 3)] {
            let steps = Steps::new(costs);
            assert!(matches!(expand(text, Wildcards::Live, &Request, 100, &steps), Expanded::Atoms(_)), "{text}");
            assert!(!steps.take(1), "{text}");
            let short = Steps::new(costs - 1);
            assert!(matches!(expand(text, Wildcards::Live, &Request, 100, &short), Expanded::Unknown), "{text}");
        }
    }

    #[test]
    fn expansion() {
        let atoms = |text: &str| Some(text.chars().map(Atom::Char).collect::<Vec<_>>());
        for (text, want) in [
            ("", atoms("")),
            ("a$b{}", atoms("a$b{}")),
            ("<${aws:username}>", atoms("<a*n>")),
            ("${AWS:UserName}${aws:username}", atoms("a*na*n")),
            ("${*}${?}${$}{aws:username}", atoms("*?${aws:username}")),
            ("${aws:PrincipalTag/team}", None),
            ("${aws:PrincipalTag/team, 'none'}", atoms("none")),
            ("${aws:PrincipalTag/team,''}", atoms("")),
            ("${aws:PrincipalTag/team, '*}' }!", atoms("*}!")),
            ("${aws:username, 'none'}", atoms("a*n")),
            ("${aws:TagKeys}", None),
            ("${aws:TagKeys, 'x'}", atoms("x")),
            ("${s3:prefix}", None),
        ] {
            let found = match expand(text, Wildcards::Live, &Request, 100, &plenty()) {
                Expanded::Atoms(atoms) => Some(atoms),
                Expanded::NoValue => None,
                Expanded::Unknown => panic!("{text}"),
            };
            assert_eq!(found, want, "{text}");
            assert!(check(text).is_ok(), "{text}");
        }
        assert!(matches!(expand("a${aws:SourceIp}b", Wildcards::Live, &Request, 100, &plenty()), Expanded::Unknown));
        // What never has a value does not depend on anything.
        assert!(matches!(
            expand("${aws:SourceIp}${s3:x}", Wildcards::Live, &Request, 100, &plenty()),
            Expanded::NoValue
        ));
        for (wildcards, want) in [(Wildcards::Live, Atom::Run), (Wildcards::Literal, Atom::Char('*'))] {
            assert!(
                matches!(expand("*", wildcards, &Request, 100, &plenty()), Expanded::Atoms(atoms) if atoms == [want])
            );
        }
    }

    /// A character has four bytes at most, so 27 bytes of values can be 7 characters, and no fewer.
    #[test]
    fn what_is_too_long_to_match_is_not_put_together() {
        let many = "${aws:username}".repeat(9);
        let fits = |bytes_max| match expand(&many, Wildcards::Literal, &Request, bytes_max, &plenty()) {
            Expanded::Atoms(atoms) => atoms.len() == many.len() / "${aws:username}".len() * 3,
            Expanded::NoValue => false,
            Expanded::Unknown => panic!("{many}"),
        };
        assert!(fits(27) && fits(7) && !fits(6) && !fits(0));
    }

    #[test]
    fn malformed() {
        for text in [
            "${",
            "${}",
            "a${x}",
            "${aws:}",
            "${:x}",
            "${aws:x",
            "${aws:x,}",
            "${aws:x, 'a}",
            "${aws:x, a}",
            "${aws:${aws:y}}",
            "${aws:x, 'a' b}",
            "${**}",
        ] {
            assert!(check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn one_variable_and_nothing_else() {
        let tag = || ConditionKey::AwsPrincipalTag("team".into());
        for (text, want) in [
            ("${aws:PrincipalTag/team}", Some((tag(), None))),
            ("${ aws:principaltag/Team , 'none' }", Some((tag(), Some("none")))),
            ("${aws:PrincipalTag/team}x", None),
            ("x${aws:PrincipalTag/team}", None),
            ("${aws:PrincipalTag/team}${aws:PrincipalTag/team}", None),
            ("${*}", None),
            ("*", None),
            ("", None),
        ] {
            assert_eq!(alone(text), want, "{text}");
        }
    }

    #[test]
    fn colons_of_variables_are_not_the_arns() {
        for (text, want) in [
            (
                "arn:aws:kms:${aws:RequestedRegion}:1:a:b",
                &["arn", "aws", "kms", "${aws:RequestedRegion}", "1", "a:b"][..],
            ),
            ("${aws:PrincipalArn}", &["${aws:PrincipalArn}"]),
            ("a:b", &["a", "b"]),
            ("", &[""]),
        ] {
            assert_eq!(arn_parts(text), want, "{text}");
        }
    }
}
