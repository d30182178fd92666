//! Network namespaces with names.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::command::Command;
use crate::error::Error;
use crate::home::Home;

const FOLDER: &str = "/run/netns";
/// What the kernel says of a file that is a namespace: `NSFS_MAGIC`.
const NAMESPACE_FILE_SYSTEM: u64 = 0x6e73_6673;

/// The alias of a link that all is done for. It goes with the link, so that it is never out of date.
pub(super) const READY: &str = "ready";

/// A network namespace by its name, whether it is there or not.
#[derive(Debug, Clone)]
pub(crate) struct Namespace(String);

impl Namespace {
    pub(crate) fn new(name: String) -> Self {
        Self(name)
    }

    pub(crate) fn name(&self) -> &str {
        &self.0
    }

    pub(crate) fn path(&self) -> PathBuf {
        Path::new(FOLDER).join(&self.0)
    }

    pub(crate) fn exists(&self) -> bool {
        let kind = rustix::fs::statfs(self.path()).map(|found| found.f_type);
        kind.is_ok_and(|kind| u64::try_from(kind).is_ok_and(|kind| kind == NAMESPACE_FILE_SYSTEM))
    }

    pub(crate) fn ensure(&self) -> Result<(), Error> {
        if self.exists() {
            return Ok(());
        }
        // A kill in the middle of it leaves an empty file.
        self.remove()?;
        Command::new("ip").args(["netns", "add", &self.0]).run().map(drop)
    }

    pub(crate) fn remove(&self) -> Result<(), Error> {
        if self.exists() {
            let removed = Command::new("ip").args(["netns", "del", &self.0]).run();
            // Another process may have been faster.
            if removed.is_ok() || self.path().exists() {
                return removed.map(drop);
            }
        }
        match fs::remove_file(self.path()) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                Err(Error::file(self.path())(error))
            }
            _ => Ok(()),
        }
    }

    /// Tells `ip` these lines, within it.
    pub(crate) fn ip(&self, batch: &str) -> Result<(), Error> {
        match batch.is_empty() {
            true => Ok(()),
            false => Command::new("ip").args(["-n", &self.0, "-batch", "-"]).input(batch).run().map(drop),
        }
    }

    /// The names of its links; none where it is not there.
    pub(crate) fn links(&self) -> Result<Vec<String>, Error> {
        Ok(self.look(&["link", "show"])?.into_iter().map(|link| link.ifname).collect())
    }

    pub(crate) fn addresses(&self, link: &str) -> Result<Vec<Ipv4Addr>, Error> {
        let found = self.look(&["-4", "addr", "show", "dev", link])?;
        Ok(found.into_iter().flat_map(|link| link.addr_info).filter_map(|info| info.local).collect())
    }

    fn look(&self, what: &[&str]) -> Result<Vec<Link>, Error> {
        if !self.exists() {
            return Ok(Vec::new());
        }
        let text = Command::new("ip").args(["-n", &self.0, "-json"]).args(what).run()?;
        if text.trim().is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_str(&text)
            .map_err(|error| Error::Internal(format!("what `ip` says of links: {error}")))
    }

    /// Whether the link is there and carries the mark of one that is finished.
    pub(crate) fn is_ready(&self, link: &str) -> Result<bool, Error> {
        let links = self.look(&["link", "show"])?;
        Ok(links.iter().any(|known| known.ifname == link && known.ifalias.as_deref() == Some(READY)))
    }

    /// Adds a link by this line, unless there is one of its name.
    pub(crate) fn add_link(&self, name: &str, line: &str) -> Result<(), Error> {
        match self.links()?.iter().any(|link| link == name) {
            true => Ok(()),
            false => self.ip(&format!("{line}\n")),
        }
    }

    /// One that is gone already is done; one that goes meanwhile, with the namespace of its other end, too.
    pub(crate) fn remove_link(&self, name: &str) -> Result<(), Error> {
        let is_there = || Ok::<_, Error>(self.links()?.iter().any(|link| link == name));
        if !is_there()? {
            return Ok(());
        }
        match self.ip(&format!("link del {name}\n")) {
            Err(error) if is_there()? => Err(error),
            _ => Ok(()),
        }
    }

    /// A router's settings: it forwards, and what its bridges carry passes its rules.
    pub(crate) fn settings(&self) -> Result<(), Error> {
        let script = "echo 1 > /proc/sys/net/ipv4/ip_forward\n\
            for file in /proc/sys/net/bridge/bridge-nf-call-iptables; do\n\
            if [ -e $file ]; then echo 1 > $file; fi; done\n";
        self.within("sh").args(["-ec", script]).run().map(drop)
    }

    pub(crate) fn nft(&self, rules: &str) -> Result<(), Error> {
        self.within("nft").args(["-f", "-"]).input(rules).run().map(drop)
    }

    fn within(&self, program: &str) -> Command {
        Command::new("nsenter").arg(format!("--net={}", self.path().display())).arg("--").arg(program)
    }
}

#[derive(Deserialize)]
struct Link {
    #[serde(default)]
    ifname: String,
    ifalias: Option<String>,
    #[serde(default)]
    addr_info: Vec<Address>,
}

#[derive(Deserialize)]
struct Address {
    local: Option<Ipv4Addr>,
}

/// The names of all network namespaces of this machine.
pub(crate) fn names() -> Vec<String> {
    let entries = fs::read_dir(FOLDER).into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
}

/// All namespaces of a home, by their names.
pub(crate) fn of_home(home: &Home) -> Vec<Namespace> {
    let prefix = home.public_namespace();
    let ours = names().into_iter().filter(|name| *name == prefix || name.starts_with(&format!("{prefix}-")));
    ours.map(Namespace::new).collect()
}
