//! Plugins by name, loaded, and lent what a tenant allows.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use skywright_contract::Digest;
use skywright_egress::{Client, ExchangeSink, Secret, SystemResolver, Vault};
use skywright_machines::{Backend, LocalMachines};
use skywright_registry::{Installed, ListedPlugin, Trust};
use skywright_runtime::{Engine, EngineOptions, Plugin, Session};
use skywright_state::{Seal, Store};

use crate::error::Error;
use crate::feature::Features;
use crate::grant::{GrantReport, grant_of};
use crate::home::Home;
use crate::secret::SecretContext;
use crate::session_memory::KeptSession;
use crate::tenant::{LOCAL_PLUGIN, Tenant};

/// The setting of [`LOCAL_PLUGIN`] that says what new hosts are run by.
const BACKEND: &str = "backend";

/// How a [`Host`] is set up.
pub struct HostOptions {
    /// Where files are.
    pub home: Home,
    /// Folders with plugins that come before the home's own.
    pub plugin_folders: Vec<PathBuf>,
    /// Whether plugins run that nobody signed and that lie in no development folder.
    pub allow_unsigned: bool,
    /// Another lock file than the home's own.
    pub lock_file: Option<PathBuf>,
    /// The engine's options.
    pub engine: EngineOptions,
}

/// Finds and loads plugins. One a process.
pub struct Host {
    installed: Installed,
    engine: Engine,
    core_dumps: Option<PathBuf>,
    master_key: PathBuf,
    /// Where the state and the images of this machine's hosts are.
    machines: (PathBuf, PathBuf),
    /// The digests of what was loaded by way of a verified signature.
    signed: Mutex<BTreeSet<Digest>>,
}

impl Host {
    /// Sets up the engine. No file is read yet.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`] if the limits make no engine.
    pub fn new(options: HostOptions) -> Result<Self, Error> {
        let HostOptions { home, plugin_folders, allow_unsigned, lock_file, engine } = options;
        let installed = Installed::new(home.registry_places(lock_file))
            .with_folders(plugin_folders)
            .with_drop_in(vec![home.plugins()])
            .with_allow_unsigned(allow_unsigned);
        let core_dumps = engine.core_dumps.then(|| home.core_dumps());
        let master_key = home.master_key_file();
        let machines = (home.machines(), home.images());
        Ok(Self {
            installed,
            engine: Engine::new(engine)?,
            core_dumps,
            master_key,
            machines,
            signed: Mutex::default(),
        })
    }

    /// The plugins on this machine, and the check that stands before each.
    #[must_use]
    pub fn installed(&self) -> &Installed {
        &self.installed
    }

    /// Every plugin that is installed, and every plugin file in a folder that is looked at.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] if the lock file, the policy or a folder cannot be read.
    pub fn list(&self) -> Result<Vec<ListedPlugin>, Error> {
        Ok(self.installed.list(Timestamp::now())?)
    }

    /// Finds a plugin by path, id or name, checks that it may run, and loads exactly the bytes that were checked.
    /// What people should know all the same is logged.
    ///
    /// # Errors
    ///
    /// [`Error::Registry`] if it is not found or may not run, [`Error::Runtime`] if the engine refuses it.
    pub async fn load(&self, name: &str) -> Result<Plugin, Error> {
        let loaded = self.installed.load(name, Timestamp::now()).map_err(|error| match error {
            // The same words, whoever comes upon it first.
            skywright_registry::Error::Package { source, .. } => {
                skywright_runtime::Error::from(source).into()
            }
            other => Error::from(other),
        })?;
        for warning in &loaded.warnings {
            tracing::warn!("{}", skywright_runtime::printable(warning));
        }
        if let Trust::Development { folder } = &loaded.trust {
            tracing::info!(plugin = %loaded.id, folder = %folder.display(), "unsigned, of a development folder");
        }
        let plugin = self.engine.load_digested(&loaded.bytes).await?;
        if matches!(loaded.trust, Trust::Signed { .. }) {
            self.signed.lock().unwrap_or_else(PoisonError::into_inner).insert(plugin.package().digest);
        }
        Ok(plugin)
    }

    /// Loads a feature that was built just now and lies in no folder yet: a pure one, since it is lent nothing.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`] if the engine refuses it.
    pub async fn load_built(&self, feature: &[u8]) -> Result<Plugin, Error> {
        Ok(self.engine.load(feature).await?)
    }

    /// Those of its plugins that are features.
    pub(crate) fn features(&self) -> Arc<Features> {
        Arc::new(Features { installed: self.installed.clone(), engine: self.engine.clone() })
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
        if let Some(machines) = self.machines_for(plugin, tenant)? {
            session = session.with_machines(Arc::new(machines));
        }
        if let Some(memory) = memory {
            let before = memory.before().await?;
            session = session.with_memory(Arc::new(memory), before.as_ref().map(|bytes| bytes.as_slice()));
        }
        Ok((self.finish(session)?, report))
    }

    /// This machine's hosts, for the one plugin that they are lent to: by its id, and only if these very bytes
    /// were found signed when they were loaded. What a manifest says is of no account. New hosts are what the tenant's
    /// setting says, whatever the plugin asks for.
    pub(crate) fn machines_for(
        &self,
        plugin: &Plugin,
        tenant: &Tenant,
    ) -> Result<Option<LocalMachines>, Error> {
        let package = plugin.package();
        let is_it = package.manifest.id.to_string() == LOCAL_PLUGIN
            && self.signed.lock().unwrap_or_else(PoisonError::into_inner).contains(&package.digest);
        if !is_it {
            return Ok(None);
        }
        let (state, cache) = &self.machines;
        let backend = match tenant.settings.get(BACKEND) {
            Some(setting) => setting.to_string().parse::<Backend>()?,
            None => Backend::default(),
        };
        Ok(Some(LocalMachines::open(state, cache)?.with_backend(backend)))
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
