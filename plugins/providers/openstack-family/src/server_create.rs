//! How a host comes about: ports, then the server with them, then its public address.
//!
//! Ports and server are asked for at once: what carries the intent is in the cloud before the host waits for
//! the first time. The floating address comes last, when the server runs.
//!
//! A create that is asked for `again` looks for servers and ports of the intent first. Of several servers
//! (a request that was lost may have been carried out late) the oldest stays. Nothing is taken back when a
//! step fails: what is there carries the intent, for `again` or `abandon`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use skywright_sdk::driver::PublicAddressMode;
use skywright_sdk::hosts::{HostSpec, State};
use skywright_sdk::prelude::*;

use crate::cloud::Cloud;
use crate::metadata::Metadata;
use crate::neutron::Neutron;
use crate::port::Port;
use crate::server::{self, Server};
use crate::server_port::{self, Plug, Wanted};
use crate::{backoff, capabilities, external_network, server_address};

/// Nova makes up a password and shows it once. Nobody wants it: the host keeps it for a second, unseen.
const ADMIN_PASSWORD: &str = "discarded";

/// A host that is being built.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Creation {
    id: String,
    key: String,
    /// The port that gets a floating address.
    floating: Option<String>,
    /// Whether there may be more of the intent than there should be.
    again: bool,
    /// Servers of the intent that are one too many, and are being deleted.
    surplus: Vec<String>,
    polls: u32,
}

/// Asks for everything that must be there before the first wait.
pub(crate) fn begin(spec: &HostSpec) -> Result<Creation, Error> {
    let cloud = Cloud::open()?;
    let (compute, neutron) = (cloud.compute(&cloud.region()?)?, Neutron::open()?);
    let key = &spec.intent.key;
    let mode = spec.public_address.then(|| capabilities::public_address_mode(&neutron.client)).transpose()?;
    let plugs = plugs(&neutron, spec, mode)?;
    let floats = mode == Some(PublicAddressMode::Floating) && !spec.nics.is_empty();
    let creation = |id: String, port: Option<&str>, surplus| Creation {
        id,
        key: key.clone(),
        floating: port.filter(|_| floats).map(str::to_owned),
        again: spec.intent.again,
        surplus,
        polls: 0,
    };
    let (servers, ports) = if spec.intent.again {
        (server::of_intent(&compute, key, Some(&spec.name))?, server_port::of_intent(&neutron, key)?)
    } else {
        (Vec::new(), Vec::new())
    };
    if let Some((oldest, rest)) = servers.split_first() {
        let surplus = rest.iter().map(|server| server.id.clone()).collect::<Vec<_>>();
        for id in &surplus {
            server::delete(&compute, id)?;
        }
        // Its own first port, whatever the nics are said to be now: it is what there is to get an address.
        let mut own = ports.iter().filter(|port| port.device_id.is_empty() || port.device_id == oldest.id);
        let port =
            plugs.first().and_then(|plug| own.clone().find(|port| plug.fits(port))).or_else(|| own.next());
        if floats && port.is_none() {
            let error = Error::new(Category::Conflict, "no-port", "the server has no port of this intent");
            return Err(error.with_subject(&oldest.id));
        }
        return Ok(creation(oldest.id.clone(), port.map(Port::id), surplus));
    }
    let wanted = Wanted { name: &spec.name, key, security_groups: &spec.security_groups };
    let ports = server_port::ensure(&neutron, &wanted, &plugs, ports)?;
    let id = create(&compute, spec, &ports)?;
    Ok(creation(id, ports.first().map(String::as_str), Vec::new()))
}

/// One for each nic. The public network comes first where the host gets a nic of its own there, as that is
/// where its default route goes, and alone where it has no nics.
fn plugs(neutron: &Neutron, spec: &HostSpec, mode: Option<PublicAddressMode>) -> Result<Vec<Plug>, Error> {
    let mut plugs = Vec::with_capacity(spec.nics.len() + 1);
    if spec.nics.is_empty() || mode == Some(PublicAddressMode::ExtraNic) {
        plugs.push(Plug::Public { network: external_network::id(neutron)? });
    }
    for nic in &spec.nics {
        plugs.push(Plug::Nic { nic: nic.clone(), subnet: server_port::subnet(neutron, &nic.subnet)? });
    }
    Ok(plugs)
}

