//! Machines as they are written down.

use std::net::Ipv4Addr;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::State;
use crate::error::Error;
use crate::id::{GroupId, IntentKey, MachineId};
use crate::model::{
    Backend, HostKey, Machine, MachineSpec, MachineState, Port, PortSpec, Progress, Size, Tags,
};
use crate::process::Process;

/// The most user-data that clouds commonly take.
const MAX_USER_DATA_BYTES: usize = 64 << 10;

/// A machine, and what of it nobody needs to know. Its user-data is a file.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MachineRecord {
    pub(crate) id: MachineId,
    pub(crate) name: String,
    pub(crate) intent: IntentKey,
    pub(crate) image: String,
    /// What runs it. Records of before there was a choice are of containers.
    #[serde(default)]
    pub(crate) backend: Backend,
    pub(crate) size: Size,
    pub(crate) ports: Vec<Port>,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) login_keys: Vec<String>,
    pub(crate) attributes: Tags,
    pub(crate) tags: Tags,
    pub(crate) created_at: String,
    /// What is to be done with it, or what was last.
    pub(crate) phase: MachineState,
    pub(crate) fault: Option<String>,
    /// Stopped without being asked.
    pub(crate) force: bool,
    /// Started anew once it has stopped.
    pub(crate) restart: bool,
    /// The folder of the image that it was made from, which does not change with newer images.
    pub(crate) layer: Option<String>,
    pub(crate) host_keys: Vec<HostKey>,
    /// What supervises it, if it was started.
    pub(crate) process: Option<Process>,
}

impl MachineRecord {
    /// Its state now: one that ended by itself is stopped, whatever was last done with it.
    pub(crate) fn state(&self) -> MachineState {
        match self.phase {
            MachineState::Running if !self.process.is_some_and(Process::is_alive) => MachineState::Stopped,
            phase => phase,
        }
    }

    pub(crate) fn view(&self, public_address: Option<Ipv4Addr>, note: Option<Progress>) -> Machine {
        let state = self.state();
        let settled = matches!(state, MachineState::Running | MachineState::Stopped | MachineState::Failed);
        Machine {
            id: self.id,
            name: self.name.clone(),
            state,
            progress: note.filter(|_| !settled),
            image: self.image.clone(),
            size: self.size,
            ports: self.ports.clone(),
            public_address,
            groups: self.groups.clone(),
            host_keys: self.host_keys.clone(),
            created_at: self.created_at.clone(),
            fault: self.fault.clone(),
            attributes: self.attributes.clone(),
            intent: self.intent.clone(),
            tags: self.tags.clone(),
        }
    }
}

