//! One tenant, open for work: its cloud, what is kept of it, and who is told.

use std::sync::Arc;
use std::time::Duration;

use skywright_machines::{LocalMachines, Reconciled};
use skywright_runtime::provider::driver::Capabilities;
use skywright_state::{Holder, Key, Seal, Store, StoreExt as _, Transaction};
use tokio::sync::OnceCell;

use crate::cloud::Cloud;
use crate::defaults::Defaults;
use crate::error::Error;
use crate::feature::{Feature, FeatureSource};
use crate::operation::{HomeId, OperationId};
use crate::report::Report;

/// What a tenancy is made of.
pub struct TenancyParts {
    /// The tenant's name.
    pub name: String,
    /// The region that it works in; the cloud's only one where there is none.
    pub region: Option<String>,
    /// Its cloud.
    pub cloud: Cloud,
    /// Where records and operations are kept.
    pub store: Arc<dyn Store>,
    /// What seals secrets in it.
    pub seal: Arc<Seal>,
    /// This process.
    pub holder: Holder,
    /// What it says of new resources.
    pub defaults: Defaults,
    /// Where features are found.
    pub features: Arc<dyn FeatureSource>,
    /// Who is told of progress.
    pub report: Arc<dyn Report>,
    /// How long to wait for what another process holds.
    pub patience: Duration,
    /// This machine's hosts, where its cloud is made of them.
    pub machines: Option<LocalMachines>,
}

/// One tenant, open for work.
pub struct Tenancy {
    parts: TenancyParts,
    home_id: HomeId,
    capabilities: OnceCell<Capabilities>,
    own_features: Vec<Arc<dyn Feature>>,
}

/// How many steps of finished operations one transaction drops.
const DROPPED_AT_ONCE: usize = 100;

/// Hosts that are made at once where nobody says.
const DEFAULT_PARALLELISM: usize = 8;

/// The most that is asked at once, whatever a plugin says.
const MOST_PARALLELISM: usize = 64;

impl Tenancy {
    /// Opens a tenant. The state gets its id here if it has none yet.
    ///
    /// # Errors
    ///
    /// If the state cannot be read or written.
    pub async fn open(parts: TenancyParts) -> Result<Self, Error> {
        let home_id = home_id(&*parts.store).await?;
        Ok(Self { parts, home_id, capabilities: OnceCell::new(), own_features: Vec::new() })
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.parts.name
    }

    /// Its cloud.
    #[must_use]
    pub fn cloud(&self) -> &Cloud {
        &self.parts.cloud
    }

    /// What it says of new resources.
    #[must_use]
    pub fn defaults(&self) -> &Defaults {
        &self.parts.defaults
    }

    /// What the cloud can do in the tenant's region. Asked once.
    ///
    /// # Errors
    ///
    /// What the cloud said.
    pub async fn capabilities(&self) -> Result<&Capabilities, Error> {
        let ask = async || {
            let region = match &self.parts.region {
                Some(region) => region.clone(),
                None => self.cloud().ask(|p| p.regions()).await?.into_iter().next().unwrap_or_default(),
            };
            self.cloud().ask(|p| p.capabilities_of(&region)).await
        };
        self.capabilities.get_or_try_init(ask).await
    }

    /// How much is asked of the cloud at once.
    pub(crate) async fn parallelism(&self) -> Result<usize, Error> {
        let declared = match self.defaults().create_parallelism {
            Some(own) => own,
            None => self.capabilities().await?.create_parallelism,
        };
        let window = usize::try_from(declared).unwrap_or(MOST_PARALLELISM);
        Ok(if window == 0 { DEFAULT_PARALLELISM } else { window.min(MOST_PARALLELISM) })
    }

    /// Removes what a crash left on this machine that no record knows, where the tenant's hosts are on it.
    ///
    /// # Errors
    ///
    /// [`Error::Machines`].
    pub async fn sweep(&self) -> Result<Reconciled, Error> {
        match self.machines() {
            Some(machines) => Ok(machines.reconcile().await?),
            None => Ok(Reconciled::default()),
        }
    }

    /// The hosts of this machine, where the tenant's driver is lent them.
    pub(crate) fn machines(&self) -> Option<&LocalMachines> {
        self.parts.machines.as_ref()
    }

    pub(crate) fn store(&self) -> &Arc<dyn Store> {
        &self.parts.store
    }

    pub(crate) fn seal(&self) -> &Seal {
        &self.parts.seal
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.parts.holder
    }

    pub(crate) fn home_id(&self) -> &HomeId {
        &self.home_id
    }

    /// Knows a feature that is not installed, such as one that its author tries, for as long as this is open.
    pub fn add_feature(&mut self, feature: Arc<dyn Feature>) {
        self.own_features.push(feature);
    }

    /// A feature by its name or id.
    pub(crate) async fn feature(&self, name: &str) -> Result<Arc<dyn Feature>, Error> {
        let is_it = |own: &&Arc<dyn Feature>| crate::feature::is_called(own.id(), name);
        match self.own_features.iter().find(is_it) {
            Some(own) => Ok(Arc::clone(own)),
            None => self.parts.features.feature(name).await,
        }
    }

    pub(crate) fn report(&self) -> &dyn Report {
        &*self.parts.report
    }

    pub(crate) fn patience(&self) -> Duration {
        self.parts.patience
    }

    pub(crate) fn operations_key(&self) -> Result<Key, Error> {
        Ok(Key::of(["tenants", self.name(), "operations"])?)
    }

    pub(crate) fn operation_key(&self, id: &OperationId) -> Result<Key, Error> {
        Ok(self.operations_key()?.child(id.as_str())?)
    }

    pub(crate) fn steps_of(&self, id: &OperationId) -> Result<Key, Error> {
        Ok(Key::of(["tenants", self.name(), "steps", id.as_str()])?)
    }

    /// Drops the steps of an operation that is over.
    pub(crate) async fn drop_steps(&self, id: &OperationId) -> Result<(), Error> {
        let steps = self.store().list(&self.steps_of(id)?.below()).await?;
        for some in steps.chunks(DROPPED_AT_ONCE) {
            let drop = |transaction: Transaction, entry: &skywright_state::Entry| {
                transaction.delete(entry.key.clone())
            };
            self.store().commit(some.iter().fold(Transaction::new(), drop)).await?;
        }
        Ok(())
    }
}

/// The state's own id, made at its first use.
async fn home_id(store: &dyn Store) -> Result<HomeId, Error> {
    let key = Key::new("home-id")?;
    if let Some(found) = store.get_json::<HomeId>(&key).await? {
        return Ok(found.value);
    }
    let id = HomeId::random()?;
    let made = store.commit(Transaction::new().require_absent(key.clone()).put_json(key.clone(), &id)?).await;
    match made {
        Ok(_) => Ok(id),
        // Another process was first.
        Err(skywright_state::Error::Conflict { .. }) => {
            let found = store.get_json::<HomeId>(&key).await?;
            Ok(found.map_or(id, |found| found.value))
        }
        Err(error) => Err(error.into()),
    }
}
