//! Decimal numbers that compare exactly.

use std::fmt;

/// A number that is not negative, with at most three decimals. It is kept as thousandths, so that `0.1` is
/// a tenth and comparing is exact, which binary fractions would not give.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Thousandths(u64);

impl Thousandths {
    /// So many thousandths: 2500 is 2.5.
    #[must_use]
    pub fn new(thousandths: u64) -> Self {
        Self(thousandths)
    }

    /// A whole number.
    #[must_use]
    pub fn from_whole(whole: u32) -> Self {
        Self(u64::from(whole) * 1000)
    }

    /// How many thousandths.
    #[must_use]
    pub fn get(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Thousandths {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, rest) = (self.0 / 1000, self.0 % 1000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        f.write_str(format!("{whole}.{rest:03}").trim_end_matches('0'))
    }
}

#[cfg(test)]
mod tests {
    use super::Thousandths;

    #[test]
    fn decimals_that_say_nothing_are_left_out() {
        for (thousandths, text) in [(0, "0"), (10_000, "10"), (500, "0.5"), (3_050, "3.05"), (1_001, "1.001")]
        {
            assert_eq!(Thousandths::new(thousandths).to_string(), text);
        }
    }
}
