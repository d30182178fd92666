//! A home of its own for each test, and what this machine has of it.

use std::collections::BTreeSet;
use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use skywright_machines::{
    Backend, GroupId, IntentKey, LocalMachines, Machine, MachineId, MachineSpec, MachineState, Machines,
    NetworkId, NetworkSpec, PortSpec, Severity, Size, SubnetId, SubnetSpec,
};

/// The image that tests start from.
pub(crate) const IMAGE: &str = "debian-12";

/// A home below a folder that goes with it, and a key to log in with.
pub(crate) struct Rig {
    pub(crate) machines: LocalMachines,
    pub(crate) folder: tempfile::TempDir,
}

/// None where this machine cannot run machines.
pub(crate) fn rig() -> Option<Rig> {
    rig_of(Backend::Containers)
}

pub(crate) fn rig_of(backend: Backend) -> Option<Rig> {
    let errors: Vec<_> = skywright_machines::doctor(backend)
        .into_iter()
        .filter(|found| found.severity == Severity::Error)
        .collect();
    if !errors.is_empty() {
        eprintln!("SKIPPED: no machines can run here: {errors:?}");
        return None;
    }
    // Not in /tmp: it may be of a kind that takes no overlay.
    let folder = tempfile::Builder::new().prefix("skywright-machines-").tempdir_in("/var/tmp").unwrap();
    let machines = LocalMachines::open(&folder.path().join("state"), &cache()).unwrap().with_backend(backend);
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", "ed25519", "-N", "", "-f"])
        .arg(folder.path().join("key")));
    Some(Rig { machines, folder })
}

/// Where images are kept from run to run: where the product keeps them too.
pub(crate) fn cache() -> PathBuf {
    let user = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let user = user.unwrap_or_else(|| std::env::home_dir().unwrap().join(".cache"));
    user.join("skywright/images")
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) fn key(text: &str) -> IntentKey {
    IntentKey::try_from(text.to_owned()).unwrap()
}

/// A small machine, on these subnets; without any, on the public network.
pub(crate) fn small(name: &str, subnets: &[SubnetId], login_key: String) -> MachineSpec {
    let port = |subnet: &SubnetId| PortSpec {
        subnet: *subnet,
        fixed_address: None,
        allowed_addresses: Vec::new(),
        forwards: false,
    };
    MachineSpec {
        intent: key(name),
        name: name.to_owned(),
        image: IMAGE.to_owned(),
        size: Size { vcpus: 1, memory_mib: 512, disk_gib: 4 },
        ports: subnets.iter().map(port).collect(),
        public_address: false,
        groups: Vec::<GroupId>::new(),
        login_keys: vec![login_key],
        user_data: Vec::new(),
        attributes: Vec::new(),
        tags: Vec::new(),
    }
}

impl Rig {
    pub(crate) fn login_key(&self) -> String {
        fs::read_to_string(self.folder.path().join("key.pub")).unwrap().trim().to_owned()
    }

    pub(crate) async fn network(&self, name: &str) -> NetworkId {
        let cidr = "10.77.0.0/16".parse().unwrap();
        let spec = NetworkSpec { intent: key(name), name: name.to_owned(), cidr, tags: Vec::new() };
        self.machines.create_network(spec).await.unwrap().id
    }

    pub(crate) async fn subnet(&self, network: NetworkId, name: &str, cidr: &str) -> SubnetId {
        let spec = SubnetSpec {
            intent: key(name),
            name: name.to_owned(),
            network,
            cidr: cidr.parse().unwrap(),
            dns: Vec::new(),
            routed: true,
            tags: Vec::new(),
        };
        self.machines.create_subnet(spec).await.unwrap().id
    }

    pub(crate) fn spec(&self, name: &str, subnets: &[SubnetId]) -> MachineSpec {
        small(name, subnets, self.login_key())
    }

