//! How networks come about: by Neutron, or as a dialect does it.

use std::fmt::Debug;

use serde_json::Value;
use skywright_sdk::networks::{Network, NetworkPage, NetworkSpec, Subnet, SubnetPage, SubnetSpec};
use skywright_sdk::operation::go_on;
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::cloud::{Cloud, network_client};
use crate::operation::Change;
use crate::port::{self, Port};
use crate::{network, neutron, subnet, subnet_create};

/// The family of networks, as the contract has it. Subnets' ids are Neutron's, whatever else a cloud calls
/// them: ports are made with them.
pub trait NetworkApi: Sync + Debug {
    /// `networks.create`.
    ///
    /// # Errors
    ///
    /// The cloud's, as for all that follow.
    fn create(&self, spec: &NetworkSpec) -> Result<Outcome, Error>;
    /// `networks.get`.
    fn get(&self, id: &str) -> Result<Network, Error>;
    /// `networks.list`.
    fn list(&self, tags: &[KeyValue], cursor: Option<&str>) -> Result<NetworkPage, Error>;
    /// `networks.set-tags`.
    fn set_tags(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error>;
    /// `networks.delete`.
    fn delete(&self, id: &str) -> Result<Outcome, Error>;
    /// `networks.abandon`.
    fn abandon(&self, key: &str) -> Result<Outcome, Error>;
    /// `networks.create-subnet`.
    fn create_subnet(&self, spec: &SubnetSpec) -> Result<Outcome, Error>;
    /// `networks.get-subnet`.
    fn get_subnet(&self, id: &str) -> Result<Subnet, Error>;
    /// `networks.list-subnets`.
    fn list_subnets(&self, network: Option<&str>, cursor: Option<&str>) -> Result<SubnetPage, Error>;
    /// `networks.set-subnet-tags`.
    fn set_subnet_tags(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error>;
    /// `networks.delete-subnet`.
    fn delete_subnet(&self, id: &str) -> Result<Outcome, Error>;
    /// `networks.abandon-subnet`.
    fn abandon_subnet(&self, key: &str) -> Result<Outcome, Error>;

    /// One step of a change whose state was given to [`pending`].
    ///
    /// # Errors
    ///
    /// `unknown-token` where there are no such changes.
    fn step(&self, _state: Value) -> Result<Progress<Value>, Error> {
        Err(Error::invalid("unknown-token", "there is no such change of networks here"))
    }
}

/// The outcome of a change that goes on by [`NetworkApi::step`].
///
/// # Errors
///
/// Those of the steps that follow at once.
pub fn pending(progress: Progress<Value>) -> Result<Outcome, Error> {
    go_on(progress.map(Change::Network))
}

/// A client for another API of the host that serves Neutron: at `/VERSION/PROJECT`, with the session.
///
/// # Errors
///
/// Those of the login, `no-endpoint`, and `no-project`.
pub fn project_api(version: &str) -> Result<Client, Error> {
    let cloud = Cloud::open()?;
    let neutron = cloud.network(&cloud.region()?)?;
    let project =
        cloud.project().ok_or_else(|| Error::invalid("no-project", "the login is of no project"))?;
    let origin = url::split_origin(neutron.base()).map_or_else(|| neutron.base(), |(origin, _)| origin);
    Ok(network_client(format!("{origin}/{version}/{}", url::encode(project))))
}

/// Nothing, unless something that is not the network's own has a port in one of Neutron's networks.
///
/// # Errors
///
/// `in-use`, with who is there, and those of Neutron.
pub fn network_in_use(network: &str) -> Result<(), Error> {
    let neutron = neutron::Neutron::open()?;
    let mut ports = neutron.many::<Port>().query("network_id", network).all()?;
    // A cloud that does not know the filter gives them all.
    ports.retain(|port| port.network_id == network && !port.is_router_interface());
    port::in_use("the subnet", &ports).map_or(Ok(()), Err)
}

/// The network of one of Neutron's subnets, if that is there.
///
/// # Errors
///
/// Those of Neutron.
pub fn network_of_subnet(subnet: &str) -> Result<Option<String>, Error> {
    let there = neutron::Neutron::open()?.one_if_there::<subnet::Subnet>(subnet)?;
    Ok(there.map(|subnet| subnet.network_id))
}

/// Neutron's way, with a router behind each network.
#[derive(Debug)]
pub(crate) struct Neutron;

impl NetworkApi for Neutron {
    fn create(&self, spec: &NetworkSpec) -> Result<Outcome, Error> {
        network::create(spec)
    }

    fn get(&self, id: &str) -> Result<Network, Error> {
        network::get(id)
    }

    fn list(&self, tags: &[KeyValue], cursor: Option<&str>) -> Result<NetworkPage, Error> {
        network::list(tags, cursor)
    }

    fn set_tags(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error> {
        network::set_tags(id, tags)
    }

    fn delete(&self, id: &str) -> Result<Outcome, Error> {
        network::delete(id)
    }

    fn abandon(&self, key: &str) -> Result<Outcome, Error> {
        network::abandon(key)
    }

    fn create_subnet(&self, spec: &SubnetSpec) -> Result<Outcome, Error> {
        go_on(subnet_create::start(spec)?.map(Change::SubnetCreate))
    }

    fn get_subnet(&self, id: &str) -> Result<Subnet, Error> {
        subnet::get(id)
    }

    fn list_subnets(&self, network: Option<&str>, cursor: Option<&str>) -> Result<SubnetPage, Error> {
        subnet::list(network, cursor)
    }

    fn set_subnet_tags(&self, id: &str, tags: &[KeyValue]) -> Result<(), Error> {
        subnet::set_tags(id, tags)
    }

    fn delete_subnet(&self, id: &str) -> Result<Outcome, Error> {
        subnet::delete(id)
    }

    fn abandon_subnet(&self, key: &str) -> Result<Outcome, Error> {
        subnet::abandon(key)
    }
}
