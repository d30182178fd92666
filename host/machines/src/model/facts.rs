//! What this machine gives to its machines.

use serde::{Deserialize, Serialize};

/// What this machine gives to its machines, found by looking.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a fact of its own, and features ask for one of them"
)]
pub struct Facts {
    /// `nspawn` or `qemu`: what new machines are run by.
    pub backend: String,
    /// As Rust spells it: `x86_64`, `aarch64`.
    pub architecture: String,
    /// The kernel's release; for `qemu` the package that it is of.
    pub kernel: String,
    /// Processors.
    pub vcpus: u32,
    /// Memory.
    pub memory_mib: u64,
    /// Room for images and disks.
    pub disk_free_gib: u32,
    /// All machines share one clock, which they must not set.
    pub shared_clock: bool,
    /// All machines share one kernel: no modules of their own.
    pub shared_kernel: bool,
    /// `/proc/meminfo` within a machine tells of the whole, not of its limit.
    pub shows_machine_memory: bool,
    /// Memory limits hold.
    pub memory_limits: bool,
    /// CPU limits hold.
    pub cpu_limits: bool,
    /// A machine can open no device but its own.
    pub device_limits: bool,
    /// The kernel balances (Docker Swarm's routing mesh).
    pub ipvs: bool,
    /// The kernel mounts NFS.
    pub nfs_client: bool,
    /// The kernel exports NFS.
    pub nfs_server: bool,
    /// File systems in user space.
    pub fuse: bool,
    /// Tunnels in user space.
    pub tun: bool,
    /// Security groups hold between machines of one subnet, not only between subnets.
    pub bridge_filter: bool,
    /// There is IPv6 between machines.
    pub ipv6: bool,
}
