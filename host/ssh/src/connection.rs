//! A machine that was connected to.

use std::fmt;
use std::sync::Arc;

use crate::client::Client;
use crate::error::Error;
use crate::hop::{Hop, Role};
use crate::host_key::HostKey;
use crate::link::Session;
use crate::target::Target;

/// A machine that was connected to. Cheap to clone, and used by as many tasks at once as one likes. It is the
/// machine rather than one TCP connection: what is started after a loss goes over a new one, through the other
/// gateway if need be.
#[derive(Clone)]
pub struct Connection {
    client: Client,
    target: Arc<Target>,
    host_key: HostKey,
    via: Option<Hop>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Connection").field(&self.hop()).finish()
    }
}

impl Connection {
    pub(crate) fn new(client: Client, target: Target, host_key: HostKey, via: Option<Hop>) -> Self {
        Self { client, target: Arc::new(target), host_key, via }
    }

    /// The host key that the machine has shown.
    #[must_use]
    pub fn host_key(&self) -> &HostKey {
        &self.host_key
    }

    /// The gateway that was gone through when it was connected to.
    #[must_use]
    pub fn via(&self) -> Option<&Hop> {
        self.via.as_ref()
    }

    /// Which machine it is.
    #[must_use]
    pub fn target(&self) -> &Target {
        &self.target
    }

    /// The machine as errors name it.
    #[must_use]
    pub fn hop(&self) -> Hop {
        self.target.endpoint.hop(Role::Target)
    }

    pub(crate) async fn session(&self) -> Result<Session, Error> {
        self.client.session(&self.target).await
    }

    /// Connections that are shared with nothing else.
    pub(crate) fn own_client(&self) -> Client {
        Client::new(self.client.settings().clone())
    }
}
