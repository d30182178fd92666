//! One machine: how it is made, started, stopped and taken away.

mod launch;
mod seed;
mod storage;
mod vm;

use std::fs;
use std::time::Duration;

use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};
use crate::image;
use crate::model::{Backend, MachineState, Progress};
use crate::process::Process;
use crate::state::{self, MachineRecord};
use crate::{cgroup, mount, net};

pub(crate) use launch::traces;
pub(crate) use storage::{devices_of, make_image};
pub(crate) use vm::without_kvm;

/// How long a machine has to stop before it is ended.
const STOP: Duration = Duration::from_secs(30);

/// Goes on with whatever is to be done with a machine, until nothing is. One that another process, or
/// another thread, works on is left to it.
pub(crate) fn work(home: &Home, id: MachineId) -> Result<(), Error> {
    let Some(_lock) = home.try_lock(&id.to_string())? else { return Ok(()) };
    while step(home, id)? {}
    Ok(())
}

/// One step. False when there is none.
fn step(home: &Home, id: MachineId) -> Result<bool, Error> {
    let state = state::read(home)?;
    let Some(machine) = state.machines.get(&id) else { return Ok(false) };
    let begun = machine.phase;
    let done = match begun {
        MachineState::Running | MachineState::Stopped | MachineState::Failed => return Ok(false),
        MachineState::Creating => make(home, machine).and_then(|()| start_made(home, id)),
        MachineState::Starting => start(home, id),
        MachineState::Stopping => stop(home, machine),
        MachineState::Deleting => {
            return delete(home, machine).map(|()| false).map_err(|e| keep(home, id, begun, e));
        }
    };
    match (begun, done) {
        (MachineState::Stopping, Err(error)) => Err(keep(home, id, begun, error)),
        (_, Err(error)) => {
            tracing::debug!(machine = %id, %error, "a machine could not be made or started");
            fail(home, id, begun, &error)?;
            // What was half started is not left running.
            release(home, id)?;
            Ok(true)
        }
        (_, Ok(())) => Ok(true),
    }
}

/// Keeps what went wrong, for who asks next.
fn keep(home: &Home, id: MachineId, begun: MachineState, error: Error) -> Error {
    let _ = change_in(home, id, begun, |machine| machine.fault = Some(error.to_string()));
    error
}

fn fail(home: &Home, id: MachineId, begun: MachineState, error: &Error) -> Result<(), Error> {
    change_in(home, id, begun, |machine| {
        machine.phase = MachineState::Failed;
        machine.fault = Some(error.to_string());
    })
}

/// Changes a machine that is still in this phase. Where it was told something else meanwhile, that holds.
fn change_in(
    home: &Home,
    id: MachineId,
    phase: MachineState,
    change: impl FnOnce(&mut MachineRecord),
) -> Result<(), Error> {
    state::change(home, |state| {
        if let Some(machine) = state.machines.get_mut(&id).filter(|machine| machine.phase == phase) {
            change(machine);
        }
        Ok(())
    })
}

/// Makes its disk and what is on it. It has never been started.
fn make(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    let tell = |progress| note(home, machine.id, Some(progress));
    let image = image::ensure(home, &machine.image, machine.backend, tell)?;
    tell(Progress { percent: Some(96), note: "making the disk".to_owned() });
    let layer = image.display().to_string();
    state::change(home, |state| {
        state.machine_mut(machine.id)?.layer = Some(layer.clone());
        Ok(())
    })?;
    let machine = MachineRecord { layer: Some(layer), ..machine.clone() };
    cgroup::end(home, machine.id)?;
    let state = state::read(home)?;
    let keys = match machine.backend {
        Backend::Containers => {
            storage::mount(home, &machine)?;
            seed::plant(home, &state, &machine)?
        }
        Backend::Qemu => vm::make(home, &state, &machine)?,
    };
    state::change(home, |state| {
        state.machine_mut(machine.id)?.host_keys = keys;
        Ok(())
    })
}

/// Starts one that was just made, unless it is to go by now: an image takes minutes.
fn start_made(home: &Home, id: MachineId) -> Result<(), Error> {
    match state::read(home)?.machine(id)?.phase {
        MachineState::Creating => start(home, id),
        _ => Ok(()),
    }
}

fn start(home: &Home, id: MachineId) -> Result<(), Error> {
    note(home, id, Some(Progress { percent: Some(98), note: "starting".to_owned() }));
    // One start may have been cut off: whatever it began is ended first.
    cgroup::end(home, id)?;
    let machine = state::read(home)?.machine(id)?.clone();
    let process = match machine.backend {
        Backend::Containers => start_container(home, &machine)?,
        Backend::Qemu => vm::start(home, &machine)?,
    };
    note(home, id, None);
    state::change(home, |state| {
        let machine = state.machine_mut(id)?;
        machine.process = Some(process);
        if matches!(machine.phase, MachineState::Creating | MachineState::Starting) {
            machine.phase = MachineState::Running;
            machine.fault = None;
        }
        Ok(())
    })
}

