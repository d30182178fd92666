//! What a backend does.

use async_trait::async_trait;

use crate::error::Error;
use crate::id::{
    AddressId, BucketName, DiskId, GroupId, IntentKey, MachineId, NetworkId, RuleId, SubnetId, VirtualIpId,
};
use crate::model::{
    Bucket, Disk, DiskSpec, Facts, Group, GroupSpec, Image, Machine, MachineSpec, Network, NetworkSpec,
    PublicAddress, Rule, Size, Subnet, SubnetSpec, Tags, VirtualIp, VirtualIpSpec,
};

/// Real hosts on this machine. `skywright:host/machines` says the same in WIT.
///
/// Every create is idempotent by its intent's key: one that was made before is the answer, whatever else
/// the spec says. Lists are complete, oldest first. A delete of what is gone already is done. What is
/// about to be made is written down first, so that nothing is lost with the process; several processes may
/// work on one home. Cost: a call waits for some commands of the system, tens of milliseconds each.
///
/// Errors of every function, beside those it names: [`Error::NoSuch`] for an id that nothing has,
/// [`Error::Invalid`] for a spec that makes no sense, [`Error::Command`], [`Error::Slow`] and
/// [`Error::File`] where this machine did not do as told; asked again, it goes on from there.
#[async_trait]
pub trait Machines: Send + Sync {
    /// What this machine gives, found by looking.
    async fn facts(&self) -> Result<Facts, Error>;
    /// What machines can start from.
    async fn images(&self) -> Result<Vec<Image>, Error>;

    /// Makes a network.
    async fn create_network(&self, spec: NetworkSpec) -> Result<Network, Error>;
    /// One network.
    async fn network(&self, id: NetworkId) -> Result<Network, Error>;
    /// All networks.
    async fn networks(&self) -> Result<Vec<Network>, Error>;
    /// [`Error::InUse`] while it has subnets.
    async fn delete_network(&self, id: NetworkId) -> Result<(), Error>;

    /// Makes a subnet.
    async fn create_subnet(&self, spec: SubnetSpec) -> Result<Subnet, Error>;
    /// One subnet.
    async fn subnet(&self, id: SubnetId) -> Result<Subnet, Error>;
    /// All subnets of all networks.
    async fn subnets(&self) -> Result<Vec<Subnet>, Error>;
    /// [`Error::InUse`] while machines or virtual IPs are in it.
    async fn delete_subnet(&self, id: SubnetId) -> Result<(), Error>;

    /// Makes a security group.
    async fn create_group(&self, spec: GroupSpec) -> Result<Group, Error>;
    /// One security group.
    async fn group(&self, id: GroupId) -> Result<Group, Error>;
    /// All security groups.
    async fn groups(&self) -> Result<Vec<Group>, Error>;
    /// The id of the rule; of the one that says the same, where there is one.
    async fn add_rule(&self, group: GroupId, rule: Rule) -> Result<RuleId, Error>;
    /// One that is gone already is done.
    async fn remove_rule(&self, group: GroupId, rule: RuleId) -> Result<(), Error>;
    /// [`Error::InUse`] while machines have it.
    async fn delete_group(&self, id: GroupId) -> Result<(), Error>;
    /// One that has it already is done.
    async fn bind_group(&self, group: GroupId, machine: MachineId) -> Result<(), Error>;
    /// One that does not have it is done.
    async fn unbind_group(&self, group: GroupId, machine: MachineId) -> Result<(), Error>;

