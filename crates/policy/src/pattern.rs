//! Texts with wildcards: `*` is any run of characters, `?` is one. And ARNs, which are compared part by part.
//!
//! Matching takes at most as many steps as the two lengths multiplied, however the wildcards stand. A decision compares
//! many patterns with one ARN, so all of that together has a bound of its own.
//! Source: IAM user guide, "IAM JSON policy elements: Resource" and "Condition operators".

use std::cell::Cell;
use std::iter;

use crate::truth::Truth;

/// The colons before the last part of an ARN, `arn:partition:service:region:account:resource`.
pub(crate) const ARN_COLONS: usize = 5;

/// A character of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Atom {
    /// Itself.
    Char(char),
    /// `?`.
    One,
    /// `*`.
    Run,
}

/// A text in which `*` and `?` are wildcards.
pub(crate) fn wild(text: &str) -> impl Iterator<Item = Atom> + Clone {
    text.chars().map(|c| match c {
        '*' => Atom::Run,
        '?' => Atom::One,
        c => Atom::Char(c),
    })
}

/// An ARN that is compared with many patterns, those of policies that live as long as `'p`.
pub(crate) struct ArnText<'p> {
    text: String,
    /// [`has_plain_parts`].
    plain: bool,
    /// The last pattern and what it said: the statements of a policy often list the same resources.
    last: Cell<Option<(&'p str, Truth)>>,
    steps: Steps,
}

/// How many steps are left for comparisons. What would take more is not told.
pub(crate) struct Steps(Cell<usize>);

/// Those of one decision, once for all comparisons of the ARN and once for those of conditions: some milliseconds. Whole
/// policies of usual patterns take a tenth of it.
pub(crate) const DECISION_STEPS_MAX: usize = 1 << 20;

impl Steps {
    pub(crate) const fn new(steps: usize) -> Self {
        Self(Cell::new(steps))
    }

    /// How many are left.
    pub(crate) fn left(&self) -> usize {
        self.0.get()
    }

    /// Whether so many are left. They are gone then.
    pub(crate) fn take(&self, steps: usize) -> bool {
        let left = self.0.get().checked_sub(steps);
        self.0.set(left.unwrap_or(0));
        left.is_some()
    }
}

impl<'p> ArnText<'p> {
    pub(crate) fn new(text: String) -> Self {
        let plain = has_plain_parts(&text);
        Self { text, plain, last: Cell::new(None), steps: Steps::new(DECISION_STEPS_MAX) }
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.text
    }

    /// Those that are left for comparisons with it.
    pub(crate) fn steps(&self) -> &Steps {
        &self.steps
    }

    /// Whether a pattern without variables matches; see [`arn_glob`] for the rule.
    pub(crate) fn matches(&self, pattern: &'p str) -> Truth {
        if let Some((last, found)) = self.last.get()
            && last == pattern
        {
            return found;
        }
        let found = if self.plain {
            plain_arn_glob(pattern.as_bytes(), self.text.as_bytes(), &self.steps)
        } else {
            let (head, last) = split_last(pattern);
            self.glob(head, wild(last))
        };
        self.last.set(Some((pattern, found)));
        found
    }

    /// Whether a pattern in two parts matches; see [`arn_glob`] for the rule.
    pub(crate) fn glob(&self, head: &str, last: impl Iterator<Item = Atom> + Clone) -> Truth {
        arn_glob(head.split(':'), last, &self.text, &self.steps)
    }
}

/// The first five parts of an ARN, and the last.
pub(crate) fn split_last(pattern: &str) -> (&str, &str) {
    let last_colon = pattern.match_indices(':').nth(ARN_COLONS - 1).map_or(pattern.len(), |(at, _)| at);
    let (head, last) = pattern.split_at(last_colon);
    (head, last.strip_prefix(':').unwrap_or_default())
}

/// Whether an ARN has five colons, as all have whose last part holds none.
pub(crate) fn has_plain_parts(arn: &str) -> bool {
    arn.bytes().filter(|byte| *byte == b':').count() == ARN_COLONS
}

