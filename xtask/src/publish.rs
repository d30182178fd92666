//! A repository of our own plugins, signed on this machine, for tests and demonstrations.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use skywright_author::Built;
use skywright_registry::tuf::operator::{Lifetimes, Operator, RoleSigners, TopLevelKeys};
use skywright_registry::tuf::publisher::{Draft, Release};
use skywright_registry::tuf::{KeyPair, Namespace, Signer};

use crate::error::Error;
use crate::say;

/// What the repository was made of: if that has not changed, it is left as it is.
const CONTENTS: &str = "contents.txt";

/// Long enough that nobody has to renew what tests use; it is made anew whenever a plugin changes.
const LASTS: SignedDuration = SignedDuration::from_hours(24 * 365);

/// Makes the repository in the folder, unless it has just these plugins already.
///
/// Its keys are made here, used once, and never written down: nobody can sign anything else for it. So it cannot be
/// changed either, and another set of plugins is another repository, with another root.
pub(crate) fn publish(folder: &Path, built: &[Built]) -> Result<(), Error> {
    let contents = contents(built);
    if fs::read_to_string(folder.join(CONTENTS)).is_ok_and(|before| before == contents) {
        return Ok(());
    }
    // Made aside and put in place at once, so that nobody sees half of it.
    let aside = folder.with_extension("new");
    for leftover in [&aside, &folder.to_owned()] {
        if leftover.exists() {
            fs::remove_dir_all(leftover).map_err(Error::io("remove", leftover))?;
        }
    }
    fs::create_dir_all(&aside).map_err(Error::io("make", &aside))?;
    let (operator_key, now) = (KeyPair::generate()?, Timestamp::now());
    let lifetimes = Lifetimes { snapshot: LASTS, timestamp: LASTS, ..Lifetimes::default() };
    let keys = TopLevelKeys::one(operator_key.public_key());
    let operator = Operator::init(&aside, &keys, lifetimes, &[&operator_key], now)?;
    for (namespace, plugins) in by_namespace(built)? {
        admit(&operator, &operator_key, &namespace, &plugins, now)?;
    }
    let path = aside.join(CONTENTS);
    fs::write(&path, contents).map_err(Error::io("write", &path))?;
    fs::rename(&aside, folder).map_err(Error::io("make", folder))?;
    say::note(&format!("signed repository of {} plugins: {}", built.len(), folder.display()));
    Ok(())
}

/// One line a plugin.
fn contents(built: &[Built]) -> String {
    let mut lines: Vec<_> = built
        .iter()
        .map(|it| {
            let manifest = &it.package.manifest;
            format!("{} {} {}\n", manifest.id, manifest.version, it.package.digest)
        })
        .collect();
    lines.sort();
    lines.concat()
}

fn by_namespace(built: &[Built]) -> Result<BTreeMap<Namespace, Vec<&Built>>, Error> {
    let mut namespaces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for plugin in built {
        namespaces.entry(Namespace::of(&plugin.package.manifest.id)?).or_default().push(plugin);
    }
    Ok(namespaces)
}

/// As a publisher and the repository's operator would, one after the other.
fn admit(
    operator: &Operator,
    operator_key: &KeyPair,
    namespace: &Namespace,
    plugins: &[&Built],
    now: Timestamp,
) -> Result<(), Error> {
    let owner = KeyPair::generate()?;
    operator.delegate(namespace, &RoleSigners::one(owner.public_key()), &[operator_key], now)?;
    let mut draft = Draft::new(namespace.clone(), &BTreeMap::new())?;
    for plugin in plugins {
        let component = fs::read(&plugin.path).map_err(Error::io("read", &plugin.path))?;
        let sbom = fs::read(&plugin.sbom).map_err(Error::io("read", &plugin.sbom))?;
        draft.add(&Release {
            component: &component,
            sbom: &sbom,
            docs: None,
            source_revision: None,
            others: BTreeMap::new(),
        })?;
    }
    let publication = operator.folder().with_extension("publication");
    if publication.exists() {
        fs::remove_dir_all(&publication).map_err(Error::io("remove", &publication))?;
    }
    draft.sign(&[&owner], &[], now)?.write(&publication)?;
    operator.admit(namespace, &publication, &[operator_key], now)?;
    fs::remove_dir_all(&publication).map_err(Error::io("remove", &publication))
}
