//! The hosts of one home, on whichever backend each of them is.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use crate::error::Error;
use crate::home::Home;
use crate::id::{
    AddressId, BucketName, DiskId, GroupId, IntentKey, MachineId, NetworkId, RuleId, SubnetId, VirtualIpId,
};
use crate::machines::Machines;
use crate::model::{
    Backend, Bucket, Disk, DiskSpec, DiskState, Facts, Group, GroupSpec, Image, Machine, MachineSpec,
    MachineState, Network, NetworkSpec, PublicAddress, Rule, Size, Subnet, SubnetSpec, Tags, VirtualIp,
    VirtualIpSpec,
};
use crate::reconcile::{self, Reconciled};
use crate::state::{self, State};
use crate::{bucket, facts, image, machine, net};

/// The machines of one home. Needs root; `doctor` tells what else.
///
/// Cheap to clone. Machines outlive it, and other processes may work on the same home.
#[derive(Debug, Clone)]
pub struct LocalMachines {
    home: Arc<Home>,
    backend: Backend,
}

impl LocalMachines {
    /// With the home's state in one folder, and images, which homes may share, in the other. Both are made
    /// if need be. Nothing else is done. New machines are containers.
    ///
    /// # Errors
    ///
    /// [`Error::File`]; [`Error::Invalid`] if a path has letters that mounts cannot name.
    pub fn open(state: &Path, cache: &Path) -> Result<Self, Error> {
        Ok(Self { home: Arc::new(Home::new(state, cache)?), backend: Backend::default() })
    }

    /// What new machines are run by. Those that there are stay what they are.
    #[must_use]
    pub fn with_backend(self, backend: Backend) -> Self {
        Self { backend, ..self }
    }

    /// Finds what a crash left on this machine that no record of this home knows, and removes it; goes on
    /// with what was being deleted. Other homes' is left alone.
    ///
    /// # Errors
    ///
    /// As those of [`Machines`].
    pub async fn reconcile(&self) -> Result<Reconciled, Error> {
        self.blocking(reconcile::reconcile).await
    }

    /// Builds an image of the backend if it is not there yet, so that the first machine of it need not wait. Minutes.
    ///
    /// # Errors
    ///
    /// [`Error::NoSuch`] where there is no such image; as those of [`Machines`].
    pub async fn prepare_image(
        &self,
        id: &str,
        progress: impl Fn(crate::Progress) + Send + Sync + 'static,
    ) -> Result<(), Error> {
        let (id, backend) = (id.to_owned(), self.backend);
        self.blocking(move |home| image::ensure(home, &id, backend, progress).map(drop)).await
    }

    /// The folder that the buckets are in, for whoever moves their bytes. It may not be there yet.
    #[must_use]
    pub fn buckets_folder(&self) -> PathBuf {
        self.home.buckets()
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Home) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        let home = Arc::clone(&self.home);
        let task = tokio::task::spawn_blocking(move || work(&home));
        task.await.map_err(|error| Error::Internal(error.to_string()))?
    }

    async fn read<T: Send + 'static>(
        &self,
        look: impl FnOnce(&State) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |home| look(&state::read(home)?)).await
    }

    async fn change<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |home| state::change(home, change)).await
    }

    /// As `change`, and brings the rules of all networks up to it.
    async fn change_rules<T: Send + 'static>(
        &self,
        change: impl FnOnce(&mut State) -> Result<T, Error> + Send + 'static,
    ) -> Result<T, Error> {
        self.blocking(move |home| {
            let answer = state::change(home, change)?;
            net::refresh(home)?;
            Ok(answer)
        })
        .await
    }

    /// Changes a machine, and has a thread go on with it.
    async fn begin(
        &self,
        id: MachineId,
        change: impl FnOnce(&mut state::MachineRecord) -> Result<(), Error> + Send + 'static,
    ) -> Result<Machine, Error> {
        let shared = Arc::clone(&self.home);
        self.blocking(move |home| {
            state::change(home, |state| change(state.machine_mut(id)?))?;
            go_on(&shared, id)?;
            view(home, id)
        })
        .await
    }
}

