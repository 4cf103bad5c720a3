//! Three values, for questions that are asked before all is known. Source: Kleene's strong logic of indeterminacy.

/// No, yes, or: it depends on something that is not known yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Truth {
    /// It does not hold.
    No,
    /// It may hold or not.
    Unknown,
    /// It holds.
    Yes,
}

impl Truth {
    /// Both hold.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        self.min(other)
    }

    /// One of them holds.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        self.max(other)
    }

    /// The opposite.
    #[must_use]
    pub fn negated(self) -> Self {
        match self {
            Self::No => Self::Yes,
            Self::Unknown => Self::Unknown,
            Self::Yes => Self::No,
        }
    }

    /// Whether one of them holds. Stops at the first that does.
    pub(crate) fn any(of: impl IntoIterator<Item = Self>) -> Self {
        let mut found = Self::No;
        for truth in of {
            found = found.or(truth);
            if found == Self::Yes {
                break;
            }
        }
        found
    }

    /// Whether all of them hold. Stops at the first that does not.
    pub(crate) fn all(of: impl IntoIterator<Item = Self>) -> Self {
        let mut found = Self::Yes;
        for truth in of {
            found = found.and(truth);
            if found == Self::No {
                break;
            }
        }
        found
    }
}

impl From<bool> for Truth {
    fn from(holds: bool) -> Self {
        if holds { Self::Yes } else { Self::No }
    }
}

#[cfg(test)]
mod tests {
    use super::Truth::{self, No, Unknown, Yes};

    #[test]
    fn tables() {
        for (a, b, and, or) in [
            (No, No, No, No),
            (No, Unknown, No, Unknown),
            (No, Yes, No, Yes),
            (Unknown, Unknown, Unknown, Unknown),
            (Unknown, Yes, Unknown, Yes),
            (Yes, Yes, Yes, Yes),
        ] {
            for (a, b) in [(a, b), (b, a)] {
                assert_eq!((a.and(b), a.or(b)), (and, or), "{a:?} {b:?}");
                assert_eq!((Truth::all([a, b]), Truth::any([a, b])), (and, or), "{a:?} {b:?}");
            }
        }
        assert_eq!((Truth::all([]), Truth::any([])), (Yes, No));
        assert_eq!([No, Unknown, Yes].map(Truth::negated), [Yes, Unknown, No]);
    }
}