#[derive(Deserialize)]
struct Created {
    server: CreatedServer,
}

#[derive(Deserialize)]
struct CreatedServer {
    id: String,
}

fn create(compute: &Client, spec: &HostSpec, ports: &[String]) -> Result<String, Error> {
    let body = body(spec, ports)?;
    let call = compute.post("/servers").json_body(&body);
    let created: Created = call.capture_json("/server/adminPass", ADMIN_PASSWORD, 1).json()?;
    Ok(created.server.id)
}

fn body(spec: &HostSpec, ports: &[String]) -> Result<Value, Error> {
    let ports: Vec<Value> = ports.iter().map(|port| json!({ "port": port })).collect();
    let mut server = json!({
        "name": spec.name,
        "flavorRef": spec.template,
        "networks": ports,
        "metadata": Metadata::of(&spec.intent.key, &spec.tags)?,
    });
    match spec.boot_disk_gib {
        None => server["imageRef"] = json!(spec.image),
        Some(size_gib) => {
            server["block_device_mapping_v2"] = json!([{
                "boot_index": 0,
                "source_type": "image",
                "uuid": spec.image,
                "destination_type": "volume",
                "volume_size": size_gib,
                "delete_on_termination": true,
            }]);
        }
    }
    if !spec.user_data.is_empty() {
        server["user_data"] = json!(STANDARD.encode(&spec.user_data));
    }
    if let Some(keypair) = &spec.keypair {
        server["key_name"] = json!(keypair);
    }
    if let Some(zone) = &spec.zone {
        server["availability_zone"] = json!(zone);
    }
    Ok(json!({ "server": server }))
}

impl Operation for Creation {
    fn step(self) -> Result<Progress<Self>, Error> {
        let cloud = Cloud::open()?;
        let compute = cloud.compute(&cloud.region()?)?;
        let server = server::get(&compute, &self.id)?;
        match server.state() {
            State::Running if server.is_idle() => {}
            State::Failed => return Err(server.failure()),
            State::Deleting | State::Deleted => {
                let error =
                    Error::new(Category::NotFound, "deleted", "the server was deleted while it was built");
                return Err(error.with_subject(&server.id));
            }
            // Somebody stopped it already: it was built.
            State::Stopped if server.is_idle() => {}
            _ => return Ok(self.wait(&server)),
        }
        if self.again && !self.tidied(&compute)? {
            return Ok(self.wait(&server));
        }
        if let Some(port) = &self.floating {
            server_address::ensure(&Neutron::open()?, &self.key, port)
                .map_err(|error| error.with_subject(&self.id))?;
        }
        Ok(Progress::Done(self.id))
    }
}

impl Creation {
    /// To be looked at before it has built anything: nothing is as quick as that.
    pub(crate) fn first_wait(self) -> Progress<Self> {
        let after_ms = backoff::after_ms(self.polls);
        Progress::wait(Self { polls: 1, ..self }, after_ms, "building")
    }

    fn wait(mut self, server: &Server) -> Progress<Self> {
        let after_ms = backoff::after_ms(self.polls);
        self.polls = self.polls.saturating_add(1);
        let task = server.task.as_deref().unwrap_or("building").replace('_', " ");
        Progress::wait(self, after_ms, task)
    }

    /// Takes away what is of the intent and not of the server. The server runs, so its ports are its own by now.
    fn tidied(&self, compute: &Client) -> Result<bool, Error> {
        for id in &self.surplus {
            if server::find(compute, id)?.is_some() {
                return Ok(false);
            }
        }
        let neutron = Neutron::open()?;
        for port in server_port::of_intent(&neutron, &self.key)? {
            if port.device_id.is_empty() {
                neutron.delete::<Port>(port.id())?;
            }
        }
        Ok(true)
    }
}
