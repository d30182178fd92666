//! The script in a root file system, by systemd-nspawn and without a start of systemd: what it writes, that a
//! second run writes nothing, and what it says when it fails.
//!
//! It needs root and `SKYWRIGHT_BOOTSTRAP_ROOT`, a folder with a Debian root file system, which stays as it is:
//!
//! ```sh
//! mmdebstrap --variant=apt --include=systemd-sysv,openssh-server,sudo,nftables,firewalld bookworm FOLDER
//! ```
//!
//! Not shown here: reloads of what runs, the kernel's part of the firewall beyond nft's check, Ubuntu, a real member
//! of the RHEL family (firewalld is Debian's), SELinux, a console of a cloud.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use skywright_bootstrap::{Bootstrap, host_keys_from_console};
use tempfile::TempDir;

use crate::{gateway, plain};

/// The root file system with a layer over it, which goes when this goes.
struct Root(TempDir);

impl Root {
    /// `None`, and said so, where there is none to copy.
    fn layered() -> Option<Self> {
        let Some(from) = std::env::var_os("SKYWRIGHT_BOOTSTRAP_ROOT") else {
            eprintln!(
                "NOT TESTED: the script is run only where SKYWRIGHT_BOOTSTRAP_ROOT is a root file system"
            );
            return None;
        };
        let root = Self(tempfile::tempdir().unwrap());
        let folder = |name: &str| root.0.path().join(name);
        for name in ["upper", "work", "root"] {
            fs::create_dir(folder(name)).unwrap();
        }
        let layers = format!(
            "lowerdir={},upperdir={},workdir={}",
            Path::new(&from).display(),
            folder("upper").display(),
            folder("work").display()
        );
        let mount = ["-t", "overlay", "overlay", "-o", &layers];
        assert!(Command::new("mount").args(mount).arg(folder("root")).status().unwrap().success());
        Some(root)
    }

    fn path(&self, inside: &str) -> PathBuf {
        self.0.path().join("root").join(inside.trim_start_matches('/'))
    }

    /// Of this file system alone: several run at a time.
    fn machine(&self) -> String {
        self.0.path().file_name().unwrap().to_string_lossy().trim_start_matches('.').to_owned()
    }

    fn read(&self, inside: &str) -> String {
        fs::read_to_string(self.path(inside)).unwrap_or_else(|error| panic!("{inside}: {error}"))
    }

    fn write(&self, inside: &str, text: &str) {
        fs::write(self.path(inside), text).unwrap();
    }

    /// What a command in it prints, and whether it ended well. Nothing of this machine's network is there.
    fn run(&self, command: &str) -> (bool, String) {
        let output = Command::new("systemd-nspawn")
            .args([
                "--quiet",
                "--register=no",
                "--keep-unit",
                "--private-network",
                "--pipe",
                "--hostname=web-1",
            ])
            .args(["-M", &self.machine(), "-D"])
            .arg(self.path("/"))
            .args(["bash", "-c", command])
            .output()
            .unwrap();
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        (output.status.success(), said.concat())
    }

    fn bootstrap(&self, bootstrap: &Bootstrap) -> (bool, String) {
        self.write("root/user-data", &bootstrap.render().unwrap());
        self.run("bash /root/user-data")
    }

    fn status(&self) -> Value {
        serde_json::from_str(&self.read(skywright_bootstrap::STATUS_PATH)).unwrap()
    }

    /// It says that it is of the family of Red Hat Enterprise Linux.
    fn pretend_rocky(&self) {
        self.write("usr/lib/os-release", "ID=rocky\nVERSION_ID=9.4\nID_LIKE=\"rhel centos fedora\"\n");
    }

    /// All below `/etc` and `/usr/local`: what kind and mode, whose, when changed, how large.
    fn everything(&self) -> BTreeMap<String, String> {
        let (good, said) = self.run(r"find /etc /usr/local /home -printf '%p|%y %m %u:%g %T@ %s %l\n'");
        assert!(good, "{said}");
        said.lines()
            .filter_map(|line| line.split_once('|'))
            .map(|(a, b)| (a.to_owned(), b.to_owned()))
            .collect()
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.path("/")).status();
        // nspawn leaves this folder.
        let _ = fs::remove_dir(Path::new("/run/systemd/nspawn/propagate").join(self.machine()));
    }
}

