//! The family of hosts.

use serde::Deserialize;
use serde_json::json;
use skywright_sdk::hosts::{self, Address, Host, HostPage, HostSpec, State};
use skywright_sdk::operation;
use skywright_sdk::prelude::*;

use crate::cloud::{Cloud, page_size};
use crate::families::{Dialect, Provider, of};
use crate::neutron::Neutron;
use crate::operation::Change;
use crate::server::{self, Server, Servers};
use crate::{floating_ip, server_action, server_create, server_delete, server_port};

impl<D: Dialect> hosts::Guest for Provider<D> {
    fn create(spec: HostSpec) -> Result<Outcome, Error> {
        of::<D, _>(|| {
            let creation = server_create::begin(&spec)?;
            operation::resume(creation.first_wait().map(Change::HostCreation))
        })
    }

    fn get(id: String) -> Result<Host, Error> {
        of::<D, _>(|| get(&id))
    }

    fn list(tags: Vec<KeyValue>, cursor: Option<String>) -> Result<HostPage, Error> {
        of::<D, _>(|| page(&tags, cursor.as_deref()))
    }

    fn delete(id: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_delete::begin(id)?.first().map(Change::HostDeletion)))
    }

    fn abandon(key: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_delete::abandon(key)?.first().map(Change::HostDeletion)))
    }

    fn start(id: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_action::start(id)?.map(Change::HostPower)))
    }

    fn stop(id: String, _force: bool) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_action::stop(id)?.map(Change::HostPower)))
    }

    fn reboot(id: String, force: bool) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_action::reboot(id, force)?.map(Change::HostPower)))
    }

    fn resize(id: String, template: String) -> Result<Outcome, Error> {
        of::<D, _>(|| operation::resume(server_action::resize(id, template).map(Change::HostResizing)))
    }

    fn set_tags(id: String, tags: Vec<KeyValue>) -> Result<(), Error> {
        of::<D, _>(|| set_tags(&id, &tags))
    }

    fn console(id: String, lines: u32) -> Result<String, Error> {
        of::<D, _>(|| console(&id, lines))
    }
}

/// A server with its ports. Nova tells of a floating IP some time after Neutron knows it, so Neutron is asked.
fn get(id: &str) -> Result<Host, Error> {
    let cloud = Cloud::open()?;
    let server = server::get(&cloud.compute(&cloud.region()?)?, id)?;
    let neutron = Neutron::open()?;
    let ports = server_port::of_servers(&neutron, &[id])?;
    let mut host = server.into_host(&ports);
    if host.addresses.iter().any(|address| address.public) {
        return Ok(host);
    }
    let floating = floating_ip::of_ports(&neutron, &ports)?.into_iter();
    host.addresses.extend(floating.map(|address| Address { address, subnet: None, public: true }));
    Ok(host)
}

/// A page of servers, and a listing of their ports, which tell the subnets.
fn page(tags: &[KeyValue], cursor: Option<&str>) -> Result<HostPage, Error> {
    let cloud = Cloud::open()?;
    let compute = cloud.compute(&cloud.region()?)?;
    let page = compute.pages("/servers/detail").query("limit", page_size()?).page::<Servers>(cursor)?;
    let wanted = |server: &Server| server.state() != State::Deleted && server.metadata.has(tags);
    let servers: Vec<Server> = page.items.into_iter().filter(wanted).collect();
    let ids: Vec<&str> = servers.iter().map(|server| server.id.as_str()).collect();
    let ports = server_port::of_servers(&Neutron::open()?, &ids)?;
    let items = servers.into_iter().map(|server| server.into_host(&ports)).collect();
    Ok(HostPage { items, next: page.next })
}

fn set_tags(id: &str, tags: &[KeyValue]) -> Result<(), Error> {
    let cloud = Cloud::open()?;
    let compute = cloud.compute(&cloud.region()?)?;
    let items = server::get(&compute, id)?.metadata.with_tags(tags)?;
    compute.put(&format!("{}/metadata", server::path(id))).json_body(&json!({ "metadata": items })).send()?;
    Ok(())
}

#[derive(Deserialize)]
struct Console {
    /// `null` where the hypervisor has none yet.
    output: Option<String>,
}

fn console(id: &str, lines: u32) -> Result<String, Error> {
    let cloud = Cloud::open()?;
    let compute = cloud.compute(&cloud.region()?)?;
    let call = compute.post(&format!("{}/action", server::path(id))).replay(Replay::Safe);
    let body = json!({ "os-getConsoleOutput": { "length": lines } });
    let console: Console = call.json_body(&body).json().map_err(|error| error.with_subject(id))?;
    Ok(console.output.unwrap_or_default())
}
