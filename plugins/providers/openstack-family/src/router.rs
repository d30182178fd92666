//! Neutron's routers. The contract has none: a subnet that is routed has one behind it, which is made with the
//! first routed subnet of a network and goes with the last.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::prelude::*;
use skywright_sdk::url;

use crate::external_network;
use crate::neutron::{Neutron, Resource, Standard, fields, is_unknown_path, unless_gone};
use crate::port::Port;

/// A router.
#[derive(Debug, Deserialize)]
pub(crate) struct Router {
    #[serde(flatten)]
    pub(crate) standard: Standard,
    external_gateway_info: Option<Gateway>,
}

#[derive(Debug, Deserialize)]
struct Gateway {}

impl Resource for Router {
    const ONE: &'static str = "router";
    const MANY: &'static str = "routers";

    fn standard(&self) -> &Standard {
        &self.standard
    }
}

impl Router {
    /// Whether it leads out of the cloud.
    pub(crate) fn has_gateway(&self) -> bool {
        self.external_gateway_info.is_some()
    }

    /// Whether it was made here for a network.
    fn is_of(&self, network: &str) -> bool {
        self.standard.description.as_deref() == Some(&description(network))
    }
}

/// By which it is found again.
fn description(network: &str) -> String {
    format!("[skywright router of network {network}]")
}

/// The router of a network that was made here, the oldest if there are several.
fn of_network(neutron: &Neutron, network: &str) -> Result<Option<Router>, Error> {
    let mut routers = neutron.many::<Router>().query("description", description(network)).all()?;
    routers.retain(|router| router.is_of(network));
    routers.sort_by(|a, b| a.standard.age().cmp(&b.standard.age()));
    Ok(routers.into_iter().next())
}

/// The id of a network's router, which is made if it is not there.
pub(crate) fn ensure(neutron: &Neutron, network: &str, name: &str) -> Result<String, Error> {
    if let Some(router) = of_network(neutron, network).map_err(no_router)? {
        return Ok(router.standard.id);
    }
    let wanted = json!({
        "name": name,
        "description": description(network),
        "external_gateway_info": { "network_id": external_network::id(neutron)? },
    });
    Ok(neutron.post::<Router>(fields(wanted)).map_err(no_router)?.standard.id)
}

/// A Neutron without routers does not know where they would be.
fn no_router(error: Error) -> Error {
    if is_unknown_path(&error) {
        let error = Error::unsupported("no-router", "the cloud has no routers");
        return error.with_hint("make the subnet without `routed`");
    }
    error
}

/// Puts a subnet behind a router. `false` if the router has gone in between.
pub(crate) fn add_subnet(neutron: &Neutron, router: &str, subnet: &str) -> Result<bool, Error> {
    let there = neutron.many::<Port>().query("device_id", router).all()?;
    if there.iter().any(|port| port.is_router_interface() && port.is_in(subnet)) {
        return Ok(true);
    }
    let call = neutron.client.put(&format!("/routers/{}/add_router_interface", url::encode(router)));
    match call.json_body(&json!({ "subnet_id": subnet })).send() {
        Ok(_) => Ok(true),
        // Which the one that was sent again hears.
        Err(error) if error.message.contains("already has a port on subnet") => Ok(true),
        Err(error) if error.code == "RouterNotFound" => Ok(false),
        Err(error) => Err(error.with_subject(subnet)),
    }
}

/// Takes a subnet from behind a router; one that is not there is done.
pub(crate) fn remove_subnet(neutron: &Neutron, router: &str, subnet: &str) -> Result<(), Error> {
    let call = neutron.client.put(&format!("/routers/{}/remove_router_interface", url::encode(router)));
    match unless_gone(call.json_body(&json!({ "subnet_id": subnet })).send()) {
        Ok(_) => Ok(()),
        Err(error) => Err(error.with_subject(subnet)),
    }
}

/// Deletes those of these routers, and of a network's, that were made here for it and lead to no subnet any more.
pub(crate) fn delete_idle(neutron: &Neutron, network: &str) -> Result<(), Error> {
    let routers = neutron.many::<Router>().query("description", description(network)).all();
    // A Neutron without routers has none to delete.
    let routers = unless_gone(routers)?.unwrap_or_default();
    for router in routers.iter().filter(|router| router.is_of(network)) {
        let id = &router.standard.id;
        let ports = neutron.many::<Port>().query("device_id", id).all()?;
        if ports.iter().any(Port::is_router_interface) {
            continue;
        }
        match neutron.delete::<Router>(id) {
            // Another subnet was put behind it just now.
            Err(error) if error.category == Category::InUse => {}
            answer => drop(answer?),
        }
    }
    Ok(())
}
