//! What this machine lacks to run machines, and the command that mends it.

use std::fs;
use std::path::Path;

use serde::Serialize;

use crate::command::{self, Command};
use crate::leftovers::{self, Leftovers};
use crate::machine;
use crate::model::Backend;
use crate::{cgroup, facts};

/// How much a finding matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No machine can run.
    Error,
    /// Machines run, without something.
    Warning,
}

/// One thing that is missing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for scripts: `package`, `root`, `kernel`, `capability`, `cgroups`, `firewall`, `kvm`,
    /// `leftovers`.
    pub code: &'static str,
    /// How much it matters.
    pub severity: Severity,
    /// What is missing: one lower-case fragment.
    pub summary: String,
    /// The command that mends it, where one does.
    pub fix: Option<String>,
}

impl Finding {
    fn error(code: &'static str, summary: impl Into<String>, fix: Option<String>) -> Self {
        Self { code, severity: Severity::Error, summary: summary.into(), fix }
    }

    fn warning(code: &'static str, summary: impl Into<String>, fix: Option<String>) -> Self {
        Self { code, severity: Severity::Warning, summary: summary.into(), fix }
    }
}

/// What this machine lacks for machines of this backend; nothing where all is well. Looks alone, and changes nothing.
/// Whether KVM boots a kernel is known once it was tried, which the first virtual machine does.
#[must_use]
pub fn doctor(backend: Backend) -> Vec<Finding> {
    let mut found: Vec<Finding> = packages(backend).into_iter().collect();
    found.extend(rights());
    found.extend(kernel(backend));
    found.extend(acceleration(backend));
    found.extend(groups());
    found.extend(firewall());
    found.extend(left_behind());
    found
}

/// The command that removes what homes left that are gone.
const REMOVE_LEFTOVERS: &str = "skywright doctor --remove-leftovers";

/// What homes left that are gone.
fn left_behind() -> Vec<Finding> {
    let describe = |home: Leftovers| {
        let of = home.state.map_or_else(|| "a home".to_owned(), |state| state.display().to_string());
        let of: String = of.chars().filter(|c| !c.is_control()).collect();
        let summary = format!("{of} is gone, and left behind: {}", home.found.join(", "));
        Finding::warning("leftovers", summary, Some(REMOVE_LEFTOVERS.to_owned()))
    };
    leftovers::leftovers().unwrap_or_default().into_iter().map(describe).collect()
}

/// Programs of every backend, with the Debian package that each is in.
const PROGRAMS: &[(&str, &str)] = &[
    ("mmdebstrap", "mmdebstrap"),
    ("ip", "iproute2"),
    ("nft", "nftables"),
    ("losetup", "mount"),
    ("mount", "mount"),
    ("mkfs.ext4", "e2fsprogs"),
    ("unshare", "util-linux"),
    ("nsenter", "util-linux"),
    ("setsid", "util-linux"),
    ("setpriv", "util-linux"),
];

fn programs_of(backend: Backend) -> &'static [(&'static str, &'static str)] {
    match backend {
        Backend::Containers => &[("systemd-nspawn", "systemd-container")],
        Backend::Qemu => &[("qemu-system-x86_64", "qemu-system-x86"), ("qemu-img", "qemu-utils")],
    }
}

fn packages(backend: Backend) -> Option<Finding> {
    let programs = programs_of(backend).iter().chain(PROGRAMS);
    let missing: Vec<_> = programs.filter(|(program, _)| command::find(program).is_none()).collect();
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    let programs: Vec<&str> = missing.iter().map(|(program, _)| *program).collect();
    (!missing.is_empty()).then(|| {
        let fix = format!("apt-get install --yes {}", packages.join(" "));
        Finding::error("package", format!("programs are missing: {}", programs.join(", ")), Some(fix))
    })
}

