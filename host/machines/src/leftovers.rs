//! What homes left on this machine that are gone: somebody removed their folder while hosts or networks were
//! there.
//!
//! Names on this machine carry a home's tag, and the tag is made from the path of its state. A home is gone when
//! no state is at that path.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::command::Command;
use crate::error::Error;
use crate::home::{self, Home};
use crate::id::MachineId;
use crate::mount::{self, Loop};
use crate::{cgroup, machine, net, process};

/// What one home left that is gone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Leftovers {
    /// What the names of its things carry.
    pub tag: String,
    /// Where its state was; none where nothing tells.
    pub state: Option<PathBuf>,
    /// What there is, for people: `network namespace sw-abcdef-m3`, `4 processes`.
    pub found: Vec<String>,
}

/// What homes left on this machine that are gone. Looks alone, and changes nothing.
///
/// # Errors
///
/// [`Error::File`] if this machine does not tell.
pub fn leftovers() -> Result<Vec<Leftovers>, Error> {
    let folders = folders()?;
    let mut left = Vec::new();
    for tag in tags(&folders)? {
        let state = folders.get(&tag).cloned();
        if state.as_deref().is_none_or(is_gone) {
            let found = found(&home_of(&tag, state.clone()))?;
            left.push(Leftovers { tag, state, found });
        }
    }
    left.retain(|home| !home.found.is_empty());
    Ok(left)
}

/// Removes what homes left that are gone, and says what that was: processes, control groups, mounts, loop devices,
/// networks. Files stay where they are.
///
/// # Errors
///
/// As those of [`Machines`](crate::Machines). Asked again, it goes on.
pub fn remove_leftovers() -> Result<Vec<Leftovers>, Error> {
    let left = leftovers()?;
    for gone in &left {
        remove(&home_of(&gone.tag, gone.state.clone()))?;
    }
    Ok(left)
}

fn remove(home: &Home) -> Result<(), Error> {
    cgroup::remove_all_of(home)?;
    mount::unmount_below(home.state())?;
    for device in machine::devices_of(home) {
        mount::detach_loops(&device.file)?;
    }
    for (_, trace) in machine::traces(home) {
        // It is empty, unless it is another's.
        let _ = fs::remove_dir(trace);
    }
    net::remove_all_of(home)
}

/// A home of which only the names on this machine are left. Where its state was not known, no path begins with
/// what stands for it.
fn home_of(tag: &str, state: Option<PathBuf>) -> Home {
    Home::gone(tag, state.unwrap_or_else(|| Path::new("/nowhere/skywright").join(tag)))
}

/// Whether no state is there any more. What cannot be looked at is not gone.
fn is_gone(state: &Path) -> bool {
    let looked = fs::symlink_metadata(Home::gone("", state.to_owned()).state_file());
    looked.is_err_and(|error| matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory))
}

/// Where the homes' states are or were, by their tags.
fn folders() -> Result<BTreeMap<String, PathBuf>, Error> {
    let files = mount::loops().into_iter().map(|device| device.file);
    let states = mount::mounted()?.into_iter().chain(files).filter_map(|path| state_of(&path));
    let tagged = states.map(|state| (home::tag(state.as_os_str().as_encoded_bytes()), state));
    // A path that only looks like a home's has a tag that nothing carries.
    Ok(tagged.chain(home::announced()).collect())
}

/// The state's folder, of the path of something in it: `STATE/machines/m3/root`, `STATE/disks/d4.img`.
fn state_of(path: &Path) -> Option<PathBuf> {
    let above = path.parent()?;
    let is_machine = above.file_name()?.to_str()?.parse::<MachineId>().is_ok();
    let folder = if is_machine { above.parent()? } else { above };
    let is_ours = folder.ends_with("machines") || folder.ends_with("disks");
    is_ours.then(|| folder.parent().map(Path::to_owned)).flatten()
}

/// The tags that anything on this machine carries.
fn tags(folders: &BTreeMap<String, PathBuf>) -> Result<BTreeSet<String>, Error> {
    let mut tags: BTreeSet<String> = folders.keys().cloned().collect();
    tags.extend(net::names().iter().filter_map(|name| {
        let rest = name.strip_prefix("sw-")?;
        Some(rest.split('-').next().unwrap_or(rest).to_owned())
    }));
    let links = fs::read_dir("/sys/class/net").into_iter().flatten().flatten();
    let links: Vec<_> = links.filter_map(|entry| entry.file_name().into_string().ok()).collect();
    tags.extend(links.iter().filter_map(|link| net::tag_of_uplink(link)).map(str::to_owned));
    tags.extend(cgroup::tags()?);
    tags.extend(tables().iter().filter_map(|table| Some(table.strip_prefix("skywright_")?.to_owned())));
    tags.retain(|tag| home::is_tag(tag));
    Ok(tags)
}

/// The tables of rules of this machine; none where there is no such program.
fn tables() -> Vec<String> {
    let listed = Command::new("nft").args(["list", "tables", "ip"]).run().unwrap_or_default();
    listed.lines().filter_map(|line| Some(line.trim().strip_prefix("table ip ")?.to_owned())).collect()
}

/// What there is of a home that is gone.
fn found(home: &Home) -> Result<Vec<String>, Error> {
    let mut found = Vec::new();
    let groups = cgroup::of_home(home)?;
    let mut processes: Vec<u32> =
        groups.iter().flat_map(|(group, _)| process::of_cgroup(group)).map(|process| process.pid).collect();
    processes.sort_unstable();
    processes.dedup();
    if !processes.is_empty() {
        found.push(format!("{} processes", processes.len()));
    }
    found.extend(groups.iter().map(|(group, _)| format!("control group {}", group.display())));
    let mounts = mount::mounted()?.into_iter().filter(|place| place.starts_with(home.state()));
    found.extend(mounts.map(|place| format!("mount {}", place.display())));
    let loops = machine::devices_of(home).into_iter();
    found.extend(loops.map(|Loop { name, .. }| format!("loop device {name}")));
    found
        .extend(net::of_home(home).iter().map(|namespace| format!("network namespace {}", namespace.name())));
    if Path::new("/sys/class/net").join(home.uplink()).exists() {
        found.push(format!("link {}", home.uplink()));
    }
    if tables().contains(&home.table()) {
        found.push(format!("nftables table {}", home.table()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_home_is_known_by_the_paths_of_its_things() {
        let state = Some(PathBuf::from("/a/state/machines"));
        for path in ["/a/state/machines/machines/m3/root", "/a/state/machines/disks/d4.img"] {
            assert_eq!(state_of(Path::new(path)), state, "{path}");
        }
        for path in ["/", "/m3", "/m3/root", "/a/b", "/a/disk/d4.img", "/var/lib/machines/x/root"] {
            assert_eq!(state_of(Path::new(path)), None, "{path}");
        }
    }

    #[test]
    fn a_home_with_a_state_is_not_gone() {
        let folder = tempfile::tempdir().unwrap();
        assert!(is_gone(folder.path()) && is_gone(&folder.path().join("not/there")));
        fs::write(folder.path().join("state.json"), "").unwrap();
        assert!(!is_gone(folder.path()));
    }
}
