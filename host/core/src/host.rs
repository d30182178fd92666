//! Plugins by name, loaded, and lent what a tenant allows.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use skywright_egress::{Client, ExchangeSink, Secret, SystemResolver, Vault};
use skywright_registry::{Listed, Shelf};
use skywright_runtime::{Engine, EngineOptions, Plugin, Session};
use skywright_state::{Seal, Store};

use crate::error::Error;
use crate::grant::{GrantReport, grant_of};
use crate::home::Home;
use crate::secret::SecretContext;
use crate::session_memory::KeptSession;
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
    master_key: PathBuf,
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
        let master_key = home.master_key_file();
        Ok(Self { shelf: Shelf::new(plugin_folders), engine: Engine::new(engine)?, core_dumps, master_key })
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
        self.kept_session(plugin, tenant, base, recorder, None).await
    }

    /// [`session`](Self::session) that goes on with the login of the process before, and is kept for the next.
    pub(crate) async fn kept_session(
        &self,
        plugin: &Plugin,
        tenant: &Tenant,
        base: &Path,
        recorder: Option<Arc<dyn ExchangeSink>>,
        kept_in: Option<(&Arc<dyn Store>, &Arc<Seal>)>,
    ) -> Result<(Arc<Session>, GrantReport), Error> {
        let info = plugin.describe_provider().await?;
        let settings = tenant.checked_settings(&info)?;
        let (grant, report) = grant_of(&info, tenant, base)?;
        let context = SecretContext { tenant: &tenant.name, base, master_key: &self.master_key };
        let mut own = Vec::new();
        for (key, source) in &tenant.secrets {
            own.push((key.clone(), Secret::new(source.resolve(key, &context).await?.as_str())));
        }
        let memory = match kept_in {
            Some((store, seal)) => {
                Some(KeptSession::new(Arc::clone(store), Arc::clone(seal), plugin, tenant, &own)?)
            }
            None => None,
        };
        let client = Client::new(grant, Vault::new(own), Arc::new(SystemResolver), recorder);
        let mut session = Session::new(settings, client);
        if let Some(memory) = memory {
            let before = memory.before().await?;
            session = session.with_memory(Arc::new(memory), before.as_ref().map(|bytes| bytes.as_slice()));
        }
        Ok((self.finish(session)?, report))
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
