//! What several checks need, made once and when first needed.

use tokio::sync::OnceCell;

use crate::checks::{hosts, networks};
use crate::context::Context;
use crate::failure::Failure;
use crate::listing;
use crate::machine::{self, Machine};

/// What was made so far, or why it could not be.
#[derive(Default)]
pub(crate) struct Fixtures {
    network: OnceCell<Result<String, String>>,
    subnet: OnceCell<Result<String, String>>,
    host: OnceCell<Result<String, String>>,
    machine: OnceCell<Result<Machine, String>>,
}

/// What a fixture gives, or that it is not there.
fn made<'a, T>(what: &'static str, made: &'a Result<T, String>) -> Result<&'a T, Failure> {
    made.as_ref().map_err(|reason| Failure::Blocked { what, reason: reason.clone() })
}

impl Context {
    /// A network that checks may put subnets into.
    pub(crate) async fn network(&self) -> Result<&str, Failure> {
        self.needs("networks")?;
        let network = || async {
            networks::create_network(self, "network").await.map_err(|failure| failure.to_string())
        };
        Ok(made("a network", self.fixtures.network.get_or_init(network).await)?)
    }

    /// A routed subnet that checks may put hosts into.
    pub(crate) async fn subnet(&self) -> Result<&str, Failure> {
        let network = self.network().await?;
        let subnet = || async {
            let subnet = networks::create_subnet(self, "subnet", network, networks::FIXTURE_CIDR, true);
            subnet.await.map_err(|failure| failure.to_string())
        };
        Ok(made("a routed subnet", self.fixtures.subnet.get_or_init(subnet).await)?)
    }

    /// A running host on the routed subnet.
    pub(crate) async fn host(&self) -> Result<&str, Failure> {
        self.needs("hosts")?;
        let host = || async {
            let spec = hosts::spec(self, "host").await.map_err(|failure| failure.to_string())?;
            hosts::create(self, &spec).await.map_err(|failure| failure.to_string())
        };
        Ok(made("a host", self.fixtures.host.get_or_init(host).await)?)
    }

    /// What hosts are made of.
    pub(crate) async fn machine(&self) -> Result<&Machine, Failure> {
        let machine = || async {
            let templates = listing::templates(self, self.provider()).await.map_err(|f| f.to_string())?;
            let images = listing::images(self, self.provider()).await.map_err(|f| f.to_string())?;
            machine::choose(&templates, &images, &self.options.machine).map_err(str::to_owned)
        };
        made("a choice of template and image", self.fixtures.machine.get_or_init(machine).await)
    }
}
