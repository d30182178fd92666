//! Sessions between processes: a login is kept, sealed, until it expires.
//!
//! Clouds allow few logins a minute, and a login is the slowest part of a small command.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use ring::digest::{Context, SHA256};
use skywright_egress::Secret;
use skywright_runtime::{Plugin, SessionMemory};
use skywright_state::{Key, Seal, Store, Transaction};
use zeroize::Zeroizing;

use crate::error::Error;
use crate::tenant::Tenant;

/// Where the session of one tenant is kept.
pub(crate) struct KeptSession {
    store: Arc<dyn Store>,
    seal: Arc<Seal>,
    key: Key,
    context: String,
}

impl KeptSession {
    /// The place of a tenant's session. It opens only for the same plugin, settings and secrets: who changes
    /// a password or a region logs in anew.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        seal: Arc<Seal>,
        plugin: &Plugin,
        tenant: &Tenant,
        secrets: &[(String, Secret)],
    ) -> Result<Self, Error> {
        let key = Key::of(["tenants", tenant.name.as_str(), "session"])?;
        let mut asked = Context::new(&SHA256);
        asked.update(format!("{:?} {:?}", tenant.settings, tenant.grants).as_bytes());
        for (name, secret) in secrets {
            for part in [name.as_str(), secret.expose()] {
                asked.update(&part.len().to_le_bytes());
                asked.update(part.as_bytes());
            }
        }
        let fingerprint: String = asked.finish().as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
        let context = format!("session/{}/{}/{fingerprint}", tenant.name, plugin.package().digest);
        Ok(Self { store, seal, key, context })
    }

    /// What the process before this one kept, if it can be opened.
    pub(crate) async fn before(&self) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let entry = self.store.get(&self.key).await?;
        Ok(entry.and_then(|entry| self.seal.unseal(&self.context, &entry.value).ok()))
    }

    async fn put(&self, content: &[u8]) -> Result<(), Error> {
        let sealed = self.seal.seal(&self.context, content)?;
        self.store.commit(Transaction::new().put(self.key.clone(), sealed)).await?;
        Ok(())
    }
}

impl SessionMemory for KeptSession {
    fn keep<'a>(&'a self, content: Zeroizing<Vec<u8>>) -> Pin<Box<dyn Future<Output = ()> + Send + 'a>> {
        Box::pin(async move {
            if let Err(error) = self.put(&content).await {
                tracing::warn!(%error, "the login is not kept for the next command");
            }
        })
    }
}
