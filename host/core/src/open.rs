//! From a tenant's name to a tenancy: plugin, session, state.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use skywright_egress::ExchangeSink;
use skywright_runtime::provider::PluginProvider;
use skywright_state::{Holder, Seal, SqliteStore, Store};

use crate::cloud::Cloud;
use crate::error::Error;
use crate::home::Home;
use crate::host::Host;
use crate::report::Report;
use crate::tenancy::{Tenancy, TenancyParts};
use crate::tenant::choice::TenantChoice;

/// How a tenant is opened.
pub struct OpenOptions {
    /// What the user ran, for others who find it in their way. No secret.
    pub command: String,
    /// How long to wait for what another process holds.
    pub patience: Duration,
    /// Who is told of progress.
    pub report: Arc<dyn Report>,
    /// Where exchanges with the cloud are recorded, if they are.
    pub recorder: Option<Arc<dyn ExchangeSink>>,
}

impl Host {
    /// Opens a tenant for work: loads its plugin, lends it what the tenant allows, opens the state.
    ///
    /// # Errors
    ///
    /// As [`Host::load`] and [`Host::session`], and [`Error::State`].
    pub async fn open(
        &self,
        home: &Home,
        choice: &TenantChoice,
        options: OpenOptions,
    ) -> Result<Tenancy, Error> {
        let plugin = self.load(&choice.tenant.provider).await?;
        let store: Arc<dyn Store> = Arc::new(SqliteStore::open(home.state_file())?);
        let seal = Arc::new(Seal::open_or_create(home.master_key_file())?);
        let (tenant, kept_in) = (&choice.tenant, Some((&store, &seal)));
        let opened = self.kept_session(&plugin, tenant, &choice.base, options.recorder, kept_in);
        let (session, report) = opened.await?;
        for left_out in &report.left_out {
            tracing::info!(endpoint = left_out.name, reason = left_out.reason, "endpoint not granted");
        }
        let machines = self.machines_for(&plugin, tenant)?;
        let region = tenant.settings.get("region").map(ToString::to_string);
        Tenancy::open(TenancyParts {
            name: choice.name.clone(),
            region,
            cloud: Cloud::new(Arc::new(PluginProvider::new(plugin, session))),
            store,
            seal,
            holder: Holder::current(&options.command)?,
            defaults: choice.tenant.defaults.clone(),
            features: self.features(),
            report: options.report,
            patience: options.patience,
            machines,
        })
        .await
    }
}

impl Home {
    /// What is kept of all tenants' resources and operations.
    #[must_use]
    pub fn state_file(&self) -> PathBuf {
        self.state_folder().join("state.db")
    }
}
