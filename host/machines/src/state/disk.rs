//! Disks as they are written down.

use super::{State, check_name};
use crate::error::Error;
use crate::id::{DiskId, MachineId};
use crate::model::{Backend, Disk, DiskSpec, DiskState, MachineState};

/// Where the devices of disks are within a container.
pub(crate) const DEVICES: &str = "/dev/volumes";

/// The most disks that a virtual machine has beside its own: each takes a slot of its bus, and others do too.
const MOST_VIRTUAL_DISKS: usize = 20;

/// What a virtual machine's disk says that it is: at most 20 bytes.
pub(crate) fn serial(id: DiskId) -> String {
    format!("volume-{id}")
}

impl State {
    pub(crate) fn create_disk(&mut self, spec: DiskSpec) -> Result<Disk, Error> {
        if let Some(made) = self.disks.values().find(|disk| disk.intent == spec.intent) {
            return Ok(made.clone());
        }
        check_name(&spec.name)?;
        if spec.size_gib == 0 || spec.size_gib > 16 << 10 {
            return Err(Error::invalid("the disk's size", "it is not 1 to 16384 GiB"));
        }
        let disk = Disk {
            id: DiskId(self.number()),
            name: spec.name,
            size_gib: spec.size_gib,
            state: DiskState::Creating,
            machine: None,
            device: None,
            attributes: spec.attributes,
            intent: spec.intent,
            tags: spec.tags,
        };
        self.disks.insert(disk.id, disk.clone());
        Ok(disk)
    }

    pub(crate) fn disk(&self, id: DiskId) -> Result<&Disk, Error> {
        self.disks.get(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    pub(crate) fn disk_mut(&mut self, id: DiskId) -> Result<&mut Disk, Error> {
        self.disks.get_mut(&id).ok_or_else(|| Error::NoSuch(id.noun()))
    }

    /// Writes down that the machine has it, under a device name that is free there.
    pub(crate) fn attach_disk(&mut self, id: DiskId, machine: MachineId) -> Result<Disk, Error> {
        let to = self.machine(machine)?;
        if to.phase == MachineState::Deleting {
            return Err(Error::State { what: machine.noun(), state: to.phase.to_string() });
        }
        let disk = self.disk(id)?;
        match (disk.machine, disk.state) {
            (Some(holder), _) if holder == machine => return Ok(disk.clone()),
            (Some(holder), _) => return Err(Error::InUse { what: id.noun(), holder: holder.noun() }),
            (None, DiskState::Deleting | DiskState::Creating) => {
                return Err(Error::State { what: id.noun(), state: "not available".to_owned() });
            }
            (None, _) => {}
        }
        let device = match to.backend {
            Backend::Containers => self.free_device(machine),
            // The machine's own udev makes it, by the serial number.
            Backend::Qemu => (self.disks_of(machine).count() < MOST_VIRTUAL_DISKS)
                .then(|| format!("/dev/disk/by-id/virtio-{}", serial(id))),
        };
        let device = device.ok_or_else(|| Error::Capacity {
            what: format!("another disk of {}", machine.noun()),
            available: "no device left".to_owned(),
        })?;
        let disk = self.disk_mut(id)?;
        (disk.machine, disk.device, disk.state) = (Some(machine), Some(device), DiskState::Attached);
        Ok(disk.clone())
    }

    /// The first device name that no disk of a container has.
    fn free_device(&self, machine: MachineId) -> Option<String> {
        let taken: Vec<_> = self.disks_of(machine).filter_map(|disk| disk.device.clone()).collect();
        ('b'..='z').map(|letter| format!("{DEVICES}/vd{letter}")).find(|name| !taken.contains(name))
    }

    pub(crate) fn detach_disk(&mut self, id: DiskId) -> Result<Disk, Error> {
        let disk = self.disk_mut(id)?;
        (disk.machine, disk.device) = (None, None);
        if disk.state == DiskState::Attached {
            disk.state = DiskState::Available;
        }
        Ok(disk.clone())
    }

    pub(crate) fn disks_of(&self, machine: MachineId) -> impl Iterator<Item = &Disk> {
        self.disks.values().filter(move |disk| disk.machine == Some(machine))
    }
}

#[cfg(test)]
mod tests {
    use super::super::record;
    use super::super::tests::key;
    use super::*;

    fn disk(state: &mut State, name: &str) -> DiskId {
        let spec = DiskSpec {
            intent: key(name),
            name: name.to_owned(),
            size_gib: 1,
            attributes: Vec::new(),
            tags: Vec::new(),
        };
        let id = state.create_disk(spec).unwrap().id;
        state.disk_mut(id).unwrap().state = DiskState::Available;
        id
    }

    #[test]
    fn a_device_is_called_as_the_machine_s_backend_calls_it() {
        for (backend, most) in [(Backend::Containers, 25), (Backend::Qemu, MOST_VIRTUAL_DISKS)] {
            let mut state = State::default();
            let machine = record(backend);
            let id = machine.id;
            state.machines.insert(id, machine);
            let mut names = std::collections::BTreeSet::new();
            for number in 0..most {
                let disk = disk(&mut state, &format!("disk-{number}"));
                names.insert(state.attach_disk(disk, id).unwrap().device.unwrap());
            }
            assert_eq!(names.len(), most);
            let one_more = disk(&mut state, "one-more");
            assert_eq!(state.attach_disk(one_more, id).unwrap_err().code(), "capacity");
            let first = match backend {
                Backend::Containers => "/dev/volumes/vdb",
                Backend::Qemu => "/dev/disk/by-id/virtio-volume-d1",
            };
            assert!(names.contains(first), "{names:?}");
        }
        assert!(serial(DiskId(u32::MAX)).len() <= 20);
    }
}