/// On an ARN of five colons each colon of the pattern needs one of the ARN: no wildcard ever takes one, so that parts
/// need not be told apart.
pub(crate) fn plain_arn_glob(mut pattern: &[u8], mut text: &[u8], steps: &Steps) -> Truth {
    // Most patterns begin as the ARN does, for most of their length.
    let is_same = |(wanted, found): &(&u8, &u8)| wanted == found && !matches!(wanted, b'*' | b'?');
    let same = pattern.iter().zip(text).take_while(is_same).count();
    (pattern, text) = (pattern.get(same..).unwrap_or_default(), text.get(same..).unwrap_or_default());
    let mut last_star = None;
    let mut left = steps.0.get().saturating_sub(same);
    let found = loop {
        let Some(rest) = left.checked_sub(1) else { break Truth::Unknown };
        left = rest;
        match (pattern.split_first(), text.split_first()) {
            // It takes all that is left.
            (Some((b'*', [])), _) => break Truth::from(!text.contains(&b':')),
            (Some((b'*', rest)), _) => {
                last_star = Some((rest, text));
                pattern = rest;
            }
            (Some((b'?', rest)), Some((found, _))) if *found != b':' => (pattern, text) = (rest, after_character(text)),
            (Some((wanted, pattern_rest)), Some((found, text_rest))) if wanted == found => {
                (pattern, text) = (pattern_rest, text_rest);
                // What stands before a colon is settled by it.
                last_star = last_star.filter(|_| *found != b':');
            }
            (None, None) => break Truth::Yes,
            _ => {
                let Some((after_star, taken_to)) = &mut last_star else { break Truth::No };
                if matches!(taken_to.first(), None | Some(b':')) {
                    break Truth::No;
                }
                *taken_to = after_character(taken_to);
                (pattern, text) = (after_star, taken_to);
            }
        }
    };
    steps.0.set(left);
    found
}

/// The rest of a UTF-8 text after its first character.
fn after_character(text: &[u8]) -> &[u8] {
    let rest = text.get(1..).unwrap_or_default();
    let continued = rest.iter().take_while(|byte| **byte & 0b1100_0000 == 0b1000_0000).count();
    rest.get(continued..).unwrap_or_default()
}

/// Matches an ARN part by part: a wildcard in one of the first five parts stays in that part, except a `*` that ends
/// it, which may run past the colon; in the last part wildcards also match colons. `head` holds the first five parts
/// of the pattern.
pub(crate) fn arn_glob<'h>(
    mut head: impl Iterator<Item = &'h str>,
    last: impl Iterator<Item = Atom> + Clone,
    arn: &str,
    steps: &Steps,
) -> Truth {
    if has_plain_parts(arn) {
        // Each colon of the pattern needs one of the ARN, so there is only one way to lay them side by side.
        let mut texts = arn.split(':');
        let part = |part: &str, text: &str| {
            if part == text { Truth::Yes } else { glob_within(steps, wild(part), text.chars()) }
        };
        for wanted in head {
            let found = texts.next().map_or(Truth::No, |text| part(wanted, text));
            if found != Truth::Yes {
                return found;
            }
        }
        return texts.next().map_or(Truth::No, |text| glob_within(steps, last, text.chars()));
    }
    let reached = head.try_fold(vec![arn], |reached, part| after_part(part, &reached, steps));
    let Some(reached) = reached else { return Truth::Unknown };
    Truth::any(reached.iter().map(|rest| glob_within(steps, last.clone(), rest.chars())))
}

/// Where the next part of a pattern may begin: the rests of the ARN after `part` and a colon, longest first, if
/// `part` itself may begin at any of `reached`, longest first. Nothing if no steps are left to find out.
fn after_part<'a>(part: &str, reached: &[&'a str], steps: &Steps) -> Option<Vec<&'a str>> {
    let mut next = Vec::new();
    for (text, after) in reached.iter().filter_map(|rest| rest.split_once(':')) {
        match glob_within(steps, wild(part), text.chars()) {
            Truth::No => continue,
            Truth::Unknown => return None,
            Truth::Yes => {}
        }
        if part.ends_with('*') {
            // What a later beginning reaches is among what this one reaches.
            next.extend(iter::successors(Some(after), |rest| rest.split_once(':').map(|(_, after)| after)));
            break;
        }
        next.push(after);
    }
    Some(next)
}

