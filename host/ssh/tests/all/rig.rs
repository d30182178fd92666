//! Two gateways and a machine behind them that nothing else reaches: OpenSSH's server, once in each of three
//! network namespaces. What it does not prove: anything about networks that lose packets or have a delay.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use skywright_ssh::{ClientKey, Endpoint, HostKeys, Target};
use tempfile::TempDir;

/// Names of namespaces begin so; the process id follows.
const PREFIX: &str = "swssh";

/// What `sshd` wants to find when it starts as root.
const PRIVILEGE_SEPARATION: &str = "/run/sshd";

static NEXT: AtomicU32 = AtomicU32::new(0);

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Machine {
    First,
    Second,
    Inner,
}

impl Machine {
    const ALL: [Self; 3] = [Self::First, Self::Second, Self::Inner];

    fn letter(self) -> &'static str {
        match self {
            Self::First => "a",
            Self::Second => "b",
            Self::Inner => "t",
        }
    }
}

/// The three machines, until it is dropped.
pub(crate) struct Rig {
    folder: TempDir,
    name: String,
    /// The first of 32 addresses.
    base: u32,
    servers: Vec<(Machine, Child)>,
}

impl Rig {
    /// `None` where this machine cannot: see [`can_run`].
    pub(crate) fn start() -> Option<Self> {
        Self::with_options(&[])
    }

