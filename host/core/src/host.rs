//! Plugins by name, loaded, and lent what a tenant allows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use skywright_egress::{Client, ExchangeSink, Secret, SystemResolver, Vault};
use skywright_registry::{Listed, Shelf};
use skywright_runtime::{Engine, EngineOptions, Plugin, Session};

use crate::error::Error;
use crate::grant::{GrantReport, grant_of};
use crate::home::Home;
use crate::tenant::Tenant;

/// How a [`Host`] is set up.
pub struct HostOptions {
    /// Where files are.
    pub home: Home,
    /// Folders with plugins that come before the home's own.
    pub plugin_folders: Vec<PathBuf>,
    /// The engine's options.
    pub engine: EngineOptions,
}

/// Finds and loads plugins. One a process.
pub struct Host {
    shelf: Shelf,
    engine: Engine,
    core_dumps: Option<PathBuf>,
}

impl Host {
    /// Sets up the engine. No file is read yet.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`] if the limits make no engine.
    pub fn new(options: HostOptions) -> Result<Self, Error> {
        let HostOptions { home, mut plugin_folders, engine } = options;
        plugin_folders.push(home.plugins());
        let core_dumps = engine.core_dumps.then(|| home.core_dumps());
        Ok(Self { shelf: Shelf::new(plugin_folders), engine: Engine::new(engine)?, core_dumps })
    }

    /// Every plugin file there is.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] if a folder cannot be read.
    pub fn list(&self) -> Result<Vec<Listed>, Error> {
        Ok(self.shelf.list()?)
    }

    /// Finds a plugin by path, id or name, and loads it.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] if it is not found, [`Error::Runtime`] if it is refused.
    pub async fn load(&self, name: &str) -> Result<Plugin, Error> {
        let found = self.shelf.find(name)?;
        Ok(self.engine.load(&found.bytes).await?)
    }

    /// A session that lends nothing, for `describe` and `validate`.
    ///
    /// # Errors
    ///
    /// [`Error::File`] if the core dump folder cannot be made.
    pub fn bare_session(&self) -> Result<Arc<Session>, Error> {
        self.finish(Session::nothing())
    }

    /// What a tenant lends to a provider: settings, secrets by name, and a client with its grant.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], [`Error::Secret`] and [`Error::Grant`], or what `describe` failed with.
    pub async fn session(
        &self,
        plugin: &Plugin,
        tenant: &Tenant,
        base: &Path,
        recorder: Option<Arc<dyn ExchangeSink>>,
    ) -> Result<(Arc<Session>, GrantReport), Error> {
        let info = plugin.describe_provider().await?;
        let settings = tenant.checked_settings(&info)?;
        let (grant, report) = grant_of(&info, tenant, base)?;
        let mut own = Vec::new();
        for (name, source) in &tenant.secrets {
            own.push((name.clone(), Secret::new(source.resolve(name, base).await?.as_str())));
        }
        let client = Client::new(grant, Vault::new(own), Arc::new(SystemResolver), recorder);
        let session = self.finish(Session::new(settings, client))?;
        Ok((session, report))
    }

    fn finish(&self, session: Session) -> Result<Arc<Session>, Error> {
        let Some(folder) = &self.core_dumps else { return Ok(Arc::new(session)) };
        std::fs::create_dir_all(folder).map_err(|source| Error::File {
            action: "create",
            path: folder.clone(),
            source,
        })?;
        Ok(Arc::new(session.with_core_dumps(folder)))
    }
}
