//! An engine's bytes as choices: what every generator is made of.

use std::ops::Bound;

use bolero::Driver;

/// Choices that the engine makes. Once its bytes are used up, each is the first of what there is, so that every
/// generator comes to an end.
pub struct Choices<'d, D>(&'d mut D);

impl<'d, D: Driver> Choices<'d, D> {
    /// Made by this engine.
    pub fn new(driver: &'d mut D) -> Self {
        Self(driver)
    }

    /// A number below `limit`; 0 if there is none.
    pub fn below(&mut self, limit: usize) -> usize {
        if limit < 2 {
            return 0;
        }
        // Most choices are few, and a choice costs the engine its whole width.
        match u8::try_from(limit) {
            Ok(narrow) => self.0.gen_u8(Bound::Included(&0), Bound::Excluded(&narrow)).map_or(0, usize::from),
            Err(_) => self.0.gen_usize(Bound::Included(&0), Bound::Excluded(&limit)).unwrap_or(0),
        }
    }

    /// True in one of `rarity` cases.
    pub fn one_in(&mut self, rarity: usize) -> bool {
        // Not 0: an engine that has run out chooses the ordinary.
        self.below(rarity) + 1 == rarity
    }

    /// A byte.
    pub fn byte(&mut self) -> u8 {
        self.0.gen_u8(Bound::Unbounded, Bound::Unbounded).unwrap_or(0)
    }

    /// So many bytes.
    pub fn bytes(&mut self, count: usize) -> Vec<u8> {
        (0..count).map(|_| self.byte()).collect()
    }

    /// A number of any size.
    pub fn number(&mut self) -> i64 {
        self.0.gen_i64(Bound::Unbounded, Bound::Unbounded).unwrap_or(0)
    }

    /// A place between two of `length` things, or at an end.
    pub fn place(&mut self, length: usize) -> usize {
        self.below(length.saturating_add(1))
    }

    /// One of these; none if there is none.
    pub fn one_of<'t, T>(&mut self, things: &'t [T]) -> Option<&'t T> {
        things.get(self.below(things.len()))
    }
}