    /// With further lines for a machine's `sshd_config`.
    pub(crate) fn with_options(options: &[(Machine, &str)]) -> Option<Self> {
        if !can_run() {
            return None;
        }
        sweep();
        fs::create_dir_all(PRIVILEGE_SEPARATION).unwrap();
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let id = std::process::id();
        // 198.18.0.0/15 is for such purposes.
        let base = 0xc612_0000 + ((id.wrapping_mul(37).wrapping_add(number)) % 4096) * 32;
        let mut rig = Self {
            folder: TempDir::new().unwrap(),
            name: format!("{PREFIX}-{id}-{number}"),
            base,
            servers: Vec::new(),
        };
        rig.connect();
        let key = rig.path("id");
        tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
        for machine in Machine::ALL {
            let key = rig.path(&format!("host_key_{}", machine.letter()));
            tool("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-f", key.to_str().unwrap()]);
            let more: Vec<_> =
                options.iter().filter(|(of, _)| *of == machine).map(|(_, line)| *line).collect();
            rig.configure(machine, &more.join("\n"));
            rig.serve(machine);
        }
        Some(rig)
    }

    /// A file of the rig's own.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The machine behind both gateways.
    pub(crate) fn target(&self) -> Target {
        Target {
            endpoint: self.endpoint(Machine::Inner),
            gateways: vec![self.endpoint(Machine::First), self.endpoint(Machine::Second)],
        }
    }

    pub(crate) fn endpoint(&self, machine: Machine) -> Endpoint {
        Endpoint {
            address: self.address(machine),
            port: 22,
            user: "root".to_owned(),
            key: ClientKey::from_openssh(&fs::read_to_string(self.path("id")).unwrap()).unwrap(),
            host_keys: HostKeys::Pinned(vec![self.host_key(machine).parse().unwrap()]),
        }
    }

    pub(crate) fn host_key(&self, machine: Machine) -> String {
        fs::read_to_string(self.path(&format!("host_key_{}.pub", machine.letter()))).unwrap()
    }

    pub(crate) fn address(&self, machine: Machine) -> String {
        self.ip(match machine {
            Machine::First => 2,
            Machine::Second => 6,
            Machine::Inner => 17,
        })
    }

    /// Ends the machine's server and all that it has started.
    pub(crate) fn kill(&mut self, machine: Machine) {
        for process in self.processes(machine) {
            end(process);
        }
        self.servers.retain_mut(|(of, child)| {
            if *of == machine {
                let _ = child.wait();
            }
            *of != machine
        });
    }

    /// Starts the machine's server again.
    pub(crate) fn serve(&mut self, machine: Machine) {
        let log = self.path(&format!("log_{}", machine.letter()));
        let _ = fs::remove_file(&log);
        let child = Command::new("ip")
            .args(["netns", "exec", &self.namespace(machine), "/usr/sbin/sshd", "-D", "-f"])
            .arg(self.path(&format!("config_{}", machine.letter())))
            .arg("-E")
            .arg(&log)
            .stdin(Stdio::null())
            .spawn()
            .unwrap();
        self.servers.push((machine, child));
        let end = Instant::now() + Duration::from_secs(30);
        while !fs::read_to_string(&log).unwrap_or_default().contains("Server listening") {
            assert!(Instant::now() < end, "sshd does not start: {:?}", fs::read_to_string(&log));
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// Takes the gateway off the network: packets to it get no answer.
    pub(crate) fn unplug(&self, gateway: Machine) {
        tool("ip", &["-n", &self.namespace(gateway), "link", "set", "out", "down"]);
    }

    /// Puts it back on.
    pub(crate) fn plug_in(&self, gateway: Machine) {
        tool("ip", &["-n", &self.namespace(gateway), "link", "set", "out", "up"]);
    }

    /// Takes the gateway's way to the machine behind it.
    pub(crate) fn cut_off(&self, gateway: Machine) {
        tool("ip", &["-n", &self.namespace(gateway), "route", "del", &format!("{}/32", self.ip(17))]);
    }

    /// Processes that the machine runs.
    pub(crate) fn processes(&self, machine: Machine) -> Vec<u32> {
        let output = Command::new("ip").args(["netns", "pids", &self.namespace(machine)]).output().unwrap();
        String::from_utf8_lossy(&output.stdout).split_whitespace().filter_map(|id| id.parse().ok()).collect()
    }

    /// Command lines of what the machine runs.
    pub(crate) fn command_lines(&self, machine: Machine) -> Vec<String> {
        let line = |id: u32| fs::read_to_string(format!("/proc/{id}/cmdline")).unwrap_or_default();
        self.processes(machine).into_iter().map(|id| line(id).replace('\0', " ")).collect()
    }

    fn namespace(&self, machine: Machine) -> String {
        format!("{}{}", self.name, machine.letter())
    }

    fn ip(&self, offset: u32) -> String {
        std::net::Ipv4Addr::from(self.base + offset).to_string()
    }

    /// Cables: this machine to each gateway, each gateway to the machine behind.
    fn connect(&self) {
        for machine in Machine::ALL {
            tool("ip", &["netns", "add", &self.namespace(machine)]);
            tool("ip", &["-n", &self.namespace(machine), "link", "set", "lo", "up"]);
        }
        let inner = self.namespace(Machine::Inner);
        let address = format!("{}/32", self.ip(17));
        tool("ip", &["-n", &inner, "addr", "add", &address, "dev", "lo"]);
        for (gateway, near, far) in [(Machine::First, 1, 9), (Machine::Second, 5, 13)] {
            let namespace = self.namespace(gateway);
            let here = format!("sws{:x}{}", self.base & 0xf_ffff, gateway.letter());
            let to = format!("to-{}", gateway.letter());
            tool("ip", &["link", "add", &here, "type", "veth", "peer", "name", "out", "netns", &namespace]);
            tool("ip", &["addr", "add", &format!("{}/30", self.ip(near)), "dev", &here]);
            tool("ip", &["link", "set", &here, "up"]);
            let own = format!("{}/30", self.ip(near + 1));
            tool("ip", &["-n", &namespace, "addr", "add", &own, "dev", "out"]);
            tool("ip", &["-n", &namespace, "link", "set", "out", "up"]);
            tool(
                "ip",
                &[
                    "-n", &namespace, "link", "add", "in", "type", "veth", "peer", "name", &to, "netns",
                    &inner,
                ],
            );
            let (left, right) = (format!("{}/30", self.ip(far)), format!("{}/30", self.ip(far + 1)));
            tool("ip", &["-n", &namespace, "addr", "add", &left, "dev", "in"]);
            tool("ip", &["-n", &namespace, "link", "set", "in", "up"]);
            tool("ip", &["-n", &inner, "addr", "add", &right, "dev", &to]);
            tool("ip", &["-n", &inner, "link", "set", &to, "up"]);
            tool("ip", &["-n", &namespace, "route", "add", &address, "via", &self.ip(far + 1)]);
        }
    }

    fn configure(&self, machine: Machine, more: &str) {
        let text = format!(
            "{more}\nListenAddress {}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\nUsePAM no\n\
             PermitRootLogin prohibit-password\nPidFile none\nLogLevel INFO\nPrintMotd no\n\
             Subsystem sftp internal-sftp\nSetEnv HOME={}\n",
            self.address(machine),
            self.path(&format!("host_key_{}", machine.letter())).display(),
            self.path("id.pub").display(),
            // What this machine's root runs at every start of a shell is none of the tests' business.
            self.folder.path().display(),
        );
        fs::write(self.path(&format!("config_{}", machine.letter())), text).unwrap();
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        for machine in Machine::ALL {
            self.kill(machine);
            let _ = Command::new("ip").args(["netns", "del", &self.namespace(machine)]).status();
        }
    }
}

/// Whether there is root and OpenSSH. Where `cargo xtask test` has prepared the machine there has to be.
fn can_run() -> bool {
    let programs = ["/usr/sbin/sshd", "/usr/bin/ssh", "/usr/bin/ssh-keygen"];
    let can = rustix::process::geteuid().is_root() && programs.iter().all(|path| Path::new(path).exists());
    assert!(can || std::env::var_os("SKYWRIGHT_LOCAL").is_none(), "there is no root or no openssh-server");
    can
}

/// Removes what tests left that were killed themselves.
fn sweep() {
    for entry in fs::read_dir("/run/netns").into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let owner = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').nth(1)?.parse::<u32>().ok());
        if owner.is_some_and(|id| !Path::new(&format!("/proc/{id}")).exists()) {
            let output = Command::new("ip").args(["netns", "pids", &name]).output().unwrap();
            for id in String::from_utf8_lossy(&output.stdout).split_whitespace() {
                end(id.parse().unwrap());
            }
            let _ = Command::new("ip").args(["netns", "del", &name]).stderr(Stdio::null()).status();
        }
    }
}

fn end(process: u32) {
    let id = rustix::process::Pid::from_raw(process.cast_signed());
    let _ = id.map(|id| rustix::process::kill_process(id, rustix::process::Signal::KILL));
}

pub(crate) fn tool(program: &str, arguments: &[&str]) {
    let output = Command::new(program).args(arguments).output().unwrap();
    assert!(
        output.status.success(),
        "{program} {}: {}",
        arguments.join(" "),
        String::from_utf8_lossy(&output.stderr)
    );
}
