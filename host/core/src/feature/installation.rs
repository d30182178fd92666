//! What is where: features on hosts, as the state knows it, and the runs that put them there.

use std::collections::BTreeMap;

use ring::digest::{SHA256, digest};
use serde::{Deserialize, Serialize};
use skywright_recipe_format::plan::{Action, Argument, ArgumentValue, KeyValue, Requirement};
use skywright_state::{Found, Key, StoreExt as _};
use zeroize::Zeroizing;

use super::fault::Fault;
use super::resolve::is_called;
use super::target::{Place, TargetSpec};
use crate::error::Error;
use crate::operation::Sealed;
use crate::resource::HostBody;
use crate::tenancy::Tenancy;

/// A host of an installation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostPart {
    /// Its name.
    pub name: String,
    /// The cloud's id: another host of the same name does not have the feature.
    pub cloud_id: String,
    /// The parts that it plays.
    pub roles: Vec<String>,
}

/// A feature on hosts.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Installation {
    /// `publisher/name`.
    pub feature: String,
    /// Its version.
    pub version: String,
    /// Of the component that installed it.
    pub digest: String,
    /// Where. Hosts that have gone are left out when it is read.
    pub hosts: Vec<HostPart>,
    /// Whether its hosts play different parts, so that it is one thing on all of them.
    pub has_roles: bool,
    /// What it was told.
    pub arguments: Vec<Argument>,
    /// Secret parameters and secret outputs by name, sealed for the record's key.
    pub secrets: Option<Sealed>,
    /// What it gives, but for secrets.
    pub outputs: BTreeMap<String, String>,
    /// The names of outputs that are secret.
    pub secret_outputs: Vec<String>,
    /// Where it is reached.
    pub endpoints: Vec<KeyValue>,
    /// What it needs.
    pub requires: Vec<Requirement>,
    /// What must not be with it.
    pub conflicts: Vec<Requirement>,
    /// The feature that it was added for, if nobody asked for it alone.
    pub added_for: Option<String>,
    /// When, in milliseconds since 1970, UTC.
    pub installed_unix_ms: u64,
}

/// The secrets of an installation.
#[derive(Default, Serialize, Deserialize)]
pub(super) struct Secrets {
    pub(super) parameters: BTreeMap<String, String>,
    pub(super) outputs: BTreeMap<String, String>,
}

/// An installation, as it is shown.
#[derive(Debug, Clone, Serialize)]
pub struct InstallationView {
    /// `publisher/name`.
    pub feature: String,
    /// Its version.
    pub version: String,
    /// Where, as `--on` takes it.
    pub on: String,
    /// What it was told; secrets by name alone.
    pub parameters: BTreeMap<String, serde_json::Value>,
    /// What it gives; secrets are `null` unless they are asked for.
    pub outputs: BTreeMap<String, Option<String>>,
    /// Where it is reached.
    pub endpoints: BTreeMap<String, String>,
    /// The feature that it was added for, if nobody asked for it alone.
    pub added_for: Option<String>,
    /// When, in milliseconds since 1970, UTC.
    pub installed_unix_ms: u64,
}

/// How a run went.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RunRecord {
    /// The operation.
    pub id: String,
    /// `publisher/name`.
    pub feature: String,
    /// Its version.
    pub version: String,
    /// What was to be done.
    pub action: Action,
    /// Where, as `--on` takes it.
    pub on: String,
    /// `running`, `done`, `undone` or `failed`.
    pub phase: String,
    /// When it began, in milliseconds since 1970, UTC.
    pub started_unix_ms: u64,
    /// When it ended.
    pub ended_unix_ms: Option<u64>,
    /// Steps on hosts that were run, or found that there was nothing to do.
    pub steps: usize,
    /// Those that changed something, as `step@host`; the first hundred.
    pub changed: Vec<String>,
    /// How many changed something.
    pub changes: usize,
    /// Those that failed and were to be ignored, as `step@host`; the first hundred.
    pub failed: Vec<String>,
    /// Hosts that have the feature now.
    pub hosts_with_feature: Vec<String>,
    /// The feature's own words.
    pub summary: String,
    /// Where it is reached.
    pub endpoints: Vec<KeyValue>,
    /// Why it failed.
    pub failure: Option<String>,
    /// Tells a repetition of the same command from others.
    pub(super) fingerprint: String,
}

/// A run, as it is shown.
pub type RunView = RunRecord;

impl Installation {
    /// Where, as `--on` takes it.
    #[must_use]
    pub fn spec(&self) -> TargetSpec {
        let place = |part: &HostPart| Place { host: part.name.clone(), roles: part.roles.clone() };
        TargetSpec { places: self.hosts.iter().map(place).collect() }
    }

    pub(super) fn is_on(&self, host: &str) -> bool {
        self.hosts.iter().any(|part| part.name == host)
    }
}

impl Tenancy {
    fn installations_key(&self) -> Result<Key, Error> {
        Ok(Key::of(["tenants", self.name(), "installations"])?)
    }

    /// Of a feature on hosts: the same however they are ordered.
    pub(super) fn installation_key(&self, feature: &str, hosts: &[HostPart]) -> Result<Key, Error> {
        let mut names: Vec<&str> = hosts.iter().map(|part| part.name.as_str()).collect();
        names.sort_unstable();
        let hash = digest(&SHA256, names.join("\n").as_bytes());
        let hash: String = hash.as_ref().iter().take(12).map(|byte| format!("{byte:02x}")).collect();
        let mut key = self.installations_key()?;
        for segment in feature.split('/') {
            key = key.child(segment)?;
        }
        Ok(key.child(&hash)?)
    }

