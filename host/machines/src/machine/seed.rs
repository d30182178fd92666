//! What a container finds on its disk at its first start, and what every machine is told of itself.
//!
//! It is written once, before anything of the machine ran: later its root decides what is at a path, and a
//! link there could lead anywhere on this machine.

use std::fs::{self, DirBuilder, File};
use std::io::Write;
use std::net::Ipv4Addr;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown};
use std::path::Path;

use sha2::{Digest, Sha256};
use ssh_key::private::Ed25519Keypair;
use ssh_key::{HashAlg, LineEnding, PrivateKey};
use zeroize::Zeroizing;

use super::storage;
use crate::error::Error;
use crate::home::Home;
use crate::image;
use crate::model::HostKey;
use crate::state::{MachineRecord, State};

/// Who the login user is, in every image.
const LOGIN_ID: u32 = 1000;

/// Writes all of it, and answers with its host keys.
pub(super) fn plant(home: &Home, state: &State, machine: &MachineRecord) -> Result<Vec<HostKey>, Error> {
    let root = storage::root(home, machine.id);
    let identity = identity(home, machine);
    let name = &machine.name;
    write(&root.join("etc/machine-id"), 0o444, &format!("{identity}\n"))?;
    write(&root.join("etc/hostname"), 0o644, &format!("{name}\n"))?;
    write(
        &root.join("etc/hosts"),
        0o644,
        &format!("127.0.0.1 localhost\n127.0.1.1 {name}\n::1 localhost\n"),
    )?;
    let resolver: String =
        resolvers(state, machine)?.iter().map(|server| format!("nameserver {server}\n")).collect();
    write(&root.join("etc/resolv.conf"), 0o644, &resolver)?;
    plant_login_keys(&root, machine)?;
    let seed = root.join("var/lib/cloud/seed/nocloud");
    fs::create_dir_all(&seed).map_err(Error::file(&seed))?;
    let about = format!("instance-id: {identity}\nlocal-hostname: {name}\n");
    write(&seed.join("meta-data"), 0o644, &about)?;
    let user_data = home.machine(machine.id).join("user-data");
    let user_data = fs::read(&user_data).map_err(Error::file(&user_data))?;
    write_bytes(&seed.join("user-data"), 0o600, &user_data)?;
    let key = KeyPair::new(name)?;
    write(&root.join("etc/ssh/ssh_host_ed25519_key"), 0o600, &key.private)?;
    write(&root.join("etc/ssh/ssh_host_ed25519_key.pub"), 0o644, &format!("{}\n", key.public))?;
    Ok(vec![key.host_key])
}

/// 32 hexadecimal digits that no other machine has.
pub(super) fn identity(home: &Home, machine: &MachineRecord) -> String {
    let identity = format!("{} {} {}", home.tag(), machine.id, machine.intent);
    Sha256::digest(identity).iter().take(16).map(|byte| format!("{byte:02x}")).collect()
}

fn plant_login_keys(root: &Path, machine: &MachineRecord) -> Result<(), Error> {
    if machine.login_keys.is_empty() {
        return Ok(());
    }
    let folder = root.join("home").join(image::login_user(&machine.image)?).join(".ssh");
    match DirBuilder::new().mode(0o700).create(&folder) {
        Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => {
            return Err(Error::file(&folder)(error));
        }
        _ => {}
    }
    let keys = folder.join("authorized_keys");
    write(&keys, 0o600, &(machine.login_keys.join("\n") + "\n"))?;
    for path in [&folder, &keys] {
        chown(path, Some(LOGIN_ID), Some(LOGIN_ID)).map_err(Error::file(path))?;
    }
    Ok(())
}

/// The key of a machine's SSH server. A new one each time that it is planted: a plant that was cut off has told
/// nobody of its key.
pub(super) struct KeyPair {
    pub(super) private: Zeroizing<String>,
    /// One line, with the machine's name as its comment.
    pub(super) public: String,
    pub(super) host_key: HostKey,
}

impl KeyPair {
    pub(super) fn new(name: &str) -> Result<Self, Error> {
        let broken = |what: &str| Error::Internal(format!("no host key could be made: {what}"));
        let mut seed = Zeroizing::new([0; 32]);
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), &mut *seed)
            .map_err(|_| broken("the system gives no random numbers"))?;
        let mut key = PrivateKey::from(Ed25519Keypair::from_seed(&seed));
        key.set_comment(name);
        let private = key.to_openssh(LineEnding::LF).map_err(|_| broken("it cannot be encoded"))?;
        let public = key.public_key().to_openssh().map_err(|_| broken("it cannot be encoded"))?;
        let host_key = HostKey {
            algorithm: "ssh-ed25519".to_owned(),
            // Without its comment, as `known_hosts` has it.
            public_key: public.split(' ').take(2).collect::<Vec<_>>().join(" "),
            fingerprint: key.public_key().fingerprint(HashAlg::Sha256).to_string(),
        };
        Ok(Self { private, public, host_key })
    }
}

/// Its subnet's name servers, or this machine's.
pub(super) fn resolvers(state: &State, machine: &MachineRecord) -> Result<Vec<Ipv4Addr>, Error> {
    let first = machine.ports.first().and_then(|port| port.subnet);
    let mut servers = match first {
        Some(subnet) => state.subnet(subnet)?.dns.clone(),
        None => Vec::new(),
    };
    // Where a resolver of this machine listens on loopback, systemd-resolved keeps those behind it elsewhere.
    for path in ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"] {
        if servers.is_empty() {
            servers = name_servers(&fs::read_to_string(path).unwrap_or_default());
        }
    }
    Ok(servers)
}

/// Those that others than this machine can reach.
fn name_servers(text: &str) -> Vec<Ipv4Addr> {
    let lines = text.lines().filter_map(|line| line.trim().strip_prefix("nameserver"));
    lines
        .filter_map(|rest| rest.trim().parse().ok())
        .filter(|server: &Ipv4Addr| !server.is_loopback())
        .collect()
}

fn write(path: &Path, mode: u32, text: &str) -> Result<(), Error> {
    write_bytes(path, mode, text.as_bytes())
}

/// Replaces a file, never what a link there leads to.
pub(super) fn write_bytes(path: &Path, mode: u32, bytes: &[u8]) -> Result<(), Error> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(Error::file(path)(error)),
        _ => {}
    }
    let file = File::options().write(true).create_new(true).mode(mode).open(path);
    file.and_then(|mut file| file.write_all(bytes)).map_err(Error::file(path))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn name_servers_are_those_that_others_reach() {
        let text = "# x\nsearch a\nnameserver 127.0.0.53\nnameserver 192.0.2.1\n nameserver ::1\nnameserver 9.9.9.9 \n";
        let servers: Vec<_> = name_servers(text).iter().map(ToString::to_string).collect();
        assert_eq!(servers, ["192.0.2.1", "9.9.9.9"]);
    }

    #[test]
    fn a_link_in_the_place_of_a_file_is_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let (outside, inside) = (folder.path().join("outside"), folder.path().join("inside"));
        fs::write(&outside, "kept").unwrap();
        std::os::unix::fs::symlink(&outside, &inside).unwrap();
        write(&inside, 0o600, "new").unwrap();
        assert_eq!(fs::read_to_string(&outside).unwrap(), "kept");
        assert_eq!(fs::read_to_string(&inside).unwrap(), "new");
    }

    proptest! {
        #[test]
        fn any_text_has_name_servers(text in ".{0,80}|(nameserver [0-9.]{0,16}\n){0,3}") {
            prop_assert!(name_servers(&text).iter().all(|server| !server.is_loopback()));
        }
    }
}
