//! What this machine gives, found by looking.

use std::fs;
use std::path::Path;

use crate::cgroup;
use crate::error::Error;
use crate::home::Home;
use crate::image;
use crate::model::{Backend, Facts, Size};

/// What machines of this backend are given.
pub(crate) fn find(home: &Home, backend: Backend) -> Result<Facts, Error> {
    let shared = of_containers(home)?;
    Ok(match backend {
        Backend::Containers => shared,
        Backend::Qemu => of_virtual_machines(shared),
    })
}

/// Virtual machines have a kernel and a clock of their own; what that kernel has was looked up in its package.
fn of_virtual_machines(machine: Facts) -> Facts {
    Facts {
        backend: "qemu".to_owned(),
        kernel: image::KERNEL_PACKAGE.to_owned(),
        shared_clock: false,
        shared_kernel: false,
        shows_machine_memory: false,
        memory_limits: true,
        cpu_limits: true,
        device_limits: true,
        ipvs: true,
        nfs_client: true,
        nfs_server: true,
        fuse: true,
        tun: true,
        ..machine
    }
}

fn of_containers(home: &Home) -> Result<Facts, Error> {
    let groups = cgroup::hierarchies()?;
    let has = |controller| cgroup::with_controller(&groups, controller).is_some();
    let space = rustix::fs::statvfs(home.state()).map_err(|error| Error::file(home.state())(error.into()))?;
    let kernel = "/proc/sys/kernel/osrelease";
    Ok(Facts {
        backend: "nspawn".to_owned(),
        architecture: std::env::consts::ARCH.to_owned(),
        kernel: fs::read_to_string(kernel).map_err(Error::file(kernel))?.trim().to_owned(),
        vcpus: processors(),
        memory_mib: memory_mib()?,
        disk_free_gib: u32::try_from(space.f_bavail.saturating_mul(space.f_frsize) >> 30).unwrap_or(u32::MAX),
        shared_clock: true,
        shared_kernel: true,
        shows_machine_memory: true,
        memory_limits: has("memory"),
        cpu_limits: has("cpu"),
        device_limits: cgroup::limits_devices(&groups),
        ipvs: Path::new("/proc/net/ip_vs").exists(),
        nfs_client: file_systems().contains("nfs4"),
        nfs_server: file_systems().contains("nfsd"),
        fuse: file_systems().contains("fuse"),
        tun: Path::new("/dev/net/tun").exists(),
        bridge_filter: Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists(),
        ipv6: false,
    })
}

/// The file systems that the kernel knows now. One whose module is not loaded is not among them.
pub(crate) fn file_systems() -> std::collections::BTreeSet<String> {
    let text = fs::read_to_string("/proc/filesystems").unwrap_or_default();
    text.lines().filter_map(|line| line.split_whitespace().last()).map(str::to_owned).collect()
}

fn processors() -> u32 {
    std::thread::available_parallelism().map_or(1, |count| u32::try_from(count.get()).unwrap_or(u32::MAX))
}

fn memory_mib() -> Result<u64, Error> {
    let path = "/proc/meminfo";
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    let kib =
        text.lines().find_map(|line| line.strip_prefix("MemTotal:")?.split_whitespace().next()?.parse().ok());
    kib.map(|kib: u64| kib >> 10).ok_or_else(|| Error::Internal(format!("{path} has no MemTotal")))
}

/// Whether this machine could ever hold one of this size. Several together may ask for more than there is:
/// limits are not reservations.
pub(crate) fn check_room(size: Size) -> Result<(), Error> {
    let (vcpus, memory) = (processors(), memory_mib()?);
    if size.vcpus > vcpus {
        return Err(Error::Capacity {
            what: format!("{} processors", size.vcpus),
            available: vcpus.to_string(),
        });
    }
    if size.memory_mib > memory {
        return Err(Error::Capacity {
            what: format!("{} MiB of memory", size.memory_mib),
            available: format!("{memory} MiB"),
        });
    }
    Ok(())
}

/// How many inotify instances the init of a container and its services hold; counted on Debian 12.
const INSTANCES_PER_CONTAINER: u64 = 4;

/// For whatever else root runs on this machine.
const INSTANCES_OF_OTHERS: u64 = 16;

/// How many each user may have. Containers have no users of their own: all of theirs are root's.
const MAX_INSTANCES: &str = "/proc/sys/fs/inotify/max_user_instances";

/// Whether the kernel lets so many containers of this home run. Where it does not, the init of the next one cannot
/// start. Other homes' are not counted.
pub(crate) fn check_instances(containers: u64) -> Result<(), Error> {
    let text = fs::read_to_string(MAX_INSTANCES).map_err(Error::file(MAX_INSTANCES))?;
    let room = containers_within(text.trim().parse().unwrap_or(u64::MAX));
    if containers <= room {
        return Ok(());
    }
    Err(Error::Capacity {
        what: format!("{containers} hosts"),
        available: format!(
            "inotify instances for {room}; there are more after `sysctl -w fs.inotify.max_user_instances=1024`"
        ),
    })
}

fn containers_within(instances: u64) -> u64 {
    instances.saturating_sub(INSTANCES_OF_OTHERS) / INSTANCES_PER_CONTAINER
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn virtual_machines_share_neither_kernel_nor_clock() {
        let folder = tempfile::tempdir().unwrap();
        let home = Home::new(&folder.path().join("state"), &folder.path().join("cache")).unwrap();
        let (container, virtual_machine) =
            (find(&home, Backend::Containers).unwrap(), find(&home, Backend::Qemu).unwrap());
        assert_eq!((container.backend.as_str(), virtual_machine.backend.as_str()), ("nspawn", "qemu"));
        assert!(container.shared_clock && container.shared_kernel);
        assert!(!virtual_machine.shared_clock && !virtual_machine.shared_kernel);
        assert_eq!(container.vcpus, virtual_machine.vcpus);
    }

    #[test]
    fn what_the_kernel_grants_is_enough_for() {
        for (instances, containers) in [(128, 28), (1024, 252), (8, 0)] {
            assert_eq!(containers_within(instances), containers, "{instances}");
        }
        let error = check_instances(u64::MAX / 2).unwrap_err().to_string();
        assert!(error.contains("sysctl -w fs.inotify.max_user_instances=1024"), "{error}");
    }
}
