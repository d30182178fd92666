//! What the machine has to have, installed by apt where we may.

use std::path::PathBuf;
use std::process::Command;

use crate::error::Error;
use crate::run::{Interrupt, run};
use crate::say;

/// Makes sure that a program is there: root installs Debian's package, anybody else is told to.
pub(crate) fn need(interrupt: &Interrupt, program: &'static str, package: &'static str) -> Result<(), Error> {
    if find(program).is_some() {
        return Ok(());
    }
    if find("apt-get").is_none() || !rustix::process::geteuid().is_root() {
        return Err(Error::NotInstalled { program, package });
    }
    say::note(&format!("installing Debian's {package} with apt-get: there is no {program}"));
    for arguments in [&["update"][..], &["install", "-y", "--no-install-recommends", package][..]] {
        let mut command = Command::new("apt-get");
        command.args(["-q", "-o", "DPkg::Lock::Timeout=120"]).args(arguments);
        command.env("DEBIAN_FRONTEND", "noninteractive");
        run(interrupt, &format!("apt-get {}", arguments[0]), &mut command)?;
    }
    Ok(())
}

/// What a machine of its own hosts needs, by program and Debian package.
const FOR_HOSTS: [(&str, &str); 6] = [
    ("systemd-nspawn", "systemd-container"),
    ("mmdebstrap", "mmdebstrap"),
    ("nft", "nftables"),
    ("ip", "iproute2"),
    ("mkfs.ext4", "e2fsprogs"),
    ("sshd", "openssh-server"),
];

/// Makes sure that hosts can run on this machine, as far as programs go.
pub(crate) fn need_for_hosts(interrupt: &Interrupt) -> Result<(), Error> {
    FOR_HOSTS.into_iter().try_for_each(|(program, package)| need(interrupt, program, package))
}

/// Makes sure that there is an OCI registry to speak to, and another client of it.
pub(crate) fn need_for_oci(interrupt: &Interrupt) -> Result<(), Error> {
    ["docker-registry", "skopeo"].into_iter().try_for_each(|program| need(interrupt, program, program))
}

/// Makes sure that packages can be made for the stand-in of a package source.
pub(crate) fn need_for_packages(interrupt: &Interrupt) -> Result<(), Error> {
    [("dpkg-scanpackages", "dpkg-dev"), ("gpg", "gpg"), ("gpg-agent", "gpg-agent")]
        .into_iter()
        .try_for_each(|(program, package)| need(interrupt, program, package))
}

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
