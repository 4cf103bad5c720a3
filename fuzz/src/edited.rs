//! Good samples with a few edits: inputs that get past the first check, where arbitrary bytes would die.

use std::fmt;

use bolero::{Driver, ValueGenerator};

use crate::Choices;

/// The most edits of one input.
const EDITS_MAX: usize = 6;

/// The most bytes of an input that is no sample.
const ARBITRARY_BYTES_MAX: usize = 256;

/// The most bytes that are repeated at once, and how often.
const REPEATED_BYTES_MAX: usize = 16;
const REPEATS: [usize; 4] = [2, 3, 64, 1024];

/// Bytes that are printed as text where they are text.
#[derive(Clone, PartialEq, Eq)]
pub struct Bytes(pub Vec<u8>);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "b\"{}\"", self.0.escape_ascii())
    }
}

/// A sample, edited or not, or (rarely) arbitrary bytes.
pub struct Edited {
    samples: Vec<Vec<u8>>,
    words: Vec<Vec<u8>>,
}

impl Edited {
    /// `words` are put in where an edit puts in anything: the bytes that mean something in this language.
    pub fn new<S: AsRef<[u8]>, W: AsRef<[u8]>>(
        samples: impl IntoIterator<Item = S>,
        words: impl IntoIterator<Item = W>,
    ) -> Self {
        let samples = samples.into_iter().map(|sample| sample.as_ref().to_vec()).collect();
        Self { samples, words: words.into_iter().map(|word| word.as_ref().to_vec()).collect() }
    }

    /// The same inputs as texts.
    pub fn text(self) -> Text {
        Text(self)
    }

    /// Edits what another generator made.
    pub fn edit<D: Driver>(&self, choices: &mut Choices<'_, D>, bytes: &mut Vec<u8>) {
        match choices.below(8) {
            0..4 => edit(choices, bytes),
            4 | 5 => self.put_in(choices, bytes),
            6 => self.splice(choices, bytes),
            _ => repeat(choices, bytes),
        }
    }

    /// A word, somewhere, over what is there or between.
    fn put_in<D: Driver>(&self, choices: &mut Choices<'_, D>, bytes: &mut Vec<u8>) {
        let at = choices.place(bytes.len());
        let Some(word) = choices.one_of(&self.words) else { return edit(choices, bytes) };
        let over = if choices.one_in(2) { word.len().min(bytes.len() - at) } else { 0 };
        bytes.splice(at..at + over, word.iter().copied());
    }

    /// The beginning of this, the end of a sample.
    fn splice<D: Driver>(&self, choices: &mut Choices<'_, D>, bytes: &mut Vec<u8>) {
        bytes.truncate(choices.place(bytes.len()));
        let end = choices.one_of(&self.samples).and_then(|sample| sample.get(choices.place(sample.len())..));
        bytes.extend_from_slice(end.unwrap_or_default());
    }
}

impl ValueGenerator for Edited {
    type Output = Bytes;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<Bytes> {
        let mut choices = Choices::new(driver);
        if choices.one_in(16) {
            let count = choices.place(ARBITRARY_BYTES_MAX);
            return Some(Bytes(choices.bytes(count)));
        }
        let mut bytes = choices.one_of(&self.samples).cloned().unwrap_or_default();
        for _ in 0..choices.place(EDITS_MAX) {
            self.edit(&mut choices, &mut bytes);
        }
        Some(Bytes(bytes))
    }
}

/// [`Edited`] inputs as texts; bytes that are none are replaced.
pub struct Text(Edited);

impl ValueGenerator for Text {
    type Output = String;

    fn generate<D: Driver>(&self, driver: &mut D) -> Option<String> {
        let Bytes(bytes) = self.0.generate(driver)?;
        Some(String::from_utf8(bytes).unwrap_or_else(|bad| String::from_utf8_lossy(bad.as_bytes()).into_owned()))
    }
}

/// An edit that needs to know nothing of the language.
fn edit<D: Driver>(choices: &mut Choices<'_, D>, bytes: &mut Vec<u8>) {
    let (at, to) = (choices.place(bytes.len()), choices.place(bytes.len()));
    let (from, to) = (at.min(to), at.max(to));
    match choices.below(6) {
        0 => {
            let bit = choices.below(8);
            if let Some(byte) = bytes.get_mut(at) {
                *byte ^= 1 << bit;
            }
        }
        1 => {
            let new = choices.byte();
            if let Some(byte) = bytes.get_mut(at) {
                *byte = new;
            }
        }
        2 => bytes.insert(at, choices.byte()),
        3 => {
            let some = to.min(from + choices.place(REPEATED_BYTES_MAX));
            drop(bytes.drain(from..some));
        }
        4 => bytes.truncate(to),
        _ => bytes.get_mut(from..to).unwrap_or_default().rotate_left((to - from).min(1)),
    }
}

/// A few bytes many times over: lengths and depths past their limits.
fn repeat<D: Driver>(choices: &mut Choices<'_, D>, bytes: &mut Vec<u8>) {
    let at = choices.place(bytes.len());
    let end = bytes.len().min(at + choices.place(REPEATED_BYTES_MAX));
    let times = choices.one_of(&REPEATS).copied().unwrap_or(1);
    let repeated = bytes.get(at..end).unwrap_or_default().repeat(times);
    bytes.splice(at..at, repeated);
}
