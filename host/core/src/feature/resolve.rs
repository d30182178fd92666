//! What a feature needs, and what is in its way.

use std::collections::BTreeSet;

use semver::{Version, VersionReq};
use serde::Serialize;
use skywright_recipe_format::plan::{Action, Requirement};

use super::fault::Fault;
use super::installation::{HostPart, Installation};
use super::target::{Place, TargetSpec};
use crate::error::Error;
use crate::resource::HostBody;
use crate::tenancy::Tenancy;

/// A feature that is added, in its turn.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resolved {
    /// `publisher/name`.
    pub feature: String,
    /// Where.
    pub on: TargetSpec,
    /// For which feature; `None` for the one that was asked for.
    pub added_for: Option<String>,
}

/// How deep requirements go.
const DEEPEST: usize = 16;

/// Whether a feature's id is meant by a name, or by `publisher/name`.
pub(crate) fn is_called(id: &str, name: &str) -> bool {
    id == name || id.rsplit('/').next() == Some(name)
}

/// Whether a version is one of those that are required.
fn answers(requirement: &Requirement, version: &str) -> bool {
    let Some(text) = &requirement.versions else { return true };
    match (VersionReq::parse(text), Version::parse(version)) {
        (Ok(wanted), Ok(version)) => wanted.matches(&version),
        _ => false,
    }
}

fn shown(requirement: &Requirement) -> String {
    match &requirement.versions {
        Some(versions) => format!("{} {versions}", requirement.feature),
        None => requirement.feature.clone(),
    }
}

/// That nothing speaks against a feature on hosts: what it needs is there, and what may not be is not.
pub(super) fn check(
    id: &str,
    version: &str,
    requires: &[Requirement],
    conflicts: &[Requirement],
    hosts: &[HostPart],
    there: &[Installation],
) -> Result<(), Error> {
    for part in hosts {
        let here = || there.iter().filter(|other| other.is_on(&part.name));
        for conflict in conflicts {
            let against = |other: &&Installation| {
                is_called(&other.feature, &conflict.feature) && answers(conflict, &other.version)
            };
            refuse(id, here().find(against), part)?;
        }
        // It may be the other one that minds.
        let minds = |other: &&Installation| {
            other.feature != id
                && other
                    .conflicts
                    .iter()
                    .any(|conflict| is_called(id, &conflict.feature) && answers(conflict, version))
        };
        refuse(id, here().find(minds), part)?;
        for requirement in requires {
            let found = here().find(|other| is_called(&other.feature, &requirement.feature));
            let reason = match found {
                Some(other) if answers(requirement, &other.version) => continue,
                Some(other) => format!("{} has {}", part.name, other.version),
                None => format!("{} does not have it", part.name),
            };
            let requirement = shown(requirement);
            return Err(Fault::Requirement { feature: id.to_owned(), requirement, reason }.into());
        }
    }
    Ok(())
}

fn refuse(id: &str, other: Option<&Installation>, part: &HostPart) -> Result<(), Error> {
    match other {
        None => Ok(()),
        Some(other) => Err(Fault::Conflict {
            feature: id.to_owned(),
            other: format!("{} {}", other.feature, other.version),
            host: part.name.clone(),
        }
        .into()),
    }
}

/// That no other feature on these hosts needs it.
pub(super) fn check_unneeded(id: &str, hosts: &[HostPart], there: &[Installation]) -> Result<(), Error> {
    for other in there.iter().filter(|other| other.feature != id) {
        let needs = other.requires.iter().any(|requirement| is_called(id, &requirement.feature));
        if let Some(part) = hosts.iter().find(|part| needs && other.is_on(&part.name)) {
            let by = format!("{} on {}", other.feature, part.name);
            return Err(Fault::Needed { feature: id.to_owned(), by }.into());
        }
    }
    Ok(())
}

impl Tenancy {
    /// What is added when a feature is: what it needs and its hosts do not have, in order, and itself last.
    ///
    /// # Errors
    ///
    /// If a feature cannot be found, or needs itself.
    pub async fn resolve_feature(&self, name: &str, on: &TargetSpec) -> Result<Vec<Resolved>, Error> {
        let mut order = Vec::new();
        let there: Vec<Installation> =
            self.installations().await?.into_iter().map(|found| found.value).collect();
        let mut names = Vec::new();
        for place in &on.places {
            let record = self.record::<HostBody>(&[&place.host]).await?.value;
            names.push(Place { host: record.name.to_string(), roles: place.roles.clone() });
        }
        let on = TargetSpec { places: names };
        self.resolve_into(name, &on, None, &there, &mut BTreeSet::new(), &mut order).await?;
        Ok(order)
    }

