//! What is held against the contract.

use std::sync::Arc;

use skywright_contract::{Blame, Category};
use skywright_egress::BoxFuture;
use skywright_runtime::driver::DriverInfo;
use skywright_runtime::provider::{PluginProvider, Provider};
use skywright_runtime::{Error, Plugin, Session};

use crate::meter::Meter;

/// Who it is.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Identity {
    /// Such as `skywright/openstack`.
    pub id: String,
    /// Its version.
    pub version: String,
}

/// How a subject is to be started.
#[derive(Clone)]
pub struct Launch {
    /// Settings in the place of the tenant's own.
    pub settings: Vec<(String, String)>,
    /// Has to see every request.
    pub meter: Arc<Meter>,
}

/// A subject that runs.
#[derive(Clone)]
pub struct Launched {
    /// The provider.
    pub provider: Arc<dyn Provider>,
    /// What it says of itself, asked in a session that could have sent something.
    pub info: DriverInfo,
}

impl Launched {
    /// A plugin with what this session lends it.
    ///
    /// # Errors
    ///
    /// What `driver.describe` failed with.
    pub async fn plugin(plugin: &Plugin, session: &Arc<Session>) -> Result<Self, Error> {
        let info = plugin.instantiate(session).await?.describe_provider().await?;
        let provider = Arc::new(PluginProvider::new(plugin.clone(), Arc::clone(session)));
        Ok(Self { provider, info })
    }
}

/// Why a subject did not start.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the provider cannot be started: {message}")]
pub struct LaunchError {
    /// A fragment of a sentence.
    pub message: String,
    /// What kind of error.
    pub category: Category,
    /// Who has to act.
    pub blame: Blame,
    /// Its name, stable for scripts.
    pub code: String,
    /// What can be done.
    pub hint: Option<String>,
}

impl From<Error> for LaunchError {
    fn from(error: Error) -> Self {
        Self {
            message: error.to_string(),
            category: error.category(),
            blame: error.blame(),
            code: error.code(),
            hint: error.hint(),
        }
    }
}

/// What is held against the contract: something that can be started any number of times.
pub trait Subject: Send + Sync {
    /// Who it is.
    fn identity(&self) -> Identity;

    /// Starts it as a new process of the host would: a new engine and a new session, with nothing of the
    /// ones before.
    fn launch(&self, launch: Launch) -> BoxFuture<'_, Result<Launched, LaunchError>>;
}