    /// Asks until it is in this state.
    pub(crate) async fn until(&self, id: MachineId, state: MachineState) -> Machine {
        let deadline = Instant::now() + Duration::from_secs(1800);
        loop {
            let machine = self.machines.advance_machine(id).await.unwrap();
            if machine.state == state {
                return machine;
            }
            assert_ne!(machine.state, MachineState::Failed, "{:?}", machine.fault);
            assert!(Instant::now() < deadline, "{machine:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    pub(crate) async fn until_gone(&self, id: MachineId) {
        while self.machines.delete_machine(id).await.unwrap().is_some() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Runs a command by SSH, once it answers; the host key is the one that was told.
    pub(crate) fn ssh(&self, address: Ipv4Addr, machine: &Machine, command: &str) -> Output {
        self.wait_for_ssh(address, machine);
        self.ssh_command(address, machine).arg(command).output().unwrap()
    }

    pub(crate) fn wait_for_ssh(&self, address: Ipv4Addr, machine: &Machine) {
        self.wait_long_for_ssh(address, machine, Duration::from_secs(120));
    }

    pub(crate) fn wait_long_for_ssh(&self, address: Ipv4Addr, machine: &Machine, patience: Duration) {
        let deadline = Instant::now() + patience;
        // Cheaper than a client that is refused: many are waited for at once.
        let port = std::net::SocketAddr::from((address, 22));
        while std::net::TcpStream::connect_timeout(&port, Duration::from_secs(1)).is_err() {
            assert!(Instant::now() < deadline, "{machine:?} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        loop {
            let output = self.ssh_command(address, machine).arg("true").output().unwrap();
            if output.status.success() {
                return;
            }
            assert!(Instant::now() < deadline, "{}", String::from_utf8_lossy(&output.stderr));
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn ssh_command(&self, address: Ipv4Addr, machine: &Machine) -> Command {
        let known = self.folder.path().join(format!("known-{}", machine.id));
        fs::write(&known, format!("{address} {}\n", machine.host_keys[0].public_key)).unwrap();
        let mut command = Command::new("ssh");
        command.args([
            "-n",
            "-F",
            "none",
            "-o",
            "BatchMode=yes",
            "-o",
            "ConnectTimeout=5",
            "-o",
            "StrictHostKeyChecking=yes",
        ]);
        command.arg("-o").arg(format!("UserKnownHostsFile={}", known.display()));
        command.arg("-i").arg(self.folder.path().join("key")).arg(format!("debian@{address}"));
        command
    }

    /// Removes everything that is known.
    pub(crate) async fn clear(&self) {
        for machine in self.machines.machines().await.unwrap() {
            self.until_gone(machine.id).await;
        }
        for disk in self.machines.disks().await.unwrap() {
            self.machines.delete_disk(disk.id).await.unwrap();
        }
        for address in self.machines.virtual_ips().await.unwrap() {
            self.machines.delete_virtual_ip(address.id).await.unwrap();
        }
        for address in self.machines.addresses().await.unwrap() {
            self.machines.release_address(address.id).await.unwrap();
        }
        for subnet in self.machines.subnets().await.unwrap() {
            self.machines.delete_subnet(subnet.id).await.unwrap();
        }
        for network in self.machines.networks().await.unwrap() {
            self.machines.delete_network(network.id).await.unwrap();
        }
    }
}

impl Drop for Rig {
    /// Nothing of a test that failed stays on this machine.
    fn drop(&mut self) {
        let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        std::thread::scope(|scope| {
            let clear = || {
                runtime().block_on(async {
                    self.clear().await;
                    self.machines.reconcile().await.unwrap();
                });
            };
            let cleared = scope.spawn(clear).join();
            if cleared.is_err() {
                eprintln!("LEFT BEHIND: {:#?}", traces(self));
            }
        });
    }
}

/// What this machine has that a home could leave behind. Other tests and programs change some of it
/// meanwhile: what is said to be of a home is what carries its name.
pub(crate) fn traces(rig: &Rig) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let state = fs::canonicalize(rig.folder.path().join("state")).unwrap();
    let folder = state.to_str().unwrap().to_owned();
    let tag = tag(&state);
    let of_home = |line: &&str| line.contains(&folder) || line.contains(&tag);
    let mut add = |kind: &str, text: &str| {
        found.extend(text.lines().filter(of_home).map(|line| format!("{kind}: {}", line.trim())));
    };
    add("mount", &fs::read_to_string("/proc/self/mountinfo").unwrap());
    add("link", &run(Command::new("ip").args(["-oneline", "link"])));
    add("route", &run(Command::new("ip").args(["route", "show", "table", "all"])));
    add("namespace", &run(Command::new("sh").args(["-c", "ls /run/netns 2>/dev/null; true"])));
    add("rules", &run(Command::new("nft").args(["list", "ruleset"])));
    add("loop", &run(Command::new("losetup").args(["--list", "--noheadings", "--output", "NAME,BACK-FILE"])));
    add("group", &run(Command::new("sh").args(["-c", "find /sys/fs/cgroup -type d 2>/dev/null; true"])));
    add("process", &run(Command::new("ps").args(["-eo", "pid,args"])));
    add("nspawn", &run(Command::new("sh").args(["-c", "find /run/systemd/nspawn 2>/dev/null; true"])));
    for folder in ["machines", "disks"] {
        for entry in fs::read_dir(state.join(folder)).into_iter().flatten().flatten() {
            found.insert(format!("file: {}", entry.path().display()));
        }
    }
    found
}

pub(crate) fn tag_of(rig: &Rig) -> String {
    tag(&fs::canonicalize(rig.folder.path().join("state")).unwrap())
}

/// The letters that a home's things carry.
fn tag(state: &Path) -> String {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(state.to_str().unwrap());
    let letters = b"abcdefghijklmnopqrstuvwxyz234567";
    digest.iter().take(6).map(|byte| char::from(letters[usize::from(byte % 32)])).collect()
}

/// The modes and numbers of this machine's own device nodes.
pub(crate) fn device_modes() -> BTreeSet<String> {
    let nodes = ["/dev/fuse", "/dev/net/tun", "/dev/null", "/dev/loop-control", "/dev/vda", "/dev/console"];
    let described = nodes.iter().filter_map(|path| {
        let found = fs::metadata(path).ok()?;
        Some(format!("{path} {:o} {} {} {}", found.mode(), found.uid(), found.gid(), found.rdev()))
    });
    described.collect()
}
