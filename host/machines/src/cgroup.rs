//! Control groups: one a machine in every hierarchy, so that its processes are known and limited.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::error::Error;
use crate::home::Home;
use crate::id::MachineId;
use crate::model::Size;
use crate::process;

/// The most processes of one machine: enough for containers in it, too few to choke the machine below.
const MAX_PROCESSES: u32 = 16_384;

/// Character devices that every machine may use: the memory ones, terminals, tunnels, FUSE.
const DEVICES: &[&str] = &[
    "c *:* m",
    "b *:* m",
    "c 1:3 rwm",
    "c 1:5 rwm",
    "c 1:7 rwm",
    "c 1:8 rwm",
    "c 1:9 rwm",
    "c 5:* rwm",
    "c 136:* rwm",
    "c 10:200 rwm",
    "c 10:229 rwm",
];

/// A mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    place: PathBuf,
    /// Version 2; one mixed machine may have both.
    unified: bool,
    /// Of version 1: those that it was mounted with. Of version 2: those that its root has.
    controllers: Vec<String>,
}

impl Hierarchy {
    fn has(&self, controller: &str) -> bool {
        self.controllers.iter().any(|known| known == controller)
    }
}

/// The hierarchies of this machine.
pub(crate) fn hierarchies() -> Result<Vec<Hierarchy>, Error> {
    let path = "/proc/self/mountinfo";
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    let mut found: Vec<Hierarchy> = text.lines().filter_map(hierarchy).collect();
    for unified in found.iter_mut().filter(|found| found.unified) {
        let own = fs::read_to_string(unified.place.join("cgroup.controllers")).unwrap_or_default();
        unified.controllers = own.split_whitespace().map(str::to_owned).collect();
    }
    Ok(found)
}

fn hierarchy(line: &str) -> Option<Hierarchy> {
    let (before, after) = line.split_once(" - ")?;
    let (mut before, mut after) = (before.split(' ').skip(3), after.split(' '));
    // Another root than `/` is a view into some container's own.
    let (root, place, options) = (before.next()?, before.next()?, before.next()?);
    let kind = after.next()?;
    let controllers = after.nth(1)?.split(',').map(str::to_owned).collect();
    let writable = options.split(',').any(|option| option == "rw");
    let ours = root == "/" && writable && matches!(kind, "cgroup" | "cgroup2");
    ours.then(|| Hierarchy { place: PathBuf::from(place), unified: kind == "cgroup2", controllers })
}

/// The one that has this controller.
pub(crate) fn with_controller<'a>(hierarchies: &'a [Hierarchy], controller: &str) -> Option<&'a Hierarchy> {
    hierarchies.iter().find(|found| found.has(controller))
}

/// Whether machines can be kept from devices: version 2 would need a program in the kernel.
pub(crate) fn limits_devices(hierarchies: &[Hierarchy]) -> bool {
    hierarchies.iter().any(|found| !found.unified && found.has("devices"))
}

fn folder(hierarchy: &Hierarchy, home: &Home, id: MachineId) -> PathBuf {
    hierarchy.place.join(home.cgroup()).join(id.to_string())
}

/// The files that processes join a machine's groups by.
#[derive(Debug, Default)]
pub(crate) struct Joins {
    /// For what watches over it.
    pub(crate) watch: Vec<PathBuf>,
    /// For what runs it.
    pub(crate) run: Vec<PathBuf>,
}

/// Makes a machine's groups with their limits.
pub(crate) fn make(home: &Home, id: MachineId, size: Size) -> Result<Joins, Error> {
    let mut joins = Joins::default();
    for hierarchy in hierarchies()? {
        let (above, folder) = (hierarchy.place.join(home.cgroup()), folder(&hierarchy, home, id));
        // From here on nobody removes the one above.
        fs::create_dir_all(&folder).map_err(Error::file(&folder))?;
        if hierarchy.unified {
            delegate(&hierarchy.place);
            delegate(&above);
        }
        for group in [&above, &folder] {
            inherit_processors(group)?;
        }
        join(&mut joins, &hierarchy, &folder)?;
    }
    limit(home, id, size)?;
    Ok(joins)
}

