//! Virtual machines by QEMU: a kernel of their own, and real cloud-init.
//!
//! QEMU runs in the machine's own network namespace, which is empty once its cables are at their bridges, with no
//! capability but that of finding its files, and is told what to do by its monitor, a socket in the machine's folder.

mod acceleration;
mod disk;
mod line;
mod monitor;
mod seed;

use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use super::launch;
use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};
use crate::image::VirtualImage;
use crate::model::{HostKey, Size};
use crate::net::Namespace;
use crate::process::Process;
use crate::state::{self, MachineRecord, State};
use crate::{cgroup, net};

use acceleration::Acceleration;
use line::{Line, PROGRAM};
use monitor::Monitor;

pub(crate) use acceleration::{check, without_kvm};

/// What QEMU takes beside the machine's own memory: its code, what it translates, and its buffers.
const OVERHEAD_MIB: u64 = 320;

/// How long a machine has to power off before it is ended. One that is emulated takes its time.
const STOP: Duration = Duration::from_secs(120);

/// How often it is asked: one that still boots does not hear it.
const ASK_AGAIN: Duration = Duration::from_secs(10);

/// How long QEMU has to write what it holds once it is told to end.
const QUIT: Duration = Duration::from_secs(5);

/// How long the machine's kernel has to let go of a disk.
const LET_GO: Duration = Duration::from_secs(60);

fn image_of(machine: &MachineRecord) -> Result<VirtualImage, Error> {
    VirtualImage::at(Path::new(machine.layer.as_deref().unwrap_or_default()))
}

/// Makes the disk and what cloud-init reads. It has never been started.
pub(super) fn make(home: &Home, state: &State, machine: &MachineRecord) -> Result<Vec<HostKey>, Error> {
    let image = image_of(machine)?;
    acceleration::choose(home, &image)?;
    disk::make(home, machine, &image)?;
    seed::write(home, state, machine)
}

/// Starts it, and waits until QEMU has all that it is to have and lets it run.
pub(super) fn start(home: &Home, machine: &MachineRecord) -> Result<Process, Error> {
    let image = image_of(machine)?;
    let acceleration = acceleration::choose(home, &image)?;
    disk::grow(home, machine)?;
    net::connect(home, machine.id)?;
    let joins = cgroup::make(home, machine.id, limits(machine.size))?;
    cgroup::restrict_devices(home, machine.id, &[])?;
    if acceleration == Acceleration::Kvm {
        cgroup::allow_kvm(home, machine.id)?;
    }
    monitor::forget(home, machine.id)?;
    let state = state::read(home)?;
    let line = Line {
        machine,
        image: &image,
        acceleration,
        namespace: &Namespace::new(home.machine_namespace(machine.id)).path(),
        folder: &home.machine(machine.id),
        disks: state.disks_of(machine.id).map(|disk| (disk.id, home.disk(disk.id))).collect(),
    };
    launch::watch(home, machine.id, &joins, &line.render())?;
    let (process, mut monitor) =
        launch::wait(home, machine.id, PROGRAM, |_| Monitor::open(home, machine.id))?;
    net::plug_taps(home, machine.id)?;
    monitor.execute("cont", &json!({}))?;
    Ok(process)
}

fn limits(size: Size) -> Size {
    Size { memory_mib: size.memory_mib.saturating_add(OVERHEAD_MIB), ..size }
}

/// Presses its power button until it is off; then has QEMU end by itself. False where that did not help either.
pub(super) fn power_off(home: &Home, id: MachineId, watcher: Process) -> Result<bool, Error> {
    let deadline = Instant::now() + STOP;
    while Instant::now() < deadline {
        tell(home, id, "system_powerdown");
        if watcher.ended_within(ASK_AGAIN) {
            return Ok(true);
        }
    }
    tell(home, id, "quit");
    Ok(watcher.ended_within(QUIT))
}

/// Tells it something that may be the end of it: whether it was is seen by other means.
fn tell(home: &Home, id: MachineId, command: &'static str) {
    let told = monitor::of_running(home, id).and_then(|mut monitor| monitor.execute(command, &json!({})));
    if let Err(error) = told {
        tracing::debug!(machine = %id, %error, "a virtual machine was not told to end");
    }
}

/// Gives a disk to a machine that runs. Done already is done.
pub(super) fn plug(home: &Home, id: MachineId, disk: DiskId) -> Result<(), Error> {
    let mut monitor = monitor::of_running(home, id)?;
    if !monitor.has_node(disk)? {
        monitor.execute("blockdev-add", &disk::node(disk, &home.disk(disk)))?;
    }
    if !monitor.has_device(disk)? {
        monitor.execute("device_add", &disk::device(disk))?;
    }
    Ok(())
}

/// Takes a disk from a machine, and waits until its kernel has let go of it.
pub(super) fn unplug(home: &Home, id: MachineId, disk: DiskId) -> Result<(), Error> {
    // Not by the record: one whose stop was cut off still has it.
    let Some(mut monitor) = Monitor::open(home, id)? else { return Ok(()) };
    if monitor.has_device(disk)? {
        monitor.execute("device_del", &json!({ "id": disk.to_string() }))?;
        let deadline = Instant::now() + LET_GO;
        while monitor.has_device(disk)? {
            if Instant::now() > deadline {
                let what = format!("{} was not let go of by {}", disk.noun(), id.noun());
                return Err(Error::Late { what, timeout: LET_GO });
            }
            std::thread::sleep(Duration::from_millis(100));
        }
    }
    if monitor.has_node(disk)? {
        monitor.execute("blockdev-del", &json!({ "node-name": disk.to_string() }))?;
    }
    Ok(())
}

/// Tells a machine that runs that its disk has grown.
pub(super) fn extend(home: &Home, id: MachineId, disk: DiskId, size_gib: u32) -> Result<(), Error> {
    let Some(mut monitor) = Monitor::open(home, id)? else { return Ok(()) };
    if !monitor.has_node(disk)? {
        return Ok(());
    }
    let size = json!({ "node-name": disk.to_string(), "size": u64::from(size_gib) << 30 });
    monitor.execute("block_resize", &size).map(drop)
}