/// Has a thread of its own work on a machine. It outlives the call, and ends with the process: whoever
/// asks next goes on.
fn go_on(home: &Arc<Home>, id: MachineId) -> Result<(), Error> {
    let shared = Arc::clone(home);
    let work = move || {
        if let Err(error) = machine::work(&shared, id) {
            tracing::debug!(machine = %id, %error, "work on a machine stopped");
        }
    };
    let thread = std::thread::Builder::new().name(format!("machine {id}")).spawn(work);
    thread.map(drop).map_err(Error::file("a thread"))
}

fn view(home: &Home, id: MachineId) -> Result<Machine, Error> {
    let state = state::read(home)?;
    let record = state.machine(id)?;
    Ok(record.view(state.public_address_of(record), machine::progress(home, id)))
}

/// Keeps user-data where nobody else reads it, before anything is written down of the machine.
fn keep_user_data(home: &Home, id: MachineId, user_data: &[u8]) -> Result<(), Error> {
    let folder = home.machine(id);
    let builder =
        |path: &Path| DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(Error::file(path));
    builder(&folder)?;
    let file = folder.join("user-data");
    let open = File::options().write(true).create(true).truncate(true).mode(0o600).open(&file);
    open.and_then(|mut open| open.write_all(user_data)).map_err(Error::file(file))
}

#[async_trait]
impl Machines for LocalMachines {
    async fn facts(&self) -> Result<Facts, Error> {
        let backend = self.backend;
        self.blocking(move |home| facts::find(home, backend)).await
    }

    async fn images(&self) -> Result<Vec<Image>, Error> {
        let backend = self.backend;
        self.blocking(move |home| Ok(image::list(home, backend))).await
    }

    async fn create_network(&self, spec: NetworkSpec) -> Result<Network, Error> {
        self.change(|state| state.create_network(spec)).await
    }

    async fn network(&self, id: NetworkId) -> Result<Network, Error> {
        self.read(move |state| Ok(state.network(id)?.network.clone())).await
    }

    async fn networks(&self) -> Result<Vec<Network>, Error> {
        self.read(|state| Ok(state.networks.values().map(|record| record.network.clone()).collect())).await
    }

    async fn delete_network(&self, id: NetworkId) -> Result<(), Error> {
        self.blocking(move |home| {
            state::change(home, |state| state.delete_network(id))?;
            net::remove_network(home, id)?;
            net::remove_public_if_idle(home)
        })
        .await
    }

    async fn create_subnet(&self, spec: SubnetSpec) -> Result<Subnet, Error> {
        self.change(|state| state.create_subnet(spec)).await
    }

    async fn subnet(&self, id: SubnetId) -> Result<Subnet, Error> {
        self.read(move |state| state.subnet(id).cloned()).await
    }

    async fn subnets(&self) -> Result<Vec<Subnet>, Error> {
        self.read(|state| Ok(state.subnets.values().cloned().collect())).await
    }

    async fn delete_subnet(&self, id: SubnetId) -> Result<(), Error> {
        self.blocking(move |home| match state::change(home, |state| state.delete_subnet(id))? {
            Some(subnet) => net::remove_subnet(home, id, subnet.network),
            None => Ok(()),
        })
        .await
    }

    async fn create_group(&self, spec: GroupSpec) -> Result<Group, Error> {
        self.change(|state| state.create_group(spec)).await
    }

    async fn group(&self, id: GroupId) -> Result<Group, Error> {
        self.read(move |state| state.group(id).cloned()).await
    }

    async fn groups(&self) -> Result<Vec<Group>, Error> {
        self.read(|state| Ok(state.groups.values().cloned().collect())).await
    }

    async fn add_rule(&self, group: GroupId, rule: Rule) -> Result<RuleId, Error> {
        self.change_rules(move |state| state.add_rule(group, rule)).await
    }

    async fn remove_rule(&self, group: GroupId, rule: RuleId) -> Result<(), Error> {
        self.change_rules(move |state| state.remove_rule(group, rule)).await
    }

    async fn delete_group(&self, id: GroupId) -> Result<(), Error> {
        self.change_rules(move |state| state.delete_group(id)).await
    }

