//! Between what and what a number may be.

use std::cmp::Ordering;
use std::fmt;

/// What a number may be. Its `Display` is what an expression has after the key: `>=4`, `=[2-4]`, or nothing
/// for [`Bounds::Any`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Bounds<T> {
    /// Anything: it is not asked for.
    #[default]
    Any,
    /// This or more.
    AtLeast(T),
    /// More than this.
    MoreThan(T),
    /// This or less.
    AtMost(T),
    /// Less than this.
    LessThan(T),
    /// From one to the other, both included. Nothing is allowed where `minimum` is the greater; an
    /// expression cannot say that.
    Between {
        /// The least.
        minimum: T,
        /// The most.
        maximum: T,
    },
}

impl<T: PartialOrd + Copy> Bounds<T> {
    /// Just this.
    #[must_use]
    pub fn exactly(value: T) -> Self {
        Self::Between { minimum: value, maximum: value }
    }

    /// Whether the value is within.
    #[must_use]
    pub fn allows(&self, value: T) -> bool {
        self.allows_by(|bound| value.partial_cmp(&bound))
    }

    /// Whether a value is within that is told only by how it compares with a bound.
    pub(crate) fn allows_by(&self, compare: impl Fn(T) -> Option<Ordering>) -> bool {
        let not_less = |bound| matches!(compare(bound), Some(Ordering::Greater | Ordering::Equal));
        let not_more = |bound| matches!(compare(bound), Some(Ordering::Less | Ordering::Equal));
        match *self {
            Self::Any => true,
            Self::AtLeast(bound) => not_less(bound),
            Self::MoreThan(bound) => compare(bound) == Some(Ordering::Greater),
            Self::AtMost(bound) => not_more(bound),
            Self::LessThan(bound) => compare(bound) == Some(Ordering::Less),
            Self::Between { minimum, maximum } => not_less(minimum) && not_more(maximum),
        }
    }
}

impl<T> Bounds<T> {
    /// Whether it is not asked for.
    #[must_use]
    pub fn is_any(&self) -> bool {
        matches!(self, Self::Any)
    }

    /// The same bounds of another kind of number.
    pub(super) fn map<U>(self, make: impl Fn(T) -> U) -> Bounds<U> {
        match self {
            Self::Any => Bounds::Any,
            Self::AtLeast(bound) => Bounds::AtLeast(make(bound)),
            Self::MoreThan(bound) => Bounds::MoreThan(make(bound)),
            Self::AtMost(bound) => Bounds::AtMost(make(bound)),
            Self::LessThan(bound) => Bounds::LessThan(make(bound)),
            Self::Between { minimum, maximum } => {
                Bounds::Between { minimum: make(minimum), maximum: make(maximum) }
            }
        }
    }

    /// These bounds, or `other` where it is not asked for.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self.is_any() { other } else { self }
    }
}

impl<T: fmt::Display + PartialEq> fmt::Display for Bounds<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => Ok(()),
            Self::AtLeast(bound) => write!(f, ">={bound}"),
            Self::MoreThan(bound) => write!(f, ">{bound}"),
            Self::AtMost(bound) => write!(f, "<={bound}"),
            Self::LessThan(bound) => write!(f, "<{bound}"),
            Self::Between { minimum, maximum } if minimum == maximum => write!(f, "={minimum}"),
            Self::Between { minimum, maximum } => write!(f, "=[{minimum}-{maximum}]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Bounds;

    #[test]
    fn strict_and_closed_ends() {
        let allowed = |bounds: Bounds<u32>| (0..7).filter(|n| bounds.allows(*n)).collect::<Vec<_>>();
        assert_eq!(allowed(Bounds::Any).len(), 7);
        assert_eq!(allowed(Bounds::AtLeast(4)), [4, 5, 6]);
        assert_eq!(allowed(Bounds::MoreThan(4)), [5, 6]);
        assert_eq!(allowed(Bounds::AtMost(2)), [0, 1, 2]);
        assert_eq!(allowed(Bounds::LessThan(2)), [0, 1]);
        assert_eq!(allowed(Bounds::Between { minimum: 2, maximum: 4 }), [2, 3, 4]);
        assert_eq!(allowed(Bounds::exactly(3)), [3]);
    }
}
