//! Real hosts on this machine: system containers and virtual machines, their networks and disks.
//!
//! [`Machines`] is what the capability `skywright:host/machines` calls. No wasmtime and no tenant is known
//! here.

mod bucket;
mod cgroup;
mod command;
mod doctor;
mod error;
mod facts;
mod home;
mod id;
mod image;
mod leftovers;
mod local;
mod machine;
mod machines;
mod model;
mod mount;
mod net;
mod process;
mod reconcile;
mod state;

pub use doctor::{Finding, Severity, doctor};
pub use error::Error;
pub use id::{
    AddressId, BucketName, DiskId, GroupId, IntentKey, MachineId, NetworkId, RuleId, SubnetId, VirtualIpId,
};
pub use leftovers::{Leftovers, leftovers, remove_leftovers};
pub use local::LocalMachines;
pub use machines::Machines;
pub use model::{
    Backend, Bucket, Direction, Disk, DiskSpec, DiskState, Facts, Group, GroupSpec, HostKey, Image,
    IpVersion, Machine, MachineSpec, MachineState, Network, NetworkSpec, Peer, Port, PortSpec, Progress,
    Protocol, PublicAddress, Rule, Size, Subnet, SubnetSpec, Tags, VirtualIp, VirtualIpSpec,
};
pub use reconcile::Reconciled;
