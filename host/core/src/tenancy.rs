//! One tenant, open for work: its cloud, what is kept of it, and who is told.

use std::sync::Arc;
use std::time::Duration;

use skywright_runtime::provider::driver::Capabilities;
use skywright_state::{Holder, Key, Seal, Store, StoreExt as _, Transaction};
use tokio::sync::OnceCell;

use crate::cloud::Cloud;
use crate::defaults::Defaults;
use crate::error::Error;
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
    /// Who is told of progress.
    pub report: Arc<dyn Report>,
    /// How long to wait for what another process holds.
    pub patience: Duration,
}

/// One tenant, open for work.
pub struct Tenancy {
    parts: TenancyParts,
    home_id: HomeId,
    capabilities: OnceCell<Capabilities>,
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
        Ok(Self { parts, home_id, capabilities: OnceCell::new() })
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
