//! Patterns of the service models, matched as the service does: the whole text, with Java's meaning of `\w`, `\d`
//! and `\s`, which is ASCII. Always in linear time.

use regex::Regex;

/// A compiled pattern with the text that error messages print.
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
    ascii: Option<AsciiRun>,
}

/// The ASCII side of a pattern that is one repeated character class: most are, and key identifiers pass it on each
/// request.
struct AsciiRun {
    members: u128,
    may_be_empty: bool,
}

impl Pattern {
    /// Compiles a pattern as it stands in a service model.
    pub fn compile(text: &str) -> Result<Self, regex::Error> {
        let translated = java_to_regex(text);
        let regex = Regex::new(&format!(r"\A(?:{translated})\z"))?;
        let ascii = AsciiRun::of(&translated)?;
        Ok(Self { text: text.into(), regex, ascii })
    }

    /// Whether the whole of `candidate` fits.
    pub fn matches(&self, candidate: &str) -> bool {
        match &self.ascii {
            Some(run) if candidate.is_ascii() => run.matches(candidate.as_bytes()),
            _ => self.regex.is_match(candidate),
        }
    }

    /// As the model and error messages print it.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl AsciiRun {
    /// For `[class]+` and `[class]*`, with or without anchors.
    fn of(pattern: &str) -> Result<Option<Self>, regex::Error> {
        let body = pattern.strip_prefix('^').unwrap_or(pattern);
        let body = body.strip_suffix('$').unwrap_or(body);
        let (class, may_be_empty) = match (body.strip_suffix('+'), body.strip_suffix('*')) {
            (Some(class), _) => (class, false),
            (None, Some(class)) => (class, true),
            (None, None) => return Ok(None),
        };
        if !is_one_class(class) {
            return Ok(None);
        }
        let one = Regex::new(&format!(r"\A{class}\z"))?;
        let mut members = 0;
        for byte in 0..128_u8 {
            if one.is_match(char::from(byte).encode_utf8(&mut [0; 4])) {
                members |= 1_u128 << byte;
            }
        }
        Ok(Some(Self { members, may_be_empty }))
    }

    fn matches(&self, ascii: &[u8]) -> bool {
        (self.may_be_empty || !ascii.is_empty()) && ascii.iter().all(|byte| self.members >> byte & 1 == 1)
    }
}

/// Java's shorthands are ASCII; those of `regex` would be Unicode, or need tables that are not built in. The one
/// look-ahead, of account aliases, says that no two hyphens stand together; their length is a constraint of its own.
fn java_to_regex(pattern: &str) -> String {
    pattern
        .replace(r"\p{ASCII}", r"[\x00-\x7F]")
        .replace(r"\w", "[0-9A-Za-z_]")
        .replace(r"\d", "[0-9]")
        .replace(r"\s", r"[\t\n\x0B\f\r ]")
        .replace("([a-z0-9]|-(?!-)){1,61}[a-z0-9]", "(-?[a-z0-9])+")
}

/// Whether the brackets close only at the end. No model escapes a bracket inside a class.
fn is_one_class(pattern: &str) -> bool {
    let mut depth = 0_usize;
    let mut bytes = pattern.bytes().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'[' => depth += 1,
            b']' => depth = depth.saturating_sub(1),
            _ => {}
        }
        if depth == 0 && bytes.peek().is_some() {
            return false;
        }
    }
    pattern.starts_with('[') && depth == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn matches_as_java() {
        // (pattern, text, whether it fits, whether the fast path exists)
        for (pattern, text, want, fast) in [
            (r"^\p{ASCII}+$", "alias/a", true, true),
            (r"^\p{ASCII}+$", "\0\x7f", true, true),
            (r"^\p{ASCII}+$", "", false, true),
            (r"^\p{ASCII}+$", "é", false, true),
            (r"[\w]*", "", true, true),
            (r"[\w]+", "aZ_9", true, true),
            (r"[\w]+", "é", false, true),
            (r"[\w]+", "a b", false, true),
            (r"[\w+=,.@-]+", "a-b@c", true, true),
            (r"[\w+=,.@-]+", "a/b", false, true),
            (r"^[a-zA-Z0-9-_.]+$", "a-_.", true, true),
            (r"^[a-zA-Z0-9-_.]+$", "a:", false, true),
            (r"^[a-zA-Z0-9:/_-]+$", "alias/a b", false, true),
            (r"^[a-zA-Z0-9:/_-]+$", "alias/a\n", false, true),
            (r"^[a-zA-Z0-9:/_\s.-]+$", "a b\tc", true, true),
            (r"^[a-zA-Z0-9:/_\s.-]+$", "a\u{a0}b", false, true),
            (r"[\u0020-\u00FF]*", "a ÿ", true, true),
            (r"[\u0020-\u00FF]*", "\u{100}", false, true),
            (r"[\u0020-\u00FF]*", "\n", false, true),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "Größe 9-@", true, true),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "a!", false, true),
            (r"[\p{L}\p{Z}\p{N}_.:/=+\-@]*", "é!", false, true),
            (r"[0-9]{12}", "111122223333", true, false),
            (r"[0-9]{12}", "1111222233334", false, false),
            (r"^([a-z]+-){2,3}\d+$", "eu-central-1", true, false),
            (r"^([a-z]+-){2,3}\d+$", "us-gov-west-1", true, false),
            (r"^([a-z]+-){2,3}\d+$", "eu-central-१", false, false),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/", true, false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "our-company-2", true, false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "our--company", false, false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "our-", false, false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "-our", false, false),
            (r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$", "Our", false, false),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a/b/", true, false),
            (r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)", "/a", false, false),
            (r"^(/[a-z]+/v\d{1,2})$|^(/v\d{1,2})$", "/v12", true, false),
            (r"^(/[a-z]+/v\d{1,2})$|^(/v\d{1,2})$", "/v123", false, false),
        ] {
            let compiled = Pattern::compile(pattern).unwrap();
            assert_eq!(compiled.matches(text), want, "{pattern} on {text:?}");
            assert_eq!(compiled.ascii.is_some(), fast, "{pattern}");
            assert_eq!(compiled.regex.is_match(text), want, "{pattern} on {text:?} without the fast path");
        }
    }
}
