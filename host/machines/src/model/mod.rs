//! What there is: the records that the trait [`Machines`](crate::Machines) speaks in.

mod address;
mod backend;
mod bucket;
mod disk;
mod facts;
mod group;
mod image;
mod machine;
mod network;

pub use address::{PublicAddress, VirtualIp, VirtualIpSpec};
pub use backend::Backend;
pub use bucket::Bucket;
pub use disk::{Disk, DiskSpec, DiskState};
pub use facts::Facts;
pub use group::{Direction, Group, GroupSpec, IpVersion, Peer, Protocol, Rule};
pub use image::Image;
pub use machine::{HostKey, Machine, MachineSpec, MachineState, Port, PortSpec, Progress, Size};
pub use network::{Network, NetworkSpec, Subnet, SubnetSpec};

/// Pairs of key and value, in the order given. Keys may repeat.
pub type Tags = Vec<(String, String)>;