fn start_container(home: &Home, machine: &MachineRecord) -> Result<Process, Error> {
    storage::mount(home, machine)?;
    net::connect(home, machine.id)?;
    let joins = cgroup::make(home, machine.id, machine.size)?;
    let devices = storage::plug_all(home, machine.id)?;
    cgroup::restrict_devices(home, machine.id, &devices)?;
    launch::launch(home, machine, &joins)
}

fn stop(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    note(home, machine.id, Some(Progress { percent: None, note: "stopping".to_owned() }));
    halt(home, machine)?;
    note(home, machine.id, None);
    change_in(home, machine.id, MachineState::Stopping, |machine| {
        machine.phase = if machine.restart { MachineState::Starting } else { MachineState::Stopped };
        (machine.process, machine.fault, machine.restart, machine.force) = (None, None, false, false);
    })
}

/// Asks it to power off, unless by force, ends what is left, and lets go of what it used.
fn halt(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    if let Some(process) = machine.process.filter(|_| !machine.force) {
        let has_ended = match machine.backend {
            Backend::Containers => launch::power_off(process, STOP)?,
            Backend::Qemu => vm::power_off(home, machine.id, process)?,
        };
        if !has_ended {
            tracing::debug!(machine = %machine.id, "it did not power off in time, and is ended");
        }
    }
    release(home, machine.id)
}

/// Ends whatever runs in it, and takes away its mounts, links, groups and devices. Its disk stays.
pub(crate) fn release(home: &Home, id: MachineId) -> Result<(), Error> {
    cgroup::end(home, id)?;
    storage::unmount(home, id)?;
    net::disconnect(home, id)?;
    for disk in state::read(home)?.disks_of(id) {
        mount::detach_loops(&home.disk(disk.id))?;
    }
    launch::forget(home, id)
}

fn delete(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    note(home, machine.id, Some(Progress { percent: None, note: "deleting".to_owned() }));
    // Nobody wants its data any more, so there is no need to ask it.
    release(home, machine.id)?;
    mount::remove_folder(&home.machine(machine.id))?;
    // Its record goes last: where it is gone, nothing of it is left.
    state::change(home, |state| {
        state.strip_machine(machine.id);
        Ok(())
    })?;
    cgroup::remove_home_if_empty(home)?;
    net::refresh(home)?;
    net::remove_public_if_idle(home)?;
    state::change(home, |state| {
        state.machines.remove(&machine.id);
        Ok(())
    })
}

/// Gives a running machine a disk that it is written down to have.
pub(crate) fn plug(home: &Home, machine: MachineId, disk: DiskId) -> Result<(), Error> {
    match state::read(home)?.machine(machine)?.backend {
        Backend::Containers => storage::plug(home, machine, disk),
        Backend::Qemu => vm::plug(home, machine, disk),
    }
}

/// Takes a disk from a machine. [`Error::InUse`] while it is mounted in a container; what is mounted in a virtual
/// machine is not known here.
pub(crate) fn unplug(home: &Home, machine: &MachineRecord, disk: DiskId) -> Result<(), Error> {
    match machine.backend {
        Backend::Containers => storage::unplug(home, machine, disk),
        Backend::Qemu => vm::unplug(home, machine.id, disk),
    }
}

/// Lets a disk grow, in use or not, and tells the machine that has it.
pub(crate) fn extend(home: &Home, disk: DiskId, size_gib: u32) -> Result<(), Error> {
    storage::extend_image(&home.disk(disk), size_gib)?;
    let state = state::read(home)?;
    let holder = state.disk(disk)?.machine.and_then(|machine| state.machines.get(&machine));
    match holder.filter(|machine| machine.backend == Backend::Qemu) {
        Some(machine) => vm::extend(home, machine.id, disk, size_gib),
        None => Ok(()),
    }
}

/// Brings the limits of a machine up to its size. A virtual machine that runs has its size until it is started anew.
pub(crate) fn limit(home: &Home, id: MachineId) -> Result<(), Error> {
    let state = state::read(home)?;
    let machine = state.machine(id)?;
    match machine.backend {
        Backend::Containers => cgroup::limit(home, id, machine.size),
        Backend::Qemu => Ok(()),
    }
}

/// Whether new machines of this backend could run here, as far as that is known without trying.
pub(crate) fn check_backend(home: &Home, backend: Backend) -> Result<(), Error> {
    match backend {
        Backend::Containers => Ok(()),
        Backend::Qemu => vm::check(home),
    }
}

/// Says how far it is. It is for people alone: where it cannot be kept, nothing is lost.
fn note(home: &Home, id: MachineId, progress: Option<Progress>) {
    let file = home.machine(id).join("progress.json");
    let _ = match progress.and_then(|progress| serde_json::to_vec(&progress).ok()) {
        Some(text) => fs::write(file, text),
        None => fs::remove_file(file),
    };
}

/// How far it is, where that was said.
pub(crate) fn progress(home: &Home, id: MachineId) -> Option<Progress> {
    serde_json::from_slice(&fs::read(home.machine(id).join("progress.json")).ok()?).ok()
}

/// The last lines of its console.
pub(crate) fn console(home: &Home, id: MachineId, lines: usize) -> Result<String, Error> {
    launch::console(home, id, lines)
}
