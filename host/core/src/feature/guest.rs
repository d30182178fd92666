//! Features as they are asked.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde_json::Value;
use skywright_contract::Kind;
use skywright_recipe_format::Finding;
use skywright_recipe_format::plan::{FeatureInfo, Plan, Request};
use skywright_registry::Installed;
use skywright_runtime::{Engine, Plugin, Session};

use super::fault::Fault;
use crate::error::Error;

/// A feature, as it is asked. The same question has the same answer.
#[async_trait]
pub trait Feature: Send + Sync {
    /// `publisher/name`.
    fn id(&self) -> &str;

    /// Of the component: another recipe has another one.
    fn digest(&self) -> &str;

    /// What it says of itself.
    fn info(&self) -> &FeatureInfo;

    /// What is wrong with a request.
    ///
    /// # Errors
    ///
    /// If it could not be asked, a broken limit of the sandbox among others.
    async fn validate(&self, request: &Request) -> Result<Vec<Finding>, Error>;

    /// The next round, or how it ended.
    ///
    /// # Errors
    ///
    /// Why it has none, or that it could not be asked.
    async fn next(&self, request: &Request) -> Result<Plan, Error>;
}

/// Where features are found.
#[async_trait]
pub trait FeatureSource: Send + Sync {
    /// The feature of that name.
    ///
    /// # Errors
    ///
    /// If there is none that may run.
    async fn feature(&self, name: &str) -> Result<Arc<dyn Feature>, Error>;
}

/// Knows no feature.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoFeatures;

#[async_trait]
impl FeatureSource for NoFeatures {
    async fn feature(&self, name: &str) -> Result<Arc<dyn Feature>, Error> {
        Err(Error::NoSuch { kind: "feature", name: name.to_owned(), known: Vec::new() })
    }
}

/// Those that are installed as plugins.
pub(crate) struct Features {
    pub(crate) installed: Installed,
    pub(crate) engine: Engine,
}

#[async_trait]
impl FeatureSource for Features {
    async fn feature(&self, name: &str) -> Result<Arc<dyn Feature>, Error> {
        let loaded = self.installed.load(name, Timestamp::now())?;
        for warning in &loaded.warnings {
            tracing::warn!("{}", skywright_runtime::printable(warning));
        }
        let plugin = self.engine.load_digested(&loaded.bytes).await?;
        Ok(Arc::new(PluginFeature::new(plugin).await?))
    }
}

/// A feature in the sandbox. It is lent nothing.
pub struct PluginFeature {
    plugin: Plugin,
    session: Arc<Session>,
    id: String,
    digest: String,
    info: FeatureInfo,
}

impl PluginFeature {
    /// Asks the plugin what it is.
    ///
    /// # Errors
    ///
    /// [`Fault::NoFeature`], and what the sandbox refused.
    pub async fn new(plugin: Plugin) -> Result<Self, Error> {
        let package = plugin.package();
        let (id, digest) = (package.manifest.id.to_string(), package.digest.to_string());
        if package.manifest.kind != Kind::Feature {
            let reason = "it is a plugin of another kind".to_owned();
            return Err(Fault::NoFeature { name: id, reason }.into());
        }
        let session = Arc::new(Session::nothing());
        let described = call(&plugin, &session, "recipe.describe", &[]).await?;
        let info: FeatureInfo = understood(&id, described)?;
        Ok(Self { plugin, session, id, digest, info })
    }
}

#[async_trait]
impl Feature for PluginFeature {
    fn id(&self) -> &str {
        &self.id
    }

    fn digest(&self) -> &str {
        &self.digest
    }

    fn info(&self) -> &FeatureInfo {
        &self.info
    }

    async fn validate(&self, request: &Request) -> Result<Vec<Finding>, Error> {
        let answer = call(&self.plugin, &self.session, "recipe.validate", &[value(request)?]).await?;
        let findings: Vec<Diagnostic> = understood(&self.id, answer)?;
        Ok(findings.into_iter().map(|found| Finding::new(found.path, found.summary)).collect())
    }

    async fn next(&self, request: &Request) -> Result<Plan, Error> {
        let answer = call(&self.plugin, &self.session, "recipe.next", &[value(request)?]).await?;
        understood(&self.id, answer)
    }
}

/// A finding, as the contract's diagnostics are in JSON.
#[derive(serde::Deserialize)]
struct Diagnostic {
    path: String,
    summary: String,
}

/// One call, in an instance of its own.
async fn call(
    plugin: &Plugin,
    session: &Arc<Session>,
    function: &str,
    arguments: &[Value],
) -> Result<Value, Error> {
    let function = plugin.function(function)?;
    Ok(plugin.instantiate(session).await?.call_json(function, arguments).await?)
}

fn value(request: &Request) -> Result<Value, Error> {
    serde_json::to_value(request).map_err(|error| Error::Internal(format!("a request is no JSON: {error}")))
}

fn understood<T: serde::de::DeserializeOwned>(id: &str, answer: Value) -> Result<T, Error> {
    serde_json::from_value(answer).map_err(|error| {
        let reason = format!("its answer is not understood: {error}");
        Fault::NoFeature { name: id.to_owned(), reason }.into()
    })
}