    /// Answers as soon as it is written down; it goes on in a thread until it is `running` or `failed`.
    /// [`Error::Capacity`] where this machine could never hold it, [`Error::Unsupported`] where it could not run it.
    async fn create_machine(&self, spec: MachineSpec) -> Result<Machine, Error>;
    /// One machine, as it stands.
    async fn machine(&self, id: MachineId) -> Result<Machine, Error>;
    /// All machines.
    async fn machines(&self) -> Result<Vec<Machine>, Error>;
    /// As [`machine`](Self::machine), and goes on with what was begun where nobody does: the process that
    /// did may be gone.
    async fn advance_machine(&self, id: MachineId) -> Result<Machine, Error>;
    /// Begins to start it. One that runs already is done.
    async fn start_machine(&self, id: MachineId) -> Result<Machine, Error>;
    /// Begins to stop it; by force, without asking it. One that does not run is done.
    async fn stop_machine(&self, id: MachineId, force: bool) -> Result<Machine, Error>;
    /// Begins to stop and start it. [`Error::State`] where it does not run.
    async fn reboot_machine(&self, id: MachineId, force: bool) -> Result<Machine, Error>;
    /// None when it is gone. Its disks are detached and stay.
    async fn delete_machine(&self, id: MachineId) -> Result<Option<Machine>, Error>;
    /// Another size, and other notes, at once; a disk never shrinks, and grows when it starts next. A virtual
    /// machine has its new size from then on too.
    async fn resize_machine(&self, id: MachineId, size: Size, attributes: Tags) -> Result<Machine, Error>;
    /// The last lines of its console, at most 64 KiB, without control characters.
    async fn console(&self, id: MachineId, lines: u32) -> Result<String, Error>;

    /// Makes a disk.
    async fn create_disk(&self, spec: DiskSpec) -> Result<Disk, Error>;
    /// One disk.
    async fn disk(&self, id: DiskId) -> Result<Disk, Error>;
    /// All disks.
    async fn disks(&self) -> Result<Vec<Disk>, Error>;
    /// [`Error::InUse`] while it is attached.
    async fn delete_disk(&self, id: DiskId) -> Result<(), Error>;
    /// Into a running machine at once; into another when it starts. [`Error::InUse`] where another has it.
    async fn attach_disk(&self, disk: DiskId, machine: MachineId) -> Result<Disk, Error>;
    /// [`Error::InUse`] while it is mounted there, which is not known of a virtual machine. One that is not
    /// attached there is done.
    async fn detach_disk(&self, disk: DiskId, machine: MachineId) -> Result<Disk, Error>;
    /// Never smaller. One that has the size already is done.
    async fn extend_disk(&self, id: DiskId, size_gib: u32) -> Result<Disk, Error>;

    /// Sets a public address aside.
    async fn allocate_address(&self, intent: IntentKey, tags: Tags) -> Result<PublicAddress, Error>;
    /// All public addresses, those that machines were made with among them.
    async fn addresses(&self) -> Result<Vec<PublicAddress>, Error>;
    /// Leads it to the machine's first port. [`Error::InUse`] where another has it.
    async fn associate_address(&self, id: AddressId, machine: MachineId) -> Result<(), Error>;
    /// One that leads nowhere is done.
    async fn dissociate_address(&self, id: AddressId) -> Result<(), Error>;
    /// Gives it back, from wherever it leads.
    async fn release_address(&self, id: AddressId) -> Result<(), Error>;

    /// Makes a virtual IP.
    async fn create_virtual_ip(&self, spec: VirtualIpSpec) -> Result<VirtualIp, Error>;
    /// One virtual IP.
    async fn virtual_ip(&self, id: VirtualIpId) -> Result<VirtualIp, Error>;
    /// All virtual IPs.
    async fn virtual_ips(&self) -> Result<Vec<VirtualIp>, Error>;
    /// The machine may answer for it. One that may already is done.
    async fn bind_virtual_ip(&self, id: VirtualIpId, machine: MachineId) -> Result<(), Error>;
    /// One that may not is done.
    async fn unbind_virtual_ip(&self, id: VirtualIpId, machine: MachineId) -> Result<(), Error>;
    /// Takes it away, from whatever answers for it too.
    async fn delete_virtual_ip(&self, id: VirtualIpId) -> Result<(), Error>;

    /// Makes a bucket. One of that name is the one.
    async fn create_bucket(&self, name: BucketName) -> Result<Bucket, Error>;
    /// All buckets, by name.
    async fn buckets(&self) -> Result<Vec<Bucket>, Error>;
    /// [`Error::InUse`] while it holds objects.
    async fn delete_bucket(&self, name: BucketName) -> Result<(), Error>;

    /// Replaces the tags of whatever has this id, of any kind.
    async fn set_tags(&self, id: String, tags: Tags) -> Result<(), Error>;
    /// Takes away whatever carries this intent's key, whole or half made. False while that goes on: ask
    /// again.
    async fn abandon(&self, key: IntentKey) -> Result<bool, Error>;
}