    async fn bind_group(&self, group: GroupId, machine: MachineId) -> Result<(), Error> {
        self.change_rules(move |state| state.bind_group(group, machine)).await
    }

    async fn unbind_group(&self, group: GroupId, machine: MachineId) -> Result<(), Error> {
        self.change_rules(move |state| state.unbind_group(group, machine)).await
    }

    async fn create_machine(&self, spec: MachineSpec) -> Result<Machine, Error> {
        let (shared, backend) = (Arc::clone(&self.home), self.backend);
        self.blocking(move |home| {
            image::check(&spec.image)?;
            facts::check_room(spec.size)?;
            // One that was made before is the answer, whatever can run here now.
            if !state::read(home)?.machines.values().any(|machine| machine.intent == spec.intent) {
                machine::check_backend(home, backend)?;
            }
            // Public addresses come from a range that is chosen once.
            net::ensure_public(home)?;
            let now = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let id = state::change(home, |state| {
                let known = state.machines.len();
                let id = state.create_machine(&spec, backend, home.tag(), now)?;
                if state.machines.len() > known {
                    if backend == Backend::Containers {
                        facts::check_instances(state.containers())?;
                    }
                    keep_user_data(home, id, &spec.user_data)?;
                }
                Ok(id)
            })?;
            go_on(&shared, id)?;
            view(home, id)
        })
        .await
    }

    async fn machine(&self, id: MachineId) -> Result<Machine, Error> {
        self.blocking(move |home| view(home, id)).await
    }

    async fn machines(&self) -> Result<Vec<Machine>, Error> {
        self.blocking(|home| {
            let state = state::read(home)?;
            let records = state.machines.values();
            Ok(records
                .map(|record| {
                    record.view(state.public_address_of(record), machine::progress(home, record.id))
                })
                .collect())
        })
        .await
    }

    async fn advance_machine(&self, id: MachineId) -> Result<Machine, Error> {
        let shared = Arc::clone(&self.home);
        self.blocking(move |home| {
            let going = matches!(
                state::read(home)?.machine(id)?.phase,
                MachineState::Stopping | MachineState::Deleting
            );
            if going {
                let fault = state::change(home, |state| Ok(state.machine_mut(id)?.fault.take()))?;
                if let Some(fault) = fault {
                    return Err(Error::Unfinished { what: id.noun(), fault });
                }
            }
            go_on(&shared, id)?;
            view(home, id)
        })
        .await
    }

    async fn start_machine(&self, id: MachineId) -> Result<Machine, Error> {
        self.begin(id, move |machine| match machine.state() {
            MachineState::Stopped | MachineState::Failed => {
                // One that could not even be made is made again.
                machine.phase = match machine.host_keys.is_empty() {
                    true => MachineState::Creating,
                    false => MachineState::Starting,
                };
                machine.fault = None;
                Ok(())
            }
            MachineState::Running | MachineState::Creating | MachineState::Starting => Ok(()),
            state => Err(Error::State { what: id.noun(), state: state.to_string() }),
        })
        .await
    }

    async fn stop_machine(&self, id: MachineId, force: bool) -> Result<Machine, Error> {
        self.begin(id, move |machine| match machine.state() {
            MachineState::Deleting | MachineState::Creating => {
                Err(Error::State { what: id.noun(), state: machine.state().to_string() })
            }
            // One that ended by itself still has its mounts and links.
            _ => {
                (machine.phase, machine.force, machine.restart) = (MachineState::Stopping, force, false);
                Ok(())
            }
        })
        .await
    }

    async fn reboot_machine(&self, id: MachineId, force: bool) -> Result<Machine, Error> {
        self.begin(id, move |machine| match machine.state() {
            MachineState::Running => {
                (machine.phase, machine.force, machine.restart) = (MachineState::Stopping, force, true);
                Ok(())
            }
            state => Err(Error::State { what: id.noun(), state: state.to_string() }),
        })
        .await
    }