impl State {
    pub(crate) fn machine(&self, id: MachineId) -> Result<&MachineRecord, Error> {
        self.machines.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn machine_mut(&mut self, id: MachineId) -> Result<&mut MachineRecord, Error> {
        self.machines.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    /// How many machines are containers.
    pub(crate) fn containers(&self) -> u64 {
        self.machines.values().filter(|machine| machine.backend == Backend::Containers).map(|_| 1).sum()
    }

    /// The public address that leads to a machine, or that it has itself.
    pub(crate) fn public_address_of(&self, machine: &MachineRecord) -> Option<Ipv4Addr> {
        let own = machine.ports.iter().find(|port| port.subnet.is_none()).map(|port| port.address);
        let leads = |known: &&crate::model::PublicAddress| known.machine == Some(machine.id);
        own.or_else(|| self.addresses.values().find(leads).map(|known| known.address))
    }

    /// Writes down a machine to be made. `created_at` is now; `home` tells its addresses from other homes'.
    pub(crate) fn create_machine(
        &mut self,
        spec: &MachineSpec,
        backend: Backend,
        home: &str,
        created_at: String,
    ) -> Result<MachineId, Error> {
        if let Some(made) = self.machines.values().find(|machine| machine.intent == spec.intent) {
            return Ok(made.id);
        }
        check_spec(spec, backend)?;
        for group in &spec.groups {
            self.group(*group)?;
        }
        let id = MachineId(self.number());
        let record = MachineRecord {
            id,
            name: spec.name.clone(),
            intent: spec.intent.clone(),
            image: spec.image.clone(),
            backend,
            size: spec.size,
            ports: Vec::new(),
            groups: spec.groups.clone(),
            login_keys: spec.login_keys.clone(),
            attributes: spec.attributes.clone(),
            tags: spec.tags.clone(),
            created_at,
            phase: MachineState::Creating,
            fault: None,
            force: false,
            restart: false,
            layer: None,
            host_keys: Vec::new(),
            process: None,
        };
        self.machines.insert(id, record);
        for (number, port) in spec.ports.iter().enumerate() {
            let port = self.make_port(port, hardware_address(home, id, number))?;
            self.machine_mut(id)?.ports.push(port);
        }
        if spec.ports.is_empty() {
            let address = self.free_public_address()?;
            self.machine_mut(id)?.ports.push(Port {
                subnet: None,
                address,
                mac: hardware_address(home, id, 0),
                allowed_addresses: Vec::new(),
                forwards: false,
            });
        } else if spec.public_address {
            let address = self.allocate_address(None, None, Vec::new())?;
            self.associate_address(address.id, id)?;
        }
        Ok(id)
    }

    fn make_port(&self, spec: &PortSpec, mac: String) -> Result<Port, Error> {
        Ok(Port {
            subnet: Some(spec.subnet),
            address: self.free_address(spec.subnet, spec.fixed_address)?,
            mac,
            allowed_addresses: spec.allowed_addresses.clone(),
            forwards: spec.forwards,
        })
    }

    /// Takes from a machine that is going whatever it had, with the public address that came with it.
    pub(crate) fn strip_machine(&mut self, id: MachineId) {
        if let Some(machine) = self.machines.get_mut(&id) {
            machine.ports.clear();
            machine.groups.clear();
        }
        self.addresses.retain(|_, address| address.machine != Some(id) || address.intent.is_some());
        for address in self.addresses.values_mut().filter(|address| address.machine == Some(id)) {
            address.machine = None;
        }
        for address in self.virtual_ips.values_mut() {
            address.machines.retain(|bound| *bound != id);
        }
        let attached: Vec<_> = self.disks_of(id).map(|disk| disk.id).collect();
        for disk in attached {
            let _ = self.detach_disk(disk);
        }
    }
}

fn check_spec(spec: &MachineSpec, backend: Backend) -> Result<(), Error> {
    let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
    let ends = spec.name.starts_with('-') || spec.name.ends_with('-');
    if spec.name.is_empty() || spec.name.len() > 63 || ends || !spec.name.bytes().all(letters) {
        let reason = "it is no host name: 1 to 63 of [a-z0-9-], not at the ends `-`";
        return Err(Error::invalid(format!("the name `{}`", crate::id::printable(&spec.name)), reason));
    }
    check_size(spec.size)?;
    for key in &spec.login_keys {
        if key.contains(['\n', '\r']) || ssh_key::PublicKey::from_openssh(key).is_err() {
            return Err(Error::invalid("a login key", "it is not an OpenSSH public key"));
        }
    }
    check_user_data(&spec.user_data, backend)
}

pub(crate) fn check_size(size: Size) -> Result<(), Error> {
    if size.vcpus == 0 || size.memory_mib < 64 || size.disk_gib == 0 || size.disk_gib > 16 << 10 {
        let reason = "it has less than 1 processor, 64 MiB, or 1 GiB, or more than 16384 GiB";
        return Err(Error::invalid("the machine's size", reason));
    }
    Ok(())
}

fn check_user_data(user_data: &[u8], backend: Backend) -> Result<(), Error> {
    if user_data.len() > MAX_USER_DATA_BYTES {
        return Err(Error::invalid("the user-data", "it has more than 64 KiB"));
    }
    let is_script = user_data.is_empty() || user_data.starts_with(b"#!");
    if backend == Backend::Containers && !is_script {
        return Err(Error::Unsupported {
            what: "user-data that is not a script".to_owned(),
            hint: Some("begin it with `#!/bin/sh`: this image does not run cloud-config, those of the backend `qemu` do".to_owned()),
        });
    }
    Ok(())
}

/// A hardware address of the kind that nobody owns.
fn hardware_address(home: &str, machine: MachineId, port: usize) -> String {
    let digest = Sha256::digest(format!("{home} {machine} {port}"));
    let bytes: Vec<String> = digest.iter().take(5).map(|byte| format!("{byte:02x}")).collect();
    format!("02:{}", bytes.join(":"))
}

#[cfg(test)]
pub(crate) mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A record as a release wrote it that knew no backends.
    fn old() -> Value {
        json!({
            "id": "m3",
            "name": "web",
            "intent": "key",
            "image": "debian-12",
            "size": { "vcpus": 2, "memory_mib": 768, "disk_gib": 4 },
            "ports": [{
                "subnet": null, "address": "10.1.2.3", "mac": "02:00:00:00:00:01",
                "allowed_addresses": [], "forwards": false,
            }],
            "groups": [], "login_keys": [], "attributes": [], "tags": [],
            "created_at": "2026-11-22T00:00:00Z",
            "phase": "stopped", "fault": null, "force": false, "restart": false,
            "layer": null, "host_keys": [], "process": null,
        })
    }

    /// One on this backend.
    pub(crate) fn record(backend: Backend) -> MachineRecord {
        MachineRecord { backend, ..serde_json::from_value(old()).unwrap() }
    }

    #[test]
    fn a_record_without_a_backend_is_of_a_container() {
        assert_eq!(record_of(&old()).backend, Backend::Containers);
        let mut new = old();
        new["backend"] = json!("qemu");
        assert_eq!(record_of(&new).backend, Backend::Qemu);
        assert_eq!(serde_json::to_value(record(Backend::Qemu)).unwrap()["backend"], "qemu");
    }

    fn record_of(value: &Value) -> MachineRecord {
        serde_json::from_value(value.clone()).unwrap()
    }

    #[test]
    fn cloud_config_is_for_machines_that_run_cloud_init() {
        let config = b"#cloud-config\n{}\n";
        assert_eq!(check_user_data(config, Backend::Containers).unwrap_err().code(), "unsupported-here");
        for backend in Backend::ALL {
            check_user_data(b"#!/bin/sh\n", backend).unwrap();
            check_user_data(b"", backend).unwrap();
        }
        check_user_data(config, Backend::Qemu).unwrap();
        assert_eq!(check_user_data(&[b'#'; 65 << 10], Backend::Qemu).unwrap_err().code(), "argument");
    }
}