fn rights() -> Option<Finding> {
    if !rustix::process::geteuid().is_root() {
        let summary = "machines need root: namespaces, mounts and links of their own";
        return Some(Finding::error("root", summary, Some("sudo skywright …".to_owned())));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let held = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let held = held.and_then(|text| u64::from_str_radix(text.trim(), 16).ok()).unwrap_or_default();
    // By their numbers in linux/capability.h.
    let needed = [("CAP_NET_ADMIN", 12), ("CAP_SYS_CHROOT", 18), ("CAP_SYS_ADMIN", 21), ("CAP_MKNOD", 27)];
    let missing: Vec<&str> =
        needed.iter().filter(|(_, number)| held >> number & 1 == 0).map(|(name, _)| *name).collect();
    (!missing.is_empty())
        .then(|| Finding::error("capability", format!("this root lacks {}", missing.join(", ")), None))
}

fn acceleration(backend: Backend) -> Option<Finding> {
    let refused = match backend {
        Backend::Containers => return None,
        Backend::Qemu => machine::without_kvm()?,
    };
    Some(Finding::error("kvm", refused.to_string(), None))
}

fn kernel(backend: Backend) -> Vec<Finding> {
    let mut found = Vec::new();
    let load = |module: &str| Some(format!("modprobe {module}"));
    let known = facts::file_systems();
    let needed: &[&str] = match backend {
        Backend::Containers => &["overlay", "ext4"],
        Backend::Qemu => &[],
    };
    for system in needed {
        if !known.contains(*system) {
            found.push(Finding::error("kernel", format!("the kernel has no {system}"), load(system)));
        }
    }
    if backend == Backend::Qemu && !Path::new("/dev/net/tun").exists() {
        found.push(Finding::error("kernel", "the kernel has no taps", load("tun")));
    }
    if backend == Backend::Containers && !Path::new("/dev/loop-control").exists() {
        found.push(Finding::error("kernel", "the kernel has no loop devices", load("loop")));
    }
    if !Path::new("/proc/sys/net/bridge/bridge-nf-call-iptables").exists() {
        let summary = "security groups do not hold between hosts of one subnet";
        found.push(Finding::warning("kernel", summary, load("br_netfilter")));
    }
    if backend == Backend::Containers && !known.contains("fuse") {
        found.push(Finding::warning("kernel", "hosts have no FUSE: buckets cannot be mounted", load("fuse")));
    }
    found
}

fn groups() -> Vec<Finding> {
    let hierarchies = cgroup::hierarchies().unwrap_or_default();
    if hierarchies.is_empty() {
        let summary = "no hierarchy of control groups can be written to";
        return vec![Finding::error(
            "cgroups",
            summary,
            Some("mount -t cgroup2 cgroup2 /sys/fs/cgroup".to_owned()),
        )];
    }
    let mut found = Vec::new();
    for (controller, what) in [("memory", "memory"), ("cpu", "processor time")] {
        if cgroup::with_controller(&hierarchies, controller).is_none() {
            found.push(Finding::warning("cgroups", format!("hosts have no limit of {what}"), None));
        }
    }
    found
}

/// Docker, for one, drops whatever this machine forwards that is not its own.
fn firewall() -> Option<Finding> {
    let rules = Command::new("nft").args(["list", "chain", "ip", "filter", "FORWARD"]).run().ok()?;
    let drops = rules.lines().any(|line| line.contains("hook forward") && line.contains("policy drop"));
    let table = rules.contains("DOCKER-USER");
    drops.then(|| {
        let fix = match table {
            true => "iptables -I DOCKER-USER -i sw+ -j ACCEPT && iptables -I DOCKER-USER -o sw+ -j ACCEPT",
            false => "iptables -I FORWARD -i sw+ -j ACCEPT && iptables -I FORWARD -o sw+ -j ACCEPT",
        };
        let summary = "this machine's firewall drops what it forwards: hosts do not reach the internet";
        Finding::warning("firewall", summary, Some(fix.to_owned()))
    })
}