    async fn delete_machine(&self, id: MachineId) -> Result<Option<Machine>, Error> {
        let begun = self
            .begin(id, |machine| {
                if machine.phase != MachineState::Deleting {
                    (machine.phase, machine.fault) = (MachineState::Deleting, None);
                }
                Ok(())
            })
            .await;
        match begun {
            Ok(machine) => Ok(Some(machine)),
            Err(Error::NoSuch(_)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn resize_machine(&self, id: MachineId, size: Size, attributes: Tags) -> Result<Machine, Error> {
        self.blocking(move |home| {
            state::check_size(size)?;
            facts::check_room(size)?;
            state::change(home, |state| {
                let machine = state.machine_mut(id)?;
                if size.disk_gib < machine.size.disk_gib {
                    return Err(Error::invalid("the machine's disk", "it never shrinks"));
                }
                (machine.size, machine.attributes) = (size, attributes);
                Ok(())
            })?;
            machine::limit(home, id)?;
            view(home, id)
        })
        .await
    }

    async fn console(&self, id: MachineId, lines: u32) -> Result<String, Error> {
        self.blocking(move |home| {
            state::read(home)?.machine(id)?;
            machine::console(home, id, usize::try_from(lines).unwrap_or(usize::MAX))
        })
        .await
    }

    async fn create_disk(&self, spec: DiskSpec) -> Result<Disk, Error> {
        self.blocking(move |home| {
            let disk = state::change(home, |state| state.create_disk(spec))?;
            if disk.state != DiskState::Creating {
                return Ok(disk);
            }
            machine::make_image(&home.disk(disk.id), disk.size_gib)?;
            state::change(home, |state| {
                let disk = state.disk_mut(disk.id)?;
                if disk.state == DiskState::Creating {
                    disk.state = DiskState::Available;
                }
                Ok(disk.clone())
            })
        })
        .await
    }

    async fn disk(&self, id: DiskId) -> Result<Disk, Error> {
        self.read(move |state| state.disk(id).cloned()).await
    }

    async fn disks(&self) -> Result<Vec<Disk>, Error> {
        self.read(|state| Ok(state.disks.values().cloned().collect())).await
    }

    async fn delete_disk(&self, id: DiskId) -> Result<(), Error> {
        self.blocking(move |home| delete_disk(home, id)).await
    }

    async fn attach_disk(&self, disk: DiskId, machine: MachineId) -> Result<Disk, Error> {
        self.blocking(move |home| {
            // Nobody starts or stops it meanwhile.
            let _lock = home.lock(&machine.to_string())?;
            let attached = state::change(home, |state| state.attach_disk(disk, machine))?;
            if state::read(home)?.machine(machine)?.state() == MachineState::Running {
                machine::plug(home, machine, disk)?;
            }
            Ok(attached)
        })
        .await
    }

    async fn detach_disk(&self, disk: DiskId, machine: MachineId) -> Result<Disk, Error> {
        self.blocking(move |home| {
            let _lock = home.lock(&machine.to_string())?;
            let state = state::read(home)?;
            if state.disk(disk)?.machine != Some(machine) {
                return state.disk(disk).cloned();
            }
            machine::unplug(home, state.machine(machine)?, disk)?;
            state::change(home, |state| state.detach_disk(disk))
        })
        .await
    }

    async fn extend_disk(&self, id: DiskId, size_gib: u32) -> Result<Disk, Error> {
        self.blocking(move |home| {
            if size_gib < state::read(home)?.disk(id)?.size_gib {
                return Err(Error::invalid("the disk's size", "it never shrinks"));
            }
            machine::extend(home, id, size_gib)?;
            state::change(home, |state| {
                let disk = state.disk_mut(id)?;
                disk.size_gib = size_gib.max(disk.size_gib);
                Ok(disk.clone())
            })
        })
        .await
    }

    async fn allocate_address(&self, intent: IntentKey, tags: Tags) -> Result<PublicAddress, Error> {
        self.blocking(move |home| {
            net::ensure_public(home)?;
            state::change(home, |state| state.allocate_address(Some(intent), None, tags))
        })
        .await
    }

    async fn addresses(&self) -> Result<Vec<PublicAddress>, Error> {
        self.read(|state| Ok(state.addresses.values().cloned().collect())).await
    }

    async fn associate_address(&self, id: AddressId, machine: MachineId) -> Result<(), Error> {
        self.change_rules(move |state| state.associate_address(id, machine)).await
    }

    async fn dissociate_address(&self, id: AddressId) -> Result<(), Error> {
        self.change_rules(move |state| state.dissociate_address(id).map(drop)).await
    }

    async fn release_address(&self, id: AddressId) -> Result<(), Error> {
        self.blocking(move |home| release_address(home, id)).await
    }

    async fn create_virtual_ip(&self, spec: VirtualIpSpec) -> Result<VirtualIp, Error> {
        self.change(|state| state.create_virtual_ip(spec)).await
    }

    async fn virtual_ip(&self, id: VirtualIpId) -> Result<VirtualIp, Error> {
        self.read(move |state| state.virtual_ip(id).cloned()).await
    }

    async fn virtual_ips(&self) -> Result<Vec<VirtualIp>, Error> {
        self.read(|state| Ok(state.virtual_ips.values().cloned().collect())).await
    }

    async fn bind_virtual_ip(&self, id: VirtualIpId, machine: MachineId) -> Result<(), Error> {
        self.change_rules(move |state| state.bind_virtual_ip(id, machine)).await
    }

    async fn unbind_virtual_ip(&self, id: VirtualIpId, machine: MachineId) -> Result<(), Error> {
        self.change_rules(move |state| state.unbind_virtual_ip(id, machine)).await
    }

    async fn delete_virtual_ip(&self, id: VirtualIpId) -> Result<(), Error> {
        self.change_rules(move |state| {
            state.virtual_ips.remove(&id);
            Ok(())
        })
        .await
    }

    async fn create_bucket(&self, name: BucketName) -> Result<Bucket, Error> {
        self.blocking(move |home| bucket::create(home, &name)).await
    }

    async fn buckets(&self) -> Result<Vec<Bucket>, Error> {
        self.blocking(bucket::list).await
    }

    async fn delete_bucket(&self, name: BucketName) -> Result<(), Error> {
        self.blocking(move |home| bucket::delete(home, &name)).await
    }

    async fn set_tags(&self, id: String, tags: Tags) -> Result<(), Error> {
        self.change(move |state| state.set_tags(&id, tags)).await
    }

    async fn abandon(&self, key: IntentKey) -> Result<bool, Error> {
        let found = self.read(move |state| Ok(state.carriers(&key))).await?;
        for id in &found.machines {
            // What went wrong the last time is told here, as it is by `advance_machine`.
            if let Some(machine) = self.delete_machine(*id).await?
                && machine.fault.is_some()
            {
                self.advance_machine(*id).await?;
            }
        }
        for id in found.disks {
            if let Some(machine) = self.disk(id).await?.machine {
                self.detach_disk(id, machine).await?;
            }
            self.delete_disk(id).await?;
        }
        for id in found.virtual_ips {
            self.delete_virtual_ip(id).await?;
        }
        for id in found.addresses {
            self.release_address(id).await?;
        }
        for id in found.groups {
            self.delete_group(id).await?;
        }
        for id in found.subnets {
            self.delete_subnet(id).await?;
        }
        for id in found.networks {
            self.delete_network(id).await?;
        }
        Ok(found.machines.is_empty())
    }
}

fn delete_disk(home: &Home, id: DiskId) -> Result<(), Error> {
    let known = state::change(home, |state| match state.disks.get_mut(&id) {
        None => Ok(false),
        Some(Disk { machine: Some(machine), .. }) => {
            Err(Error::InUse { what: id.noun(), holder: machine.noun() })
        }
        Some(disk) => {
            disk.state = DiskState::Deleting;
            Ok(true)
        }
    })?;
    if !known {
        return Ok(());
    }
    let file = home.disk(id);
    crate::mount::detach_loops(&file)?;
    match fs::remove_file(&file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(file)(error)),
        _ => {}
    }
    state::change(home, |state| {
        state.disks.remove(&id);
        Ok(())
    })
}

fn release_address(home: &Home, id: AddressId) -> Result<(), Error> {
    state::change(home, |state| {
        state.addresses.remove(&id);
        Ok(())
    })?;
    net::refresh(home)?;
    net::remove_public_if_idle(home)
}
