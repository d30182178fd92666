//! A check: data and a function.

use skywright_egress::BoxFuture;

use crate::checks::ALL;
use crate::context::Context;
use crate::failure::Failure;

/// One thing that is held.
pub struct Check {
    /// The family that it is of, such as `networks`.
    pub family: &'static str,
    /// Its name within the family.
    pub name: &'static str,
    /// What it holds, as a sentence.
    pub title: &'static str,
    pub(crate) work: Work,
}

pub(crate) type Work = for<'a> fn(&'a Context) -> BoxFuture<'a, Result<(), Failure>>;

impl std::fmt::Debug for Check {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.family, self.name)
    }
}

/// All checks, in the order in which they run.
pub fn checks() -> impl Iterator<Item = &'static Check> {
    ALL.iter().copied().flatten()
}

/// The families that there are checks of, in order.
#[must_use]
pub fn families() -> Vec<&'static str> {
    let mut families = Vec::new();
    for check in checks() {
        if !families.contains(&check.family) {
            families.push(check.family);
        }
    }
    families
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_check_has_a_name_of_its_own() {
        let names: Vec<_> = checks().map(|check| format!("{check:?}")).collect();
        assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
        assert_eq!(families().first(), Some(&"driver"));
    }
}