/// How many steps one comparison of a request's value may take where the steps are the two lengths multiplied. Callers
/// choose long values and policies long patterns, and a worker serves others too: what would take longer is not told,
/// so it allows nothing.
pub(crate) const STEPS_MAX: usize = 65_536;

/// Whether a pattern with wildcards matches all of a request's value. Without `?` that takes as many steps as the two
/// are long.
pub(crate) fn text_like(pattern: &str, text: &str, steps: &Steps) -> Truth {
    if pattern.contains('?') {
        let costs = pattern.contains('*') && pattern.len().saturating_mul(text.len()) > STEPS_MAX;
        return if costs { Truth::Unknown } else { glob_within(steps, wild(pattern), text.chars()) };
    }
    let Some((head, rest)) = pattern.split_once('*') else { return Truth::from(pattern == text) };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let inner = text.strip_prefix(head).and_then(|text| text.strip_suffix(tail));
    let Some(mut inner) = inner else { return Truth::No };
    if !middle.is_empty() && !steps.take(middle.len() + inner.len()) {
        return Truth::Unknown;
    }
    for piece in middle.split('*') {
        // The leftmost place leaves the most for the pieces that follow.
        match inner.split_once(piece) {
            Some((_, after)) => inner = after,
            None => return Truth::No,
        }
    }
    Truth::Yes
}

/// Whether the pattern matches all of the text.
pub(crate) fn glob(pattern: impl Iterator<Item = Atom> + Clone, text: impl Iterator<Item = char> + Clone) -> bool {
    glob_within(&Steps::new(usize::MAX), pattern, text) == Truth::Yes
}

