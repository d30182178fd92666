//! What the library passes over in metadata, and other clients do not.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::Deserialize;

use super::document::WholeSecond;
use crate::error::Error;

#[derive(Deserialize)]
struct File<'a> {
    #[serde(borrow)]
    signed: Outline<'a>,
}

#[derive(Deserialize)]
struct Outline<'a> {
    #[serde(borrow)]
    expires: Cow<'a, str>,
    version: u64,
    #[serde(borrow, default)]
    delegations: Option<Delegations<'a>>,
}

#[derive(Deserialize)]
struct Delegations<'a> {
    #[serde(borrow, default)]
    roles: Vec<Delegation<'a>>,
}

#[derive(Deserialize)]
struct Delegation<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

/// Refuses what python-tuf refuses: a time with a fraction or an offset, version 0, and a role that is delegated twice,
/// where one client could believe the first and another the second.
pub(super) fn check(what: &str, bytes: &[u8]) -> Result<(), Error> {
    let fail = |reason: String| Error::Metadata { what: what.to_owned(), reason };
    let File { signed } = serde_json::from_slice(bytes).map_err(|error| fail(error.to_string()))?;
    WholeSecond::try_from(signed.expires.into_owned()).map_err(fail)?;
    if signed.version == 0 {
        return Err(fail("it has version 0".to_owned()));
    }
    let mut names = BTreeSet::new();
    let mut roles = signed.delegations.into_iter().flat_map(|delegations| delegations.roles);
    match roles.find(|role| !names.insert(role.name.clone())) {
        Some(_) => Err(fail("it delegates to one role twice".to_owned())),
        None => Ok(()),
    }
}