    pub(super) fn runs_key(&self) -> Result<Key, Error> {
        Ok(Key::of(["tenants", self.name(), "feature-runs"])?)
    }

    /// Every feature that hosts have, by name. Hosts that are gone are not among theirs.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn installations(&self) -> Result<Vec<Found<Installation>>, Error> {
        let hosts = self.records::<HostBody>().await?;
        let living: BTreeMap<String, String> = hosts
            .into_iter()
            .filter_map(|found| Some((found.value.name.to_string(), found.value.cloud_id?)))
            .collect();
        let mut found: Vec<Found<Installation>> =
            self.store().list_json(&self.installations_key()?.below()).await?;
        for one in &mut found {
            one.value.hosts.retain(|part| living.get(&part.name) == Some(&part.cloud_id));
        }
        found.retain(|one| !one.value.hosts.is_empty());
        Ok(found)
    }

    /// The installations of a feature, by its name or id; those alone that share a host with `on`, if that is given.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn installations_of(
        &self,
        feature: &str,
        on: Option<&TargetSpec>,
    ) -> Result<Vec<Found<Installation>>, Error> {
        let mut found = self.installations().await?;
        found.retain(|one| {
            let is_there = |on: &TargetSpec| on.places.iter().any(|place| one.value.is_on(&place.host));
            is_called(&one.value.feature, feature) && on.is_none_or(is_there)
        });
        Ok(found)
    }

    /// The only installation that is meant.
    ///
    /// # Errors
    ///
    /// [`Fault::Absent`] and [`Fault::Ambiguous`].
    pub async fn installation(
        &self,
        feature: &str,
        on: Option<&TargetSpec>,
    ) -> Result<Found<Installation>, Error> {
        let mut found = self.installations_of(feature, on).await?;
        match (found.pop(), found.is_empty()) {
            (Some(only), true) => Ok(only),
            (Some(last), false) => {
                let places = found.iter().chain([&last]).map(|one| one.value.spec().to_string()).collect();
                Err(Fault::Ambiguous { feature: feature.to_owned(), places }.into())
            }
            (None, _) => {
                let target = on.map_or_else(|| "any host".to_owned(), ToString::to_string);
                Err(Fault::Absent { feature: feature.to_owned(), target }.into())
            }
        }
    }

    /// An installation, to be shown; with its secrets only if they are asked for.
    ///
    /// # Errors
    ///
    /// If its secrets cannot be unsealed.
    pub fn installation_view(
        &self,
        found: &Found<Installation>,
        with_secrets: bool,
    ) -> Result<InstallationView, Error> {
        let own = &found.value;
        let secrets = if with_secrets { self.secrets_of(found)? } else { Secrets::default() };
        let mut outputs: BTreeMap<String, Option<String>> =
            own.outputs.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        for name in &own.secret_outputs {
            outputs.insert(name.clone(), secrets.outputs.get(name).cloned());
        }
        let parameters = own.arguments.iter().map(|argument| {
            let value = match &argument.value {
                ArgumentValue::Text(text) => serde_json::json!(text),
                ArgumentValue::Texts(texts) => serde_json::json!(texts),
                ArgumentValue::Secret => serde_json::Value::Null,
            };
            (argument.name.clone(), value)
        });
        Ok(InstallationView {
            feature: own.feature.clone(),
            version: own.version.clone(),
            on: own.spec().to_string(),
            parameters: parameters.collect(),
            outputs,
            endpoints: own.endpoints.iter().map(|pair| (pair.key.clone(), pair.value.clone())).collect(),
            added_for: own.added_for.clone(),
            installed_unix_ms: own.installed_unix_ms,
        })
    }

    pub(super) fn secrets_of(&self, found: &Found<Installation>) -> Result<Secrets, Error> {
        let Some(sealed) = &found.value.secrets else { return Ok(Secrets::default()) };
        let bytes = self.seal().unseal(found.key.as_str(), &sealed.bytes()?)?;
        serde_json::from_slice(&bytes)
            .map_err(|_| Error::Internal(format!("the secrets of {} cannot be read", found.value.feature)))
    }

    pub(super) fn seal_secrets(&self, key: &Key, secrets: &Secrets) -> Result<Option<Sealed>, Error> {
        if secrets.parameters.is_empty() && secrets.outputs.is_empty() {
            return Ok(None);
        }
        let json = serde_json::to_vec(secrets)
            .map(Zeroizing::new)
            .map_err(|error| Error::Internal(format!("secrets cannot be written down: {error}")))?;
        Ok(Some(Sealed::new(&self.seal().seal(key.as_str(), &json)?)))
    }

    /// The runs of features, the latest last; of one feature alone, if it is named.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn feature_runs(&self, feature: Option<&str>) -> Result<Vec<RunRecord>, Error> {
        let found: Vec<Found<RunRecord>> = self.store().list_json(&self.runs_key()?.below()).await?;
        let mut runs: Vec<RunRecord> = found.into_iter().map(|found| found.value).collect();
        runs.retain(|run| feature.is_none_or(|name| is_called(&run.feature, name)));
        runs.sort_by_key(|run| run.started_unix_ms);
        Ok(runs)
    }

    /// The latest run of a command.
    ///
    /// # Errors
    ///
    /// If the state cannot be read.
    pub async fn latest_run(&self, change: &super::RunFeature) -> Result<Option<RunRecord>, Error> {
        use crate::operation::Change as _;
        let fingerprint = change.fingerprint();
        let runs = self.feature_runs(None).await?;
        Ok(runs.into_iter().rev().find(|run| run.fingerprint == fingerprint))
    }
}