    async fn resolve_into(
        &self,
        name: &str,
        on: &TargetSpec,
        added_for: Option<String>,
        there: &[Installation],
        above: &mut BTreeSet<String>,
        order: &mut Vec<Resolved>,
    ) -> Result<(), Error> {
        let feature = self.feature(name).await?;
        let id = feature.id().to_owned();
        if !above.insert(id.clone()) || above.len() > DEEPEST {
            let reason = "they need each other".to_owned();
            return Err(Fault::Requirement { feature: id.clone(), requirement: id, reason }.into());
        }
        for requirement in &feature.info().requires {
            let has = |host: &str| {
                let is_it = |own: &str| is_called(own, &requirement.feature);
                there.iter().any(|other| is_it(&other.feature) && other.is_on(host))
                    || order.iter().any(|other| {
                        is_it(&other.feature) && other.on.places.iter().any(|place| place.host == host)
                    })
            };
            let missing: Vec<Place> = on
                .places
                .iter()
                .filter(|place| !has(&place.host))
                .map(|place| Place { host: place.host.clone(), roles: Vec::new() })
                .collect();
            if !missing.is_empty() {
                let on = TargetSpec { places: missing };
                let deeper =
                    self.resolve_into(&requirement.feature, &on, Some(id.clone()), there, above, order);
                Box::pin(deeper).await?;
            }
        }
        above.remove(&id);
        if !order.iter().any(|other| other.feature == id && other.on == *on) {
            order.push(Resolved { feature: id, on: on.clone(), added_for });
        }
        Ok(())
    }

    /// Whether an action may be asked of a feature.
    pub(super) fn check_action(
        info: &skywright_recipe_format::plan::FeatureInfo,
        id: &str,
        action: Action,
    ) -> Result<(), Error> {
        if info.actions.contains(&action) {
            return Ok(());
        }
        let findings = vec![format!("it has no `{}`", action.name())];
        Err(Fault::Refused { feature: id.to_owned(), findings }.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn requirement(feature: &str, versions: Option<&str>) -> Requirement {
        Requirement { feature: feature.to_owned(), versions: versions.map(str::to_owned) }
    }

    fn part(name: &str) -> HostPart {
        HostPart { name: name.to_owned(), cloud_id: String::new(), roles: Vec::new() }
    }

    fn installed(feature: &str, version: &str, hosts: &[&str]) -> Installation {
        Installation {
            feature: feature.to_owned(),
            version: version.to_owned(),
            digest: String::new(),
            hosts: hosts.iter().map(|host| part(host)).collect(),
            has_roles: false,
            arguments: Vec::new(),
            secrets: None,
            outputs: Default::default(),
            secret_outputs: Vec::new(),
            endpoints: Vec::new(),
            requires: Vec::new(),
            conflicts: Vec::new(),
            added_for: None,
            installed_unix_ms: 0,
        }
    }

    #[test]
    fn requirements_are_of_a_version_and_of_every_host() {
        let docker = [installed("skywright/docker", "1.2.0", &["a"])];
        let needs = |versions, hosts: &[&str]| {
            let hosts: Vec<_> = hosts.iter().map(|host| part(host)).collect();
            check("skywright/swarm", "1.0.0", &[requirement("docker", versions)], &[], &hosts, &docker)
        };
        needs(Some(">=1.2, <2"), &["a"]).unwrap();
        needs(None, &["a"]).unwrap();
        for (versions, hosts) in [(Some(">=2"), &["a"][..]), (None, &["a", "b"]), (Some("nonsense"), &["a"])]
        {
            let error = needs(versions, hosts).unwrap_err();
            assert_eq!(error.code(), "feature-requirement", "{versions:?} {hosts:?}");
        }
    }

    #[test]
    fn a_conflict_counts_whoever_names_it() {
        let mut server = installed("skywright/ntp-server", "1.0.0", &["a"]);
        let conflicts = [requirement("ntp-server", None)];
        let client = |there: &[Installation], conflicts: &[Requirement], host: &str| {
            check("skywright/ntp-client", "1.0.0", &[], conflicts, &[part(host)], there)
        };
        assert!(client(std::slice::from_ref(&server), &conflicts, "a").is_err());
        client(std::slice::from_ref(&server), &conflicts, "b").unwrap();
        server.conflicts = vec![requirement("skywright/ntp-client", Some("^1"))];
        assert!(client(std::slice::from_ref(&server), &[], "a").is_err());
    }

    #[test]
    fn what_is_needed_stays() {
        let mut swarm = installed("skywright/swarm", "1.0.0", &["a"]);
        swarm.requires = vec![requirement("docker", None)];
        let there = [swarm];
        assert!(check_unneeded("skywright/docker", &[part("a")], &there).is_err());
        check_unneeded("skywright/docker", &[part("b")], &there).unwrap();
        check_unneeded("skywright/other", &[part("a")], &there).unwrap();
    }
}