fn join(joins: &mut Joins, hierarchy: &Hierarchy, folder: &Path) -> Result<(), Error> {
    let (mut watch, mut run) = (folder.to_owned(), folder.to_owned());
    // Version 2 has processes in groups alone that have none below them, and the machine's own init makes some.
    if hierarchy.unified {
        (watch, run) = (folder.join("watch"), folder.join("run"));
        for below in [&watch, &run] {
            fs::create_dir_all(below).map_err(Error::file(below))?;
        }
        delegate(folder);
    }
    joins.watch.push(watch.join("cgroup.procs"));
    joins.run.push(run.join("cgroup.procs"));
    Ok(())
}

/// Lets groups below have the controllers that machines are limited by. Where it is refused, limits are
/// not held, which the facts tell.
fn delegate(group: &Path) {
    let controllers = fs::read_to_string(group.join("cgroup.controllers")).unwrap_or_default();
    for controller in
        controllers.split_whitespace().filter(|c| matches!(*c, "cpu" | "memory" | "pids" | "io"))
    {
        let _ = fs::write(group.join("cgroup.subtree_control"), format!("+{controller}"));
    }
}

/// A new group of version 1 has no processors, and takes no process until it has some.
fn inherit_processors(group: &Path) -> Result<(), Error> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        let own = group.join(file);
        let is_empty = fs::read_to_string(&own).is_ok_and(|text| text.trim().is_empty());
        if let (true, false, Some(above)) =
            (is_empty, group.join("cgroup.controllers").exists(), group.parent())
        {
            let text = fs::read_to_string(above.join(file)).map_err(Error::file(above.join(file)))?;
            fs::write(&own, text).map_err(Error::file(&own))?;
        }
    }
    Ok(())
}

/// Sets a machine's limits, also of one that runs.
pub(crate) fn limit(home: &Home, id: MachineId, size: Size) -> Result<(), Error> {
    let memory = size.memory_mib << 20;
    let quota = u64::from(size.vcpus) * 100_000;
    for hierarchy in hierarchies()? {
        let folder = folder(&hierarchy, home, id);
        let settings = match hierarchy.unified {
            true => vec![
                ("memory.max", memory.to_string()),
                ("cpu.max", format!("{quota} 100000")),
                ("pids.max", MAX_PROCESSES.to_string()),
            ],
            false => vec![
                ("memory.limit_in_bytes", memory.to_string()),
                ("cpu.cfs_quota_us", quota.to_string()),
                ("pids.max", MAX_PROCESSES.to_string()),
            ],
        };
        for (file, value) in settings {
            let path = folder.join(file);
            if path.exists() {
                fs::write(&path, value).map_err(Error::file(&path))?;
            }
        }
    }
    Ok(())
}

/// Lets a virtual machine's processes use KVM, beside what all machines may.
pub(crate) fn allow_kvm(home: &Home, id: MachineId) -> Result<(), Error> {
    set_devices(home, id, vec![("devices.allow", "c 10:232 rwm".to_owned())])
}

/// Keeps a machine from all devices but its own: `own` are the numbers of its disks.
pub(crate) fn restrict_devices(home: &Home, id: MachineId, own: &[String]) -> Result<(), Error> {
    let mut lines = vec![("devices.deny", "a".to_owned())];
    lines.extend(DEVICES.iter().map(|device| ("devices.allow", (*device).to_owned())));
    lines.extend(own.iter().map(|device| ("devices.allow", format!("b {device} rwm"))));
    set_devices(home, id, lines)
}

