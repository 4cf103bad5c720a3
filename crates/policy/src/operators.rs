//! Condition operators by name. Source: IAM user guide, "IAM JSON policy elements: Condition operators" and
//! "Set operators for multivalued keys".

use std::cmp::Ordering;
use std::fmt;

/// A condition operator with what stands before and after its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Operator {
    pub(crate) test: Test,
    pub(crate) polarity: Polarity,
    pub(crate) absent: IfAbsent,
    pub(crate) set: Option<SetOperator>,
}

/// How one value of a request is compared with one of the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Test {
    Address,
    Arn,
    /// The same as `Arn`: both take wildcards.
    ArnLike,
    Binary,
    Bool,
    Null,
    Number(Order),
    Text,
    TextIgnoringCase,
    TextLike,
    Time(Order),
}

/// What the request's value is to be, seen from the policy's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Order {
    Equal,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
}

/// Whether one of the values is to match, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Polarity {
    Negated,
    Positive,
}

/// What a condition says of a request without the key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum IfAbsent {
    /// As the operator has it.
    AsOperator,
    /// `IfExists`.
    Holds,
}

/// `ForAllValues:` or `ForAnyValue:`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SetOperator {
    All,
    Any,
}

/// Names without prefix and suffix.
const NAMES: [(&str, Test, Polarity); 27] = {
    use Order::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual};
    use Polarity::{Negated, Positive};
    [
        ("ArnEquals", Test::Arn, Positive),
        ("ArnLike", Test::ArnLike, Positive),
        ("ArnNotEquals", Test::Arn, Negated),
        ("ArnNotLike", Test::ArnLike, Negated),
        ("BinaryEquals", Test::Binary, Positive),
        ("Bool", Test::Bool, Positive),
        ("DateEquals", Test::Time(Equal), Positive),
        ("DateGreaterThan", Test::Time(Greater), Positive),
        ("DateGreaterThanEquals", Test::Time(GreaterOrEqual), Positive),
        ("DateLessThan", Test::Time(Less), Positive),
        ("DateLessThanEquals", Test::Time(LessOrEqual), Positive),
        ("DateNotEquals", Test::Time(Equal), Negated),
        ("IpAddress", Test::Address, Positive),
        ("NotIpAddress", Test::Address, Negated),
        ("Null", Test::Null, Positive),
        ("NumericEquals", Test::Number(Equal), Positive),
        ("NumericGreaterThan", Test::Number(Greater), Positive),
        ("NumericGreaterThanEquals", Test::Number(GreaterOrEqual), Positive),
        ("NumericLessThan", Test::Number(Less), Positive),
        ("NumericLessThanEquals", Test::Number(LessOrEqual), Positive),
        ("NumericNotEquals", Test::Number(Equal), Negated),
        ("StringEquals", Test::Text, Positive),
        ("StringEqualsIgnoreCase", Test::TextIgnoringCase, Positive),
        ("StringLike", Test::TextLike, Positive),
        ("StringNotEquals", Test::Text, Negated),
        ("StringNotEqualsIgnoreCase", Test::TextIgnoringCase, Negated),
        ("StringNotLike", Test::TextLike, Negated),
    ]
};

impl Operator {
    /// The operator of this name. `Null` takes neither prefix nor suffix: it speaks of absence itself.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (set, rest) = if let Some(rest) = text.strip_prefix("ForAllValues:") {
            (Some(SetOperator::All), rest)
        } else if let Some(rest) = text.strip_prefix("ForAnyValue:") {
            (Some(SetOperator::Any), rest)
        } else {
            (None, text)
        };
        let (absent, name) = match rest.strip_suffix("IfExists") {
            Some(name) => (IfAbsent::Holds, name),
            None => (IfAbsent::AsOperator, rest),
        };
        let (_, test, polarity) = NAMES.iter().find(|(known, _, _)| *known == name)?;
        let bare = set.is_none() && absent == IfAbsent::AsOperator;
        (bare || *test != Test::Null).then_some(Self { test: *test, polarity: *polarity, absent, set })
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.set {
            None => "",
            Some(SetOperator::All) => "ForAllValues:",
            Some(SetOperator::Any) => "ForAnyValue:",
        })?;
        let name = NAMES.iter().find(|(_, test, polarity)| (*test, *polarity) == (self.test, self.polarity));
        f.write_str(name.map_or("", |(name, _, _)| name))?;
        f.write_str(if self.absent == IfAbsent::Holds { "IfExists" } else { "" })
    }
}

impl Order {
    pub(crate) fn holds(self, found: Ordering) -> bool {
        match self {
            Self::Equal => found.is_eq(),
            Self::Greater => found.is_gt(),
            Self::GreaterOrEqual => found.is_ge(),
            Self::Less => found.is_lt(),
            Self::LessOrEqual => found.is_le(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (name, test, _) in NAMES {
            assert_eq!(Operator::parse(name).unwrap().test, test, "{name}");
            for text in
                [format!("{name}IfExists"), format!("ForAllValues:{name}"), format!("ForAnyValue:{name}IfExists")]
            {
                assert_eq!(Operator::parse(&text).is_some(), test != Test::Null, "{text}");
            }
        }
        for text in [
            "",
            "StringMatches",
            "stringequals",
            "ForAllValues:",
            "IfExists",
            "ForAnyValue:ForAnyValue:Bool",
            "BoolIfExistsIfExists",
            "ForSomeValue:Bool",
            "BoolNot",
        ] {
            assert_eq!(Operator::parse(text), None, "{text}");
        }
        for text in
            ["ForAllValues:StringNotLikeIfExists", "Null", "NotIpAddress", "ForAnyValue:DateLessThan", "ArnLike"]
        {
            assert_eq!(Operator::parse(text).unwrap().to_string(), text);
        }
    }
}