#[test]
fn a_plain_host() {
    let Some(root) = Root::layered() else { return };
    root.write("etc/ssh/sshd_config.d/50-cloud-init.conf", "PasswordAuthentication yes\nPort 22\n");
    let (good, said) = root.bootstrap(&plain());
    assert!(good, "{said}");
    assert_eq!(root.status(), json!({"state": "done", "line": null, "command": null, "message": null}));
    assert_eq!(root.read("etc/hostname"), "web-1\n");
    assert!(root.read("etc/hosts").contains("127.0.1.1 web-1.lab.example web-1\n"));
    assert!(root.read("home/skywright/.ssh/authorized_keys").contains("it's one"));

    let (good, said) = root.run("su skywright -s /bin/bash -c 'sudo -n id -u'");
    assert!(good && said.lines().next() == Some("0"), "{said}");
    let (good, said) = root.run("mkdir -p /run/sshd; sshd -t && sshd -T");
    assert!(good, "{said}");
    for line in
        ["port 22", "passwordauthentication no", "permitrootlogin no", "authenticationmethods publickey"]
    {
        assert!(said.lines().any(|said| said == line), "{line} in {said}");
    }
    let (good, said) =
        root.run("nft -c -f /etc/skywright/firewall.nft && systemctl is-enabled skywright-firewall");
    assert!(good, "{said}");
    assert!(!root.read("etc/skywright/firewall.nft").contains("chain forward"));
}

#[test]
fn a_second_run_changes_nothing() {
    for (bootstrap, rocky) in [(plain(), false), (gateway(), false), (gateway(), true)] {
        let Some(root) = Root::layered() else { return };
        if rocky {
            root.pretend_rocky();
        }
        let (good, said) = root.bootstrap(&bootstrap);
        assert!(good, "{said}");
        let before = root.everything();
        let (good, said) = root.bootstrap(&bootstrap);
        assert!(good, "{said}");
        let after = root.everything();
        let changed = after.iter().filter(|(path, what)| before.get(*path) != Some(what)).collect::<Vec<_>>();
        assert!(changed.is_empty() && before.len() == after.len(), "{changed:#?}");
        assert!(before.contains_key("/etc/skywright/firewall.conf"));
    }
}

#[test]
fn a_gateway_tells_its_host_keys() {
    let Some(root) = Root::layered() else { return };
    let (good, said) = root.bootstrap(&gateway());
    assert!(good, "{said}");
    let keys = host_keys_from_console(&said).unwrap().unwrap();
    let public: ssh_key::PublicKey = root.read("etc/ssh/ssh_host_ed25519_key.pub").parse().unwrap();
    assert_eq!(keys.len(), 1);
    assert_eq!(
        keys[0].to_string(),
        ssh_key::PublicKey::new(public.key_data().clone(), "").to_openssh().unwrap()
    );
    let (good, said) = root.run("nft -c -f /etc/skywright/firewall.nft && cat /etc/skywright/firewall.nft");
    assert!(good && said.contains("masquerade") && said.contains("tcp dport 2222 accept"), "{said}");
    assert_eq!(root.read("etc/sysctl.d/90-skywright-gateway.conf"), "net.ipv4.ip_forward = 1\n");
}