/// Lets a machine have one device more, or no longer.
pub(crate) fn allow_device(home: &Home, id: MachineId, device: &str, allow: bool) -> Result<(), Error> {
    let file = if allow { "devices.allow" } else { "devices.deny" };
    // Making the node stays allowed, as for all.
    set_devices(home, id, vec![(file, format!("b {device} rw"))])
}

fn set_devices(home: &Home, id: MachineId, lines: Vec<(&str, String)>) -> Result<(), Error> {
    for hierarchy in hierarchies()?.iter().filter(|found| !found.unified && found.has("devices")) {
        for (file, line) in &lines {
            let path = folder(hierarchy, home, id).join(file);
            fs::write(&path, line).map_err(Error::file(&path))?;
        }
    }
    Ok(())
}

/// Ends whatever is in a machine's groups, and removes them.
pub(crate) fn end(home: &Home, id: MachineId) -> Result<(), Error> {
    for hierarchy in hierarchies()? {
        remove(&folder(&hierarchy, home, id))?;
    }
    Ok(())
}

/// Removes the home's own folders of groups where no machine has a group in them.
pub(crate) fn remove_home_if_empty(home: &Home) -> Result<(), Error> {
    for (folder, _) in of_home(home)? {
        // The kernel refuses where there is one: another may have been made just now.
        let _ = fs::remove_dir(folder);
    }
    Ok(())
}

/// The machines that have groups here, and what the home's own folder of groups is, in every hierarchy.
pub(crate) fn of_home(home: &Home) -> Result<Vec<(PathBuf, Vec<MachineId>)>, Error> {
    let folders = hierarchies()?.into_iter().map(|found| found.place.join(home.cgroup()));
    let found = folders.filter(|folder| folder.exists()).map(|folder| {
        let entries = fs::read_dir(&folder).into_iter().flatten().flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect();
        (folder, ids)
    });
    Ok(found.collect())
}

/// The tags of the homes that have groups here.
pub(crate) fn tags() -> Result<Vec<String>, Error> {
    let mut tags = Vec::new();
    for hierarchy in hierarchies()? {
        let entries = fs::read_dir(&hierarchy.place).into_iter().flatten().flatten();
        let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
        tags.extend(names.filter_map(|name| name.strip_prefix("skywright-").map(str::to_owned)));
    }
    Ok(tags)
}

/// Ends whatever is in the groups of a home that is gone, and removes them.
pub(crate) fn remove_all_of(home: &Home) -> Result<(), Error> {
    of_home(home)?.into_iter().try_for_each(|(folder, _)| remove(&folder))
}

/// Ends whatever is in a group, and removes it with all below.
pub(crate) fn remove(folder: &Path) -> Result<(), Error> {
    let deadline = Instant::now() + Duration::from_secs(20);
    while folder.exists() {
        for process in process::of_cgroup(folder) {
            process.signal(Signal::KILL)?;
        }
        match remove_folders(folder) {
            Ok(()) => return Ok(()),
            Err(error) if Instant::now() > deadline => return Err(Error::file(folder)(error)),
            // Those that were ended take a moment to be gone.
            Err(_) => thread::sleep(Duration::from_millis(10)),
        }
    }
    Ok(())
}

fn remove_folders(folder: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove_folders(&entry.path())?;
        }
    }
    match fs::remove_dir(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hierarchies_are_told_from_other_mounts() {
        let unified = "26 25 0:23 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate";
        let found = hierarchy(unified).unwrap();
        assert!(found.unified && found.place == Path::new("/sys/fs/cgroup"));
        let memory = "30 25 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory";
        let found = hierarchy(memory).unwrap();
        assert!(!found.unified && found.has("memory") && !found.has("cpu"));
        for other in [
            "30 25 0:27 / /sys/fs/cgroup/memory ro,relatime - cgroup cgroup rw,memory",
            "30 25 0:27 /docker/x /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory",
            "22 1 254:0 / / rw,relatime - ext4 /dev/vda rw",
            "",
        ] {
            assert_eq!(hierarchy(other), None, "{other}");
        }
    }
}
