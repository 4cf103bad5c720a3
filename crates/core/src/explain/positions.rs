//! Where in its document each statement stands. The document was parsed before, so it is known to be JSON and to hold
//! one `Statement`; only its brackets and strings are looked at once more.

use serde::Serialize;

/// A place in a document, lines and columns counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(crate) struct Position {
    line: usize,
    column: usize,
}

/// Start and end of each statement. The document is read once, however many there are.
pub(crate) fn of_statements(document: &str) -> Vec<(Position, Position)> {
    let mut cursor = Cursor { rest: document, at: 0, position: Position { line: 1, column: 1 } };
    // The spans come in order and do not overlap.
    statements(document).into_iter().map(|(start, end)| (cursor.advance(start), cursor.advance(end))).collect()
}

/// A place in a document, as bytes and as it is shown.
struct Cursor<'d> {
    rest: &'d str,
    at: usize,
    position: Position,
}

impl Cursor<'_> {
    fn advance(&mut self, to: usize) -> Position {
        let (passed, rest) = self.rest.split_at_checked(to.saturating_sub(self.at)).unwrap_or_default();
        for character in passed.chars() {
            self.position = match (character, self.position) {
                ('\n', Position { line, .. }) => Position { line: line + 1, column: 1 },
                (_, Position { line, column }) => Position { line, column: column + 1 },
            };
        }
        (self.rest, self.at) = (rest, to);
        self.position
    }
}

/// First byte and the byte after the last one of each statement.
fn statements(document: &str) -> Vec<(usize, usize)> {
    let mut spans = Vec::new();
    let mut scan = Scan::default();
    for (at, character) in document.char_indices() {
        let step = scan.step(at, character, document);
        match step {
            Step::Opened { depth } if scan.in_statement && depth == scan.statement_depth => scan.start = at,
            Step::Closed { depth } if scan.in_statement && depth == scan.statement_depth => {
                spans.push((scan.start, at + 1));
                scan.in_statement = scan.statement_depth > 1;
            }
            Step::Closed { depth: 1 } if scan.statement_depth > 1 => scan.in_statement = false,
            _ => {}
        }
    }
    spans
}

#[derive(Default)]
struct Scan {
    /// Brackets that are open.
    depth: usize,
    string_start: Option<usize>,
    escaped: bool,
    /// The last string of the outermost object was `Statement`, and its value begins.
    named: bool,
    in_statement: bool,
    /// How deep a statement's own bracket stands: 1 for a single one, 2 in a list.
    statement_depth: usize,
    start: usize,
}

enum Step {
    Closed { depth: usize },
    Nothing,
    Opened { depth: usize },
}

impl Scan {
    fn step(&mut self, at: usize, character: char, document: &str) -> Step {
        if let Some(start) = self.string_start {
            match character {
                _ if self.escaped => self.escaped = false,
                '\\' => self.escaped = true,
                '"' => {
                    self.string_start = None;
                    self.named = self.depth == 1 && document.get(start + 1..at) == Some("Statement");
                }
                _ => {}
            }
            return Step::Nothing;
        }
        match character {
            '"' => self.string_start = Some(at),
            '{' | '[' => {
                let depth = self.depth;
                self.depth += 1;
                if std::mem::take(&mut self.named) {
                    self.in_statement = true;
                    self.statement_depth = if character == '{' { depth } else { depth + 1 };
                }
                return Step::Opened { depth };
            }
            '}' | ']' => {
                self.depth = self.depth.saturating_sub(1);
                return Step::Closed { depth: self.depth };
            }
            _ => {}
        }
        Step::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_statements_stand() {
        for (document, want) in [
            (r#"{"Statement":{"a":[1]}}"#, vec![((1, 14), (1, 23))]),
            (r#"{"Id":"Statement","Statement":[{"a":"]}\""},{}]}"#, vec![((1, 32), (1, 44)), ((1, 45), (1, 47))]),
            (
                "{\n \"Statement\": [\n  {\"Statement\": [{}]},\n  {\n  }\n ]\n}",
                vec![((3, 3), (3, 22)), ((4, 3), (5, 4))],
            ),
            (r#"{"Statement":[{"é":1}],"Id":"x"}"#, vec![((1, 15), (1, 22))]),
            (r#"{"Statement":[]}"#, vec![]),
        ] {
            let at = |(line, column)| Position { line, column };
            let want: Vec<_> = want.into_iter().map(|(start, end)| (at(start), at(end))).collect();
            assert_eq!(of_statements(document), want, "{document}");
        }
    }
}
