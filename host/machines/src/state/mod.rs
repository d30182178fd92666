//! What a home has, written down in one file before it is made.

mod address;
mod disk;
mod group;
mod machine;
mod network;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;

use ipnet::Ipv4Net;
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::home::Home;
use crate::id::{AddressId, DiskId, GroupId, IntentKey, MachineId, NetworkId, SubnetId, VirtualIpId};
use crate::model::{Disk, Group, MachineState, PublicAddress, Subnet, Tags, VirtualIp};

pub(crate) use disk::{DEVICES, serial};
pub(crate) use machine::MachineRecord;
pub(crate) use machine::check_size;
#[cfg(test)]
pub(crate) use machine::tests::record;
pub(crate) use network::{NetworkRecord, first, overlap};

/// The format of the file. Another is refused: it may be a later one's.
const VERSION: u32 = 1;

/// All that a home has.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct State {
    version: u32,
    /// The last number that anything got.
    last: u32,
    /// The range of public addresses, once one was chosen; its first is this machine's.
    pub(crate) public: Option<Ipv4Net>,
    pub(crate) networks: BTreeMap<NetworkId, NetworkRecord>,
    pub(crate) subnets: BTreeMap<SubnetId, Subnet>,
    pub(crate) groups: BTreeMap<GroupId, Group>,
    pub(crate) machines: BTreeMap<MachineId, MachineRecord>,
    pub(crate) disks: BTreeMap<DiskId, Disk>,
    pub(crate) addresses: BTreeMap<AddressId, PublicAddress>,
    pub(crate) virtual_ips: BTreeMap<VirtualIpId, VirtualIp>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            version: VERSION,
            last: 0,
            public: None,
            networks: BTreeMap::new(),
            subnets: BTreeMap::new(),
            groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            disks: BTreeMap::new(),
            addresses: BTreeMap::new(),
            virtual_ips: BTreeMap::new(),
        }
    }
}

impl State {
    /// A number that nothing had before.
    fn number(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Whether nothing is left that needs anything of this machine.
    pub(crate) fn is_idle(&self) -> bool {
        // One that is going and has no ports any more is as good as gone.
        let gone =
            |machine: &MachineRecord| machine.phase == MachineState::Deleting && machine.ports.is_empty();
        self.networks.is_empty() && self.addresses.is_empty() && self.machines.values().all(gone)
    }

    /// Replaces the tags of whatever has this id.
    pub(crate) fn set_tags(&mut self, id: &str, tags: Tags) -> Result<(), Error> {
        let place = if let Ok(id) = id.parse() {
            self.networks.get_mut(&id).map(|found| &mut found.network.tags)
        } else if let Ok(id) = id.parse() {
            self.subnets.get_mut(&id).map(|found| &mut found.tags)
        } else if let Ok(id) = id.parse() {
            self.groups.get_mut(&id).map(|found| &mut found.tags)
        } else if let Ok(id) = id.parse() {
            self.machines.get_mut(&id).map(|found| &mut found.tags)
        } else if let Ok(id) = id.parse() {
            self.disks.get_mut(&id).map(|found| &mut found.tags)
        } else if let Ok(id) = id.parse() {
            self.addresses.get_mut(&id).map(|found| &mut found.tags)
        } else if let Ok(id) = id.parse() {
            self.virtual_ips.get_mut(&id).map(|found| &mut found.tags)
        } else {
            None
        };
        *place.ok_or_else(|| Error::NoSuch(format!("resource `{}`", crate::id::printable(id))))? = tags;
        Ok(())
    }

    /// Whatever carries this intent's key.
    pub(crate) fn carriers(&self, key: &IntentKey) -> Carriers {
        Carriers {
            machines: self.machines.values().filter(|m| m.intent == *key).map(|m| m.id).collect(),
            disks: self.disks.values().filter(|d| d.intent == *key).map(|d| d.id).collect(),
            virtual_ips: self.virtual_ips.values().filter(|v| v.intent == *key).map(|v| v.id).collect(),
            addresses: self
                .addresses
                .values()
                .filter(|a| a.intent.as_ref() == Some(key))
                .map(|a| a.id)
                .collect(),
            groups: self.groups.values().filter(|g| g.intent == *key).map(|g| g.id).collect(),
            subnets: self.subnets.values().filter(|s| s.intent == *key).map(|s| s.id).collect(),
            networks: self
                .networks
                .values()
                .filter(|n| n.network.intent == *key)
                .map(|n| n.network.id)
                .collect(),
        }
    }
}

/// What carries an intent's key. A key is of one create, so it is one thing at most, in whatever kind.
#[derive(Debug, Default)]
pub(crate) struct Carriers {
    pub(crate) machines: Vec<MachineId>,
    pub(crate) disks: Vec<DiskId>,
    pub(crate) virtual_ips: Vec<VirtualIpId>,
    pub(crate) addresses: Vec<AddressId>,
    pub(crate) groups: Vec<GroupId>,
    pub(crate) subnets: Vec<SubnetId>,
    pub(crate) networks: Vec<NetworkId>,
}

/// The state as it stands.
pub(crate) fn read(home: &Home) -> Result<State, Error> {
    // A file is replaced whole, so that there is no need for the lock.
    load(&home.state_file())
}

/// Changes the state. Nothing is written where `change` fails; otherwise it is on the disk when this
/// returns.
pub(crate) fn change<T>(
    home: &Home,
    change: impl FnOnce(&mut State) -> Result<T, Error>,
) -> Result<T, Error> {
    let _lock = home.lock("state")?;
    let mut state = load(&home.state_file())?;
    let answer = change(&mut state)?;
    save(&home.state_file(), &state)?;
    Ok(answer)
}

fn load(path: &Path) -> Result<State, Error> {
    let text = match fs::read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(State::default()),
        Err(error) => return Err(Error::file(path)(error)),
    };
    let corrupt = |reason: String| Error::Corrupt { path: path.to_owned(), reason };
    let state: State = serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
    match state.version {
        VERSION => Ok(state),
        other => Err(corrupt(format!("it is of version {other}, and this release knows {VERSION}"))),
    }
}

