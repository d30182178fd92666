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

/// WIT that does not parse or resolve: the parser's message, which names file, line and column.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct WitError(String);

impl fmt::Display for Incompatibility {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.interface, self.difference)
    }
}

/// The interfaces of the latest release, without version; a test holds the list against its text.
/// Whatever else the contract has is a draft.
const RELEASED: &[&str] = &[
    "skywright:host/cache",
    "skywright:host/clock",
    "skywright:host/credentials",
    "skywright:host/http",
    "skywright:host/log",
    "skywright:host/settings",
    "skywright:host/types",
    "skywright:provider/catalog",
    "skywright:provider/changes",
    "skywright:provider/driver",
];

/// Whether an interface is a draft of the contract: in its text, and not released.
#[must_use]
pub fn is_draft(interface: &str) -> bool {
    let name = interface.split('@').next().unwrap_or(interface);
    name.starts_with("skywright:") && !RELEASED.contains(&name)
}

/// Parses WIT files into one set of packages. Files of one folder make one package.
///
/// # Errors
///
/// [`WitError`].
pub fn parse_packages<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Resolve, WitError> {
    let mut folders: BTreeMap<&Path, Vec<(&str, &str)>> = BTreeMap::new();
    for (path, text) in files {
        folders.entry(Path::new(path).parent().unwrap_or(Path::new(""))).or_default().push((path, text));
    }
    let mut resolve = Resolve::default();
    // `host` is what the others use, so it comes first.
    let (first, rest): (Vec<_>, Vec<_>) =
        folders.into_iter().partition(|(folder, _)| folder.ends_with("host"));
    for (_, files) in first.into_iter().chain(rest) {
        let mut map = wit_parser::SourceMap::new();
        for (path, text) in files {
            map.push(Path::new(path), text);
        }
        let group: UnresolvedPackageGroup =
            map.parse().map_err(|(map, error)| WitError(error.render(&map)))?;
        resolve.push_group(group).map_err(|error| WitError(format!("{error:#}")))?;
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
                let kept: shape::Shape = after
                    .iter()
                    .filter(|(f, _)| before.contains_key(*f))
                    .map(|(f, s)| (f.clone(), s.clone()))
                    .collect();
                first_difference(&before, &kept)
            }
            Some(after) => first_difference(&before, after),
        };
        found.extend(difference.map(|difference| Incompatibility { interface: name, difference }));
    }
    found
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::{CONTRACT_VERSION, WIT};

    /// Every `.wit` file of a folder of packages, as (path, text).
    fn read(root: &Path) -> Vec<(String, String)> {
        let mut files = Vec::new();
        for package in fs::read_dir(root).unwrap().map(|entry| entry.unwrap().path()).filter(|p| p.is_dir()) {
            for file in fs::read_dir(package).unwrap().map(|entry| entry.unwrap().path()) {
                let name = file.strip_prefix(root).unwrap().to_str().unwrap().to_owned();
                files.push((name, fs::read_to_string(&file).unwrap()));
            }
        }
        files.sort();
        files
    }

    fn parsed(files: &[(String, String)]) -> Resolve {
        parse_packages(files.iter().map(|(path, text)| (path.as_str(), text.as_str()))).unwrap()
    }

    fn released(version: &str) -> Vec<(String, String)> {
        read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("released").join(version))
    }

    fn current() -> Resolve {
        parse_packages(WIT.iter().copied()).unwrap()
    }

    #[test]
    fn the_contract_parses_and_has_its_version() {
        for package in current().package_names.keys().filter(|name| name.namespace == "skywright") {
            assert_eq!(package.version.as_ref().unwrap().to_string(), CONTRACT_VERSION, "{package}");
        }
    }

    #[test]
    fn every_wit_file_is_part_of_the_crate() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR"));
        for folder in ["host", "provider", "feature"] {
            for file in fs::read_dir(root.join(folder)).unwrap() {
                let path = format!("{folder}/{}", file.unwrap().file_name().to_str().unwrap());
                assert!(WIT.iter().any(|(known, _)| *known == path), "{path} is not listed in lib.rs");
            }
        }
    }

    #[test]
    fn no_release_is_broken() {
        for version in fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("released")).unwrap() {
            let version = version.unwrap().file_name().into_string().unwrap();
            let old = parsed(&released(&version));
            assert_eq!(incompatibilities(&old, &current()), [], "release {version}");
        }
    }

    #[test]
    fn the_list_of_released_interfaces_is_that_of_the_latest_release() {
        let release = parsed(&released(CONTRACT_VERSION));
        let mut names: Vec<_> = release
            .interfaces
            .iter()
            .filter_map(|(id, _)| Some(release.id_of(id)?.split('@').next()?.to_owned()))
            .collect();
        names.sort();
        assert_eq!(names, RELEASED);
        assert!(is_draft("skywright:provider/hosts@0.1.0") && !is_draft("skywright:provider/catalog@0.1.0"));
    }

    /// What breaks old plugins is found, and what does not is not.
    #[test]
    fn changes_are_judged_as_they_affect_old_plugins() {
        let before = released(CONTRACT_VERSION);
        let after = |path: &str, from: &str, to: &str| {
            let mut files = before.clone();
            let (_, text) = files.iter_mut().find(|(name, _)| name == path).unwrap();
            assert!(text.contains(from), "{from:?} is not in {path}");
            *text = text.replacen(from, to, 1);
            incompatibilities(&parsed(&before), &parsed(&files))
        };
        let now = "now: func() -> u64;";
        assert_eq!(after("host/clock.wit", now, &format!("{now} zone: func() -> string;")), []);
        assert_eq!(after("host/clock.wit", now, "now: func() -> u32;").len(), 1);
        assert_eq!(after("host/types.wit", "in-use,", "in-use, sad,").len(), 2);
        assert_eq!(after("provider/driver.wit", "ipv6: bool,", "ipv6: bool, ipv7: bool,").len(), 1);
        let poll = "poll: func(token: string)";
        assert_eq!(after("provider/driver.wit", poll, &format!("fly: func(); {poll}")).len(), 1);
    }
}
