//! Text with wildcards and policy variables, and what it matches.
//!
//! A text is first read into pieces, so that a star that was written in the policy and a star that came out of a
//! variable can never be taken for one another.

/// One step of a pattern.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece {
    Char(char),
    /// `*`
    Any,
    /// `?`
    One,
}

/// Pieces of a text in which nothing is a variable.
pub fn plain(text: &str) -> Vec<Piece> {
    text.chars().map(piece).collect()
}

fn piece(char: char) -> Piece {
    match char {
        '*' => Piece::Any,
        '?' => Piece::One,
        other => Piece::Char(other),
    }
}

/// Pieces of a text whose variables are replaced by their values; None if one of them has neither value nor default.
///
/// `${*}`, `${?}` and `${$}` are the characters themselves. Values and defaults are literal, whatever they hold.
/// A `${` that is never closed is text (the rules are silent on it).
pub fn expanded(text: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Option<Vec<Piece>> {
    let Some(start) = text.find("${") else { return Some(plain(text)) };
    let Some(length) = text[start..].find('}') else { return Some(plain(text)) };
    let inside = &text[start + 2..start + length];
    let replacement = match inside {
        "*" | "?" | "$" => inside.to_owned(),
        _ => variable(inside, value_of)?,
    };
    let mut pieces = plain(&text[..start]);
    pieces.extend(replacement.chars().map(Piece::Char));
    pieces.extend(expanded(&text[start + length + 1..], value_of)?);
    Some(pieces)
}

/// The value of what stands in `${…}`: a condition key, after a comma perhaps a default in single quotes.
fn variable(inside: &str, value_of: &dyn Fn(&str) -> Option<String>) -> Option<String> {
    let (key, default) = match inside.split_once(',') {
        Some((key, rest)) => {
            let quoted = rest.trim().strip_prefix('\'').and_then(|rest| rest.strip_suffix('\''));
            (key, quoted.map(str::to_owned))
        }
        None => (inside, None),
    };
    value_of(key.trim()).or(default)
}

/// The text that the pieces stand for where wildcards mean nothing.
pub fn literal(pieces: &[Piece]) -> String {
    pieces
        .iter()
        .map(|piece| match piece {
            Piece::Char(char) => *char,
            Piece::Any => '*',
            Piece::One => '?',
        })
        .collect()
}

/// Free wildcards: a star stands for any run of characters, a question mark for exactly one.
pub fn like(pattern: &[Piece], text: &[char]) -> bool {
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Piece::Any, rest)) => (0..=text.len()).any(|skipped| like(rest, &text[skipped..])),
        Some((Piece::One, rest)) => !text.is_empty() && like(rest, &text[1..]),
        Some((Piece::Char(char), rest)) => text.first() == Some(char) && like(rest, &text[1..]),
    }
}

/// Wildcards of `Resource`: up to the pattern's fifth colon a wildcard stays within its segment, except that a star which
/// ends its segment may run on past colons; behind the fifth colon wildcards are free.
pub fn resource_like(pattern: &[Piece], text: &[char]) -> bool {
    resource_like_from(pattern, text, 0)
}

fn resource_like_from(pattern: &[Piece], text: &[char], colons: usize) -> bool {
    if colons >= 5 {
        return like(pattern, text);
    }
    match pattern.split_first() {
        None => text.is_empty(),
        Some((Piece::Any, rest)) => {
            let ends_segment = matches!(rest.first(), None | Some(Piece::Char(':')));
            (0..=text.len())
                .filter(|skipped| ends_segment || !text[..*skipped].contains(&':'))
                .any(|skipped| resource_like_from(rest, &text[skipped..], colons))
        }
        Some((Piece::One, rest)) => {
            text.first().is_some_and(|char| *char != ':') && resource_like_from(rest, &text[1..], colons)
        }
        Some((Piece::Char(char), rest)) => {
            let colons = colons + usize::from(*char == ':');
            text.first() == Some(char) && resource_like_from(rest, &text[1..], colons)
        }
    }
}

/// The parts of a text between its first five colons; what stands in a variable counts as one character.
pub fn written_parts(text: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut start, mut in_variable) = (0, false);
    for (at, char) in text.char_indices() {
        match char {
            '$' if text[at..].starts_with("${") => in_variable = true,
            '}' => in_variable = false,
            ':' if !in_variable && parts.len() < 5 => {
                parts.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&text[start..]);
    parts
}

pub fn chars(text: &str) -> Vec<char> {
    text.chars().collect()
}