/// Whether the pattern matches all of the text, as far as the steps that are left tell.
///
/// Only the last `*` is ever tried again: whatever an earlier one could have taken, the last one can take as well.
pub(crate) fn glob_within(
    steps: &Steps,
    mut pattern: impl Iterator<Item = Atom> + Clone,
    mut text: impl Iterator<Item = char> + Clone,
) -> Truth {
    let mut last_star = None;
    let mut left = steps.0.get();
    let found = loop {
        let Some(rest) = left.checked_sub(1) else { break Truth::Unknown };
        left = rest;
        let (mut pattern_rest, mut text_rest) = (pattern.clone(), text.clone());
        match (pattern_rest.next(), text_rest.next()) {
            (Some(Atom::Run), _) => {
                last_star = Some((pattern_rest.clone(), text.clone()));
                pattern = pattern_rest;
            }
            (Some(wanted), Some(found)) if wanted == Atom::One || wanted == Atom::Char(found) => {
                (pattern, text) = (pattern_rest, text_rest);
            }
            (None, None) => break Truth::Yes,
            _ => {
                let Some((after_star, taken_to)) = &mut last_star else { break Truth::No };
                if taken_to.next().is_none() {
                    break Truth::No;
                }
                (pattern, text) = (after_star.clone(), taken_to.clone());
            }
        }
    };
    steps.0.set(left);
    found
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;
    use proptest::sample::select;

    use super::*;

    fn matches(pattern: &str, text: &str) -> bool {
        glob(wild(pattern), text.chars())
    }

    fn arn_matches(pattern: &str, arn: &str) -> bool {
        let (head, last) = split_last(pattern);
        let matches = arn_glob(head.split(':'), wild(last), arn, &Steps::new(usize::MAX));
        assert_eq!(ArnText::new(arn.into()).matches(pattern), matches, "`{pattern}` on `{arn}`");
        matches == Truth::Yes
    }

    #[test]
    fn texts() {
        for (pattern, text, want) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("**", "anything", true),
            ("?", "", false),
            ("?", "ä", true),
            ("a*", "a", true),
            ("a*b", "ab", true),
            ("a*b", "abc", false),
            ("*ab", "aab", true),
            ("*a?c", "abcabdabc", true),
            ("a*b*c", "axbxbxc", true),
            ("a*b*c", "axcxb", false),
            ("*ö", "aäö", true),
            ("a", "A", false),
        ] {
            assert_eq!(matches(pattern, text), want, "`{pattern}` on `{text}`");
        }
    }

    #[test]
    fn arns_by_parts() {
        for (pattern, arn, want) in [
            ("arn:aws:kms:us-east-1:1:key/*", "arn:aws:kms:us-east-1:1:key/k", true),
            ("arn:aws:kms:us-east-1:1:*", "arn:aws:kms:us-east-1:1:key/k", true),
            ("arn:aws:kms:us-east-1:1:*", "arn:aws:kms:us-east-1:1:alias/a", true),
            ("arn:aws:kms:us-east-1:1:*", "arn:aws:kms:us-east-1:1:*", true),
            ("arn:aws:kms:us-east-1:1:key/*", "arn:aws:kms:us-east-1:1:*", false),
            ("arn:aws:kms:us-*-1:1:key/k", "arn:aws:kms:us-east-1:1:key/k", true),
            ("arn:aws:kms:u*1:1:key/k", "arn:aws:kms:us-east-1:1:key/k", true),
            // A wildcard inside a part stays in it: it must not turn a Region into an account.
            ("arn:aws:kms:u*x:1:key/k", "arn:aws:kms:us-east-1:1x:1:key/k", false),
            ("arn:aws:kms:u?1:1:key/k", "arn:aws:kms:u:1:1:key/k", false),
            // One that ends a part may run on.
            ("arn:aws:kms:u*:1:key/k", "arn:aws:kms:us-east-1:x:1:key/k", true),
            ("arn:aws:iam::*:b/ann", "arn:aws:iam::1:user/a:b/ann", true),
            ("arn:aws:iam::1:user/*/ann", "arn:aws:iam::1:user/a:b/ann", true),
            ("arn:aws:iam::1:user/a?b/ann", "arn:aws:iam::1:user/a:b/ann", true),
            ("arn:aws:iam::1:user/?", "arn:aws:iam::1:user/ä", true),
            ("arn:aws:iam::1:user/*?", "arn:aws:iam::1:user/aä", true),
            ("arn:aws:iam::1:user/??", "arn:aws:iam::1:user/ä", false),
            ("arn:aws:iam::1:user/*??", "arn:aws:iam::1:user/ä", false),
            ("arn:aws:iam::?1:user/a", "arn:aws:iam::1:user/a", false),
            ("arn:aws:kms:us-east-1:1:key/k", "arn:aws:kms:us-east-1:1", false),
        ] {
            assert_eq!(arn_matches(pattern, arn), want, "`{pattern}` on `{arn}`");
        }
    }

    #[test]
    fn long_values_are_told_in_few_steps_or_not_at_all() {
        let text = "a".repeat(60_000);
        let text_like = |pattern: &str, text: &str| text_like(pattern, text, &Steps::new(DECISION_STEPS_MAX));
        // Without `?` one look over the text is enough.
        assert_eq!(text_like(&format!("*{}b", "a".repeat(5_900)), &text), Truth::No);
        assert_eq!(text_like(&format!("{}*", "a*".repeat(2_900)), &text), Truth::Yes);
        assert_eq!(text_like(&format!("*{}?b", "a".repeat(5_900)), &text), Truth::Unknown);
        assert_eq!(text_like(&"?".repeat(60_000), &text), Truth::Yes);
    }

    #[test]
    fn hostile_wildcards_take_bounded_time() {
        // A matcher that tries each wildcard again needs more steps than there are atoms in the universe.
        assert!(!matches(&"a*".repeat(1000), &"a".repeat(600)));
    }

    /// All patterns of a policy together take the steps of one decision; when those are used up, nothing is told that
    /// takes any.
    #[test]
    fn the_steps_of_one_arn_are_bounded() {
        let long = format!("arn:aws:iam::1:user/{}", "a".repeat(2000));
        let colons = format!("arn:aws:iam::1:user/{}", "a:".repeat(1000));
        for (arn, pattern) in [
            (&long, format!("arn:aws:iam::1:*{}b", "a".repeat(1000))),
            (&long, format!("arn:aws:iam::1:*{}?b", "a".repeat(1000))),
            (&colons, format!("arn:aws:iam:*:*:{}b", "*a".repeat(1000))),
            (&colons, format!("arn:aws:iam:*:*:*{}b", "a:".repeat(500))),
        ] {
            // No two are the same, or they would be one.
            let patterns: Vec<String> = (0..1000).map(|number| format!("{pattern}{number}")).collect();
            let text = ArnText::new(arn.clone());
            let mut told = patterns.iter().map(|pattern| text.matches(pattern));
            assert!(told.any(|told| told == Truth::Unknown), "{pattern}");
            assert_eq!(text.steps.0.get(), 0, "{pattern}");
            assert_eq!(text.matches("arn:aws:iam::1:user/*"), Truth::Unknown, "{pattern}");
        }
        // As many usual patterns as a policy has room for are all told.
        let patterns = (0..1000).map(|number| format!("arn:aws:kms:*:111122223333:key/*{number}-*"));
        let patterns: Vec<String> = patterns.collect();
        let text = ArnText::new("arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab".into());
        for pattern in &patterns {
            assert_eq!(text.matches(pattern), Truth::No, "{pattern}");
        }
    }

    #[test]
    fn the_last_pattern_speaks_for_itself_only() {
        let text = ArnText::new("arn:aws:iam::1:user/a".into());
        let told = ["*:user/*", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/*", "arn:aws:iam::1:user/b*"];
        assert_eq!(told.map(|pattern| text.matches(pattern)), [Truth::No, Truth::Yes, Truth::Yes, Truth::No]);
    }

    /// The rule as the documents say it, one character after another. `colons` of the pattern are behind.
    fn slowly(pattern: &[char], text: &[char], colons: usize) -> bool {
        let stays = colons < ARN_COLONS;
        match (pattern, text) {
            ([], _) => text.is_empty(),
            (['*', pattern_rest @ ..], _) => {
                let may_cross = !stays || pattern_rest.first() == Some(&':');
                let longer = matches!(text, [first, ..] if may_cross || *first != ':');
                slowly(pattern_rest, text, colons) || (longer && slowly(pattern, &text[1..], colons))
            }
            (['?', pattern_rest @ ..], [first, text_rest @ ..]) => {
                !(stays && *first == ':') && slowly(pattern_rest, text_rest, colons)
            }
            ([wanted, pattern_rest @ ..], [first, text_rest @ ..]) => {
                wanted == first && slowly(pattern_rest, text_rest, colons + usize::from(*wanted == ':'))
            }
            ([_, ..], []) => false,
        }
    }

    fn characters(of: &'static [char], most: usize) -> impl Strategy<Value = String> {
        vec(select(of), 0..=most).prop_map(String::from_iter)
    }

    /// Six parts, the last of which may hold colons.
    fn arn(head: &'static [char], last: &'static [char]) -> impl Strategy<Value = String> {
        let head = vec(characters(head, 3), ARN_COLONS).prop_map(|parts| parts.join(":"));
        (head, characters(last, 6)).prop_map(|(head, last)| format!("{head}:{last}"))
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]

        #[test]
        fn text_matches_as_the_rule_says(
            pattern in characters(&['a', 'b', ':', '*', '?'], 8),
            text in characters(&['a', 'b', ':'], 8),
        ) {
            let slow = slowly(&Vec::from_iter(pattern.chars()), &Vec::from_iter(text.chars()), ARN_COLONS);
            prop_assert_eq!(matches(&pattern, &text), slow);
            prop_assert_eq!(text_like(&pattern, &text, &Steps::new(DECISION_STEPS_MAX)), Truth::from(slow));
        }

        #[test]
        fn arn_matches_as_the_rule_says(
            pattern in arn(&['a', '*', '?'], &['a', ':', '*', '?']),
            text in arn(&['a'], &['a', 'a', ':']),
        ) {
            let slow = slowly(&Vec::from_iter(pattern.chars()), &Vec::from_iter(text.chars()), 0);
            prop_assert_eq!(arn_matches(&pattern, &text), slow);
        }
    }
}
