//! Released contracts: what must not change any more.
//!
//! `wit/released/VERSION/` holds the text of each release. Within one track (0.1.x, later 1.x)
//! a host interface may gain functions, since an old plugin does not call them; an interface that
//! plugins export may not change at all, since an old plugin could not have the new part.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;

use wit_parser::{Resolve, UnresolvedPackageGroup};

use crate::check::first_difference;
use crate::shape;

/// One way in which a newer contract breaks plugins of an older one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Incompatibility {
    /// The interface.
    pub interface: String,
    /// What changed.
    pub difference: String,
}

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.interface, self.difference)
    }
}

/// Parses WIT files into one set of packages. Files of one folder make one package.
///
/// With `drafts`, interfaces under `@unstable` are part of it.
///
/// # Errors
///
/// The parser's message, which names file, line and column.
pub fn parse_packages<'a>(
    files: impl IntoIterator<Item = (&'a str, &'a str)>,
    drafts: bool,
) -> Result<Resolve, String> {
    let mut folders: BTreeMap<&Path, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, text) in files {
        folders.entry(Path::new(path).parent().unwrap_or(Path::new(""))).or_default().push((path, text));
    }
    let mut resolve = Resolve { all_features: drafts, ..Resolve::default() };
    // `host` is what the others use, so it comes first.
    let (first, rest): (Vec<_>, Vec<_>) = folders.into_iter().partition(|(folder, _)| folder.ends_with("host"));
    for (_, files) in first.into_iter().chain(rest) {
        let mut map = wit_parser::SourceMap::new();
        for (path, text) in files {
            map.push(Path::new(path), text);
        }
        let group: UnresolvedPackageGroup = map.parse().map_err(|(map, error)| error.render(&map))?;
        resolve.push_group(group).map_err(|error| format!("{error:#}"))?;
    }
    Ok(resolve)
}

/// How `new` breaks plugins that were built for `old`. Empty if it does not.
#[must_use]
pub fn incompatibilities(old: &Resolve, new: &Resolve) -> Vec<Incompatibility> {
    let by_name = |resolve: &Resolve| -> BTreeMap<String, shape::Shape> {
        let named = resolve.interfaces.iter().filter_map(|(id, _)| Some((resolve.id_of(id)?, id)));
        named.map(|(name, id)| (crate::interface_track(&name), shape::of_interface(resolve, id))).collect()
    };
    let (old, new) = (by_name(old), by_name(new));
    let mut found = Vec::new();
    for (name, before) in old {
        let difference = match new.get(&name) {
            None => Some("the interface is gone".to_owned()),
            Some(after) if name.starts_with("skywright:host/") => {
                let kept: shape::Shape =
                    after.iter().filter(|(f, _)| before.contains_key(*f)).map(|(f, s)| (f.clone(), s.clone())).collect();
                first_difference(&before, &kept)
            }
            Some(after) => first_difference(&before, after),
        };
        found.extend(difference.map(|difference| Incompatibility { interface: name, difference }));
    }
    found
}
