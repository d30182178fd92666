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

fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH")?;
    std::env::split_paths(&path).map(|folder| folder.join(program)).find(|file| file.is_file())
}
