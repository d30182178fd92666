//! Where a feature is added: a host, or several with roles.

use std::collections::BTreeSet;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use skywright_recipe_format::{is_name, limits};

use crate::error::Error;

/// A host and the parts that it plays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// Its name or id, as it was given.
    pub host: String,
    /// None is `host` alone.
    pub roles: Vec<String>,
}

/// Hosts, written `a:master,b:node,c`; a host of several roles is `a:master+node`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetSpec {
    /// In the order in which they were written.
    pub places: Vec<Place>,
}

impl FromStr for TargetSpec {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let wrong = |reason: &str| Error::Invalid { what: "--on".to_owned(), reason: reason.to_owned() };
        let mut seen = BTreeSet::new();
        let mut places = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (host, roles) = part.split_once(':').unwrap_or((part, ""));
            let host = host.trim_end();
            if host.is_empty() {
                return Err(wrong("expected hosts, such as `a` or `a:manager,b:worker`"));
            }
            let roles: Vec<String> =
                roles.split('+').filter(|role| !role.is_empty()).map(str::to_owned).collect();
            if !roles.iter().all(|role| is_name(role)) {
                return Err(wrong("a role is lower-case letters, digits, `-` and `_`, a letter first"));
            }
            if !seen.insert(host) {
                return Err(wrong("a host is named twice; its roles are joined by `+`"));
            }
            places.push(Place { host: host.to_owned(), roles });
        }
        if places.len() > limits::HOSTS {
            return Err(wrong(&format!("more than {} hosts", limits::HOSTS)));
        }
        Ok(Self { places })
    }
}

impl std::fmt::Display for TargetSpec {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (index, place) in self.places.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(f, "{comma}{}", place.host)?;
            if !place.roles.is_empty() {
                write!(f, ":{}", place.roles.join("+"))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_with_and_without_roles() {
        let spec: TargetSpec = "a:manager, b:worker+store,c".parse().unwrap();
        assert_eq!(spec.places[1].roles, ["worker", "store"]);
        assert_eq!(spec.to_string(), "a:manager,b:worker+store,c");
        assert_eq!("a :b".parse::<TargetSpec>().unwrap().to_string(), "a:b");
        for bad in ["", ",", "a,", "a,a", "a:Bad", "a:x,:y"] {
            assert!(bad.parse::<TargetSpec>().is_err(), "{bad:?}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_gets_an_answer(text in "[a-z:,+ ]{0,30}") {
            if let Ok(spec) = text.parse::<TargetSpec>() {
                proptest::prop_assert_eq!(spec.to_string().parse::<TargetSpec>().unwrap(), spec);
            }
        }
    }
}
