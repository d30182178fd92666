//! Leftovers of a crash: what carries the home's tag on this machine and is in no record of it.

use std::fs;

use serde::Serialize;

use crate::command::Command;
use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};
use crate::model::MachineState;
use crate::state::{self, State};
use crate::{cgroup, machine, mount, net};

/// What was found and removed, for people: `network namespace sw-abcdef-m3`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Reconciled {
    /// What nothing knew of.
    pub removed: Vec<String>,
    /// The machines whose deletion was cut off, and is done now.
    pub finished: Vec<MachineId>,
}

impl Reconciled {
    /// Whether there was nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.finished.is_empty()
    }
}

pub(crate) fn reconcile(home: &Home) -> Result<Reconciled, Error> {
    let mut done = Reconciled::default();
    let state = state::read(home)?;
    for machine in state.machines.values().filter(|machine| machine.phase == MachineState::Deleting) {
        machine::work(home, machine.id)?;
        // Where another process is at it, it is that one's.
        if !state::read(home)?.machines.contains_key(&machine.id) {
            done.finished.push(machine.id);
        }
    }
    // Held so that nothing new is begun while we take what is begun for a leftover.
    let lock = home.lock("state")?;
    let state = state::read(home)?;
    remove_groups(home, &state, &mut done)?;
    remove_folders(home, &state, &mut done)?;
    remove_disks(home, &state, &mut done)?;
    remove_namespaces(home, &state, &mut done)?;
    let cables = net::remove_strange_cables(home, &state)?.into_iter();
    done.removed.extend(cables.map(|cable| format!("link {cable}")));
    for (_, trace) in machine::traces(home).into_iter().filter(|(id, _)| !state.machines.contains_key(id)) {
        // It is empty, unless it is another's.
        if fs::remove_dir(&trace).is_ok() {
            done.removed.push(format!("folder {}", trace.display()));
        }
    }
    drop(lock);
    remove_rules(home, &state, &mut done)?;
    Ok(done)
}

fn remove_groups(home: &Home, state: &State, done: &mut Reconciled) -> Result<(), Error> {
    for (folder, machines) in cgroup::of_home(home)? {
        for id in machines.into_iter().filter(|id| !state.machines.contains_key(id)) {
            let group = folder.join(id.to_string());
            cgroup::remove(&group)?;
            done.removed.push(format!("control group {}", group.display()));
        }
        if state.machines.is_empty() {
            cgroup::remove(&folder)?;
        }
    }
    Ok(())
}

fn remove_folders(home: &Home, state: &State, done: &mut Reconciled) -> Result<(), Error> {
    for entry in fs::read_dir(home.machines()).into_iter().flatten().flatten() {
        let id: Option<MachineId> = entry.file_name().to_str().and_then(|name| name.parse().ok());
        if id.is_some_and(|id| !state.machines.contains_key(&id)) {
            mount::remove_folder(&entry.path())?;
            done.removed.push(format!("folder {}", entry.path().display()));
        }
    }
    Ok(())
}

fn remove_disks(home: &Home, state: &State, done: &mut Reconciled) -> Result<(), Error> {
    for device in machine::devices_of(home) {
        let name = device.file.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
        let owner = name.parse::<DiskId>().ok().and_then(|id| state.disks.get(&id)?.machine);
        let of_machine = device.file.parent().and_then(|folder| folder.file_name()?.to_str()?.parse().ok());
        let machine: Option<MachineId> = owner.or(of_machine);
        if !machine.is_some_and(|id| state.machines.contains_key(&id)) {
            mount::detach_loops(&device.file)?;
            done.removed.push(format!("loop device {}", device.name));
        }
    }
    for entry in fs::read_dir(home.disks()).into_iter().flatten().flatten() {
        let path = entry.path();
        let id: Option<DiskId> = path.file_stem().and_then(|name| name.to_str()?.parse().ok());
        if id.is_some_and(|id| !state.disks.contains_key(&id)) {
            fs::remove_file(&path).map_err(Error::file(&path))?;
            done.removed.push(format!("disk {}", path.display()));
        }
    }
    Ok(())
}

fn remove_namespaces(home: &Home, state: &State, done: &mut Reconciled) -> Result<(), Error> {
    let mut known: Vec<String> = state.networks.keys().map(|id| home.network_namespace(*id)).collect();
    known.extend(state.machines.keys().map(|id| home.machine_namespace(*id)));
    if !state.is_idle() {
        known.push(home.public_namespace());
    }
    for namespace in
        net::of_home(home).into_iter().filter(|found| !known.iter().any(|name| name == found.name()))
    {
        namespace.remove()?;
        done.removed.push(format!("network namespace {}", namespace.name()));
    }
    Ok(())
}

fn remove_rules(home: &Home, state: &State, done: &mut Reconciled) -> Result<(), Error> {
    if state.is_idle() {
        let tables = Command::new("nft").args(["list", "tables", "ip"]).run()?;
        if tables.lines().any(|line| line.trim() == format!("table ip {}", home.table())) {
            done.removed.push(format!("nftables table {}", home.table()));
        }
        net::remove_public_if_idle(home)?;
    }
    Ok(())
}