#[test]
fn firewalld_takes_what_it_is_given() {
    let Some(root) = Root::layered() else { return };
    root.pretend_rocky();
    let (good, said) = root.bootstrap(&gateway());
    assert!(good, "{said}");
    root.write("etc/skywright/ports.d/site", "tcp 8443 203.0.113.0/24\ntcp 8080 inside\n");
    let (good, said) = root.run("skywright-firewall write");
    assert!(good, "{said}");
    for zone in ["skywright", "skywright-inside"] {
        let rules = root.read(&format!("etc/firewalld/zones/{zone}.xml"));
        assert!(
            rules.contains(r#"<source address="203.0.113.0/24"/><port protocol="tcp" port="8443"/>"#),
            "{rules}"
        );
        assert_eq!(rules.contains(r#"port="8080""#), zone == "skywright-inside", "{rules}");
    }
    let (good, said) = root.run(
        "firewall-offline-cmd --check-config && firewall-offline-cmd --get-default-zone && \
         firewall-offline-cmd --info-policy=skywright-forward",
    );
    assert!(good && said.contains("skywright\n") && said.contains("masquerade"), "{said}");
    assert!(!root.path("etc/skywright/firewall.nft").exists());
}

#[test]
fn features_open_ports() {
    let Some(root) = Root::layered() else { return };
    assert!(root.bootstrap(&plain()).0);
    root.write(
        "etc/skywright/ports.d/proxy",
        "# for all\ntcp 443 anywhere\nudp 5000-5010 inside\ntcp 22 203.0.113.0/24\n",
    );
    let (good, said) = root.run("skywright-firewall write && nft -c -f /etc/skywright/firewall.nft");
    assert!(good, "{said}");
    let rules = root.read("etc/skywright/firewall.nft");
    assert!(
        rules.contains("tcp dport 443 accept")
            && rules.contains("udp dport 5000-5010 ip saddr @inside accept")
            && rules.contains("ip saddr 203.0.113.0/24 tcp dport 22 accept")
    );
    // A broken file takes neither the others' ports nor the firewall away, and writes no rule of its own.
    root.write(
        "etc/skywright/ports.d/broken",
        "tcp 0 anywhere\ntcp 1; accept\ntcp 9-8 inside\ntcp 99999 inside\n\
         tcp 1 10.0.0.0\ntcp 1 10.0.0.256/8\ntcp 1 10.0.0.0/33\n",
    );
    let (good, said) = root.run("skywright-firewall write");
    assert!(!good && said.matches("not a port to open").count() == 7, "{said}");
    assert_eq!(root.read("etc/skywright/firewall.nft"), rules);
}

#[test]
fn another_system_is_refused() {
    let Some(root) = Root::layered() else { return };
    for (release, name) in [("ID=arch\n", "arch"), ("ID=debian\nVERSION_ID=10\n", "debian 10")] {
        root.write("usr/lib/os-release", release);
        assert!(!root.bootstrap(&plain()).0);
        let status = root.status();
        assert_eq!(status["state"], "failed");
        assert!(
            status["message"].as_str().unwrap().starts_with(&format!("{name} is not supported")),
            "{status}"
        );
        assert!(!root.path("etc/skywright/firewall.conf").exists());
    }
}

#[test]
fn a_failure_shows_its_line() {
    let Some(root) = Root::layered() else { return };
    root.write("usr/sbin/useradd", "#!/bin/sh\necho 'no \"room\" \\ left' >&2\nexit 7\n");
    let (good, said) = root.bootstrap(&plain());
    assert!(!good && said.contains("skywright: failed in line "), "{said}");
    let status = root.status();
    let script = plain().render().unwrap();
    let line = usize::try_from(status["line"].as_u64().unwrap()).unwrap();
    assert!(script.lines().nth(line - 1).unwrap().starts_with("useradd "), "{status}");
    assert!(status["command"].as_str().unwrap().starts_with("useradd "));
    assert_eq!(status["message"], "no \"room\" \\ left");
}

#[test]
fn what_sshd_does_not_take_is_taken_back() {
    let Some(root) = Root::layered() else { return };
    root.write("etc/ssh/sshd_config.d/50-other.conf", "NoSuchThing yes\n");
    assert!(!root.bootstrap(&plain()).0);
    let message = root.status()["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("sshd does not take its new configuration"), "{message}");
    assert!(!root.path("etc/ssh/sshd_config.d/00-skywright.conf").exists());
}