fn save(path: &Path, state: &State) -> Result<(), Error> {
    let text = serde_json::to_vec_pretty(state).map_err(|error| Error::Internal(error.to_string()))?;
    let new = path.with_extension("new");
    let write = || {
        let mut file = File::create(&new)?;
        file.write_all(&text)?;
        file.sync_all()?;
        fs::rename(&new, path)
    };
    write().map_err(Error::file(path))
}

/// Checks a name that a person gave.
fn check_name(name: &str) -> Result<(), Error> {
    match name.is_empty() || name.len() > 255 || name.chars().any(char::is_control) {
        true => Err(Error::invalid("the name", "it is not 1 to 255 bytes without control characters")),
        false => Ok(()),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn key(text: &str) -> IntentKey {
        IntentKey::try_from(text.to_owned()).unwrap()
    }

    fn home(folder: &Path) -> Home {
        Home::new(&folder.join("state"), &folder.join("cache")).unwrap()
    }

    #[test]
    fn a_change_that_fails_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        change(&home, |state| Ok(state.number())).unwrap();
        let failed: Result<(), Error> = change(&home, |state| {
            state.number();
            Err(Error::NoSuch("thing".to_owned()))
        });
        failed.unwrap_err();
        assert_eq!(change(&home, |state| Ok(state.number())).unwrap(), 2);
    }

    #[test]
    fn what_cannot_be_read_is_not_taken_for_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let home = home(folder.path());
        fs::write(home.state_file(), "{").unwrap();
        assert_eq!(read(&home).unwrap_err().code(), "corrupt-state");
        change(&home, |_| Ok(())).unwrap_err();
        assert_eq!(fs::read(home.state_file()).unwrap(), b"{");
        let later = serde_json::to_string(&State { version: VERSION + 1, ..State::default() }).unwrap();
        fs::write(home.state_file(), later).unwrap();
        assert!(read(&home).unwrap_err().to_string().contains("of version 2"));
    }
}
