//! A machine's own disk, and the disks that are attached to it.
//!
//! Its disk is a sparse file with a file system, which holds what differs from the image, and folders that
//! are no overlay, for what cannot be on one (container engines, NFS exports).

use std::fs::{self, File};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{CWD, FileType, Mode};

use crate::cgroup;
use crate::command::Command;
use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};
use crate::model::MachineState;
use crate::mount::{self, Loop};
use crate::state::{self, MachineRecord};

/// Folders of a machine that are on its disk as they are.
pub(super) const PLAIN: &[&str] = &["/var/lib/docker", "/var/lib/containerd", "/srv"];

const FORMAT: Duration = Duration::from_secs(300);

/// The root of a machine, while it is mounted.
pub(super) fn root(home: &Home, id: MachineId) -> PathBuf {
    home.machine(id).join("root")
}

/// What is on its disk, while it is mounted.
fn disk(home: &Home, id: MachineId) -> PathBuf {
    home.machine(id).join("disk")
}

/// The folder on its disk that stands for a plain one.
pub(super) fn plain(home: &Home, id: MachineId, folder: &str) -> PathBuf {
    disk(home, id).join("plain").join(folder.trim_start_matches('/').replace('/', "-"))
}

/// Where the device nodes of its disks are: the machine sees that folder, and cannot write to it.
pub(super) fn volumes(home: &Home, id: MachineId) -> PathBuf {
    disk(home, id).join("nodes/volumes")
}

/// A node of FUSE that is the machine's own: it changes modes at every start.
pub(super) fn fuse(home: &Home, id: MachineId) -> PathBuf {
    disk(home, id).join("nodes/fuse")
}

/// Makes a file of a disk, which takes the room that is written to.
pub(crate) fn make_image(file: &Path, size_gib: u32) -> Result<(), Error> {
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    let image = File::options().create(true).append(true).open(file).map_err(Error::file(file))?;
    let size = u64::from(size_gib) << 30;
    match image.metadata().map_err(Error::file(file))?.len() < size {
        true => image.set_len(size).map_err(Error::file(file)),
        false => Ok(()),
    }
}

/// Lets a disk grow, in use or not.
pub(crate) fn extend_image(file: &Path, size_gib: u32) -> Result<(), Error> {
    make_image(file, size_gib)?;
    for known in mount::loops().into_iter().filter(|known| known.file == file) {
        Command::new("losetup").arg("--set-capacity").arg(format!("/dev/{}", known.name)).run()?;
    }
    Ok(())
}

/// Mounts its disk and its root. Done already is done.
pub(super) fn mount(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    let (disk, root) = (disk(home, machine.id), root(home, machine.id));
    for folder in [&disk, &root] {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    if !mount::is_mounted(&disk)? {
        let image = home.machine(machine.id).join("disk.img");
        prepare(&image, machine.size.disk_gib)?;
        // The tables of a sparse file are zero already.
        Command::new("mount")
            .args(["-t", "ext4", "-o", "loop,noatime,noinit_itable,discard"])
            .arg(&image)
            .arg(&disk)
            .run()?;
    }
    let mut folders = vec![disk.join("changes"), disk.join("work"), volumes(home, machine.id)];
    folders.extend(PLAIN.iter().map(|folder| plain(home, machine.id, folder)));
    for folder in &folders {
        fs::create_dir_all(folder).map_err(Error::file(folder))?;
    }
    if !mount::is_mounted(&root)? {
        let layer = machine.layer.as_deref().unwrap_or_default();
        if !Path::new(layer).is_dir() {
            return Err(Error::Corrupt {
                path: PathBuf::from(layer),
                reason: "the image that the machine was made from is gone".to_owned(),
            });
        }
        let options =
            format!("lowerdir={layer},upperdir={},workdir={}", folders[0].display(), folders[1].display());
        Command::new("mount").args(["-t", "overlay", "-o", &options, "overlay"]).arg(&root).run()?;
    }
    let fuse = fuse(home, machine.id);
    if !fuse.exists() {
        make_node(&fuse, FileType::CharacterDevice, 10, 229)?;
    }
    Ok(())
}

/// Formats a disk that is new, and lets the file system grow with one that is not.
fn prepare(image: &Path, size_gib: u32) -> Result<(), Error> {
    let formatted = image.with_extension("formatted");
    let size = || fs::metadata(image).map(|found| found.len()).unwrap_or_default();
    if !formatted.exists() {
        make_image(image, size_gib)?;
        Command::new("mkfs.ext4")
            .args([
                "-q",
                "-F",
                "-m",
                "0",
                "-i",
                "32768",
                "-E",
                "lazy_itable_init=1,lazy_journal_init=1,nodiscard",
            ])
            .arg(image)
            .timeout(FORMAT)
            .run()?;
        return fs::write(&formatted, "").map_err(Error::file(&formatted));
    }
    if size() < u64::from(size_gib) << 30 {
        make_image(image, size_gib)?;
        // 1: it was put right.
        match Command::new("e2fsck").args(["-f", "-p"]).arg(image).timeout(FORMAT).run() {
            Ok(_) | Err(Error::Command { status: Some(1), .. }) => {}
            Err(error) => return Err(error),
        }
        Command::new("resize2fs").arg(image).timeout(FORMAT).run()?;
    }
    Ok(())
}

/// Unmounts its root and its disk.
pub(super) fn unmount(home: &Home, id: MachineId) -> Result<(), Error> {
    mount::unmount_below(&home.machine(id))?;
    mount::detach_loops(&home.machine(id).join("disk.img"))
}

fn make_node(path: &Path, kind: FileType, major: u32, minor: u32) -> Result<(), Error> {
    let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::WGRP;
    rustix::fs::mknodat(CWD, path, kind, mode, rustix::fs::makedev(major, minor))
        .map_err(|error| Error::file(path)(error.into()))
}

/// Gives a machine that is about to start the devices of all disks that it is written down to have, and
/// answers with their numbers.
pub(super) fn plug_all(home: &Home, id: MachineId) -> Result<Vec<String>, Error> {
    let folder = volumes(home, id);
    // The nodes of the last time have numbers that are others' now.
    for entry in fs::read_dir(&folder).map_err(Error::file(&folder))?.flatten() {
        fs::remove_file(entry.path()).map_err(Error::file(entry.path()))?;
    }
    let state = state::read(home)?;
    let mut numbers = Vec::new();
    for disk in state.disks_of(id) {
        numbers.push(make_device(home, id, disk.id)?.device);
    }
    Ok(numbers)
}

pub(super) fn plug(home: &Home, id: MachineId, disk: DiskId) -> Result<(), Error> {
    let device = make_device(home, id, disk)?;
    cgroup::allow_device(home, id, &device.device, true)
}

fn make_device(home: &Home, id: MachineId, disk: DiskId) -> Result<Loop, Error> {
    let device = mount::attach_loop(&home.disk(disk))?;
    let node = node(home, id, disk)?;
    let (major, minor) = device
        .device
        .split_once(':')
        .and_then(|(major, minor)| Some((major.parse().ok()?, minor.parse().ok()?)))
        .ok_or_else(|| Error::Internal(format!("{} has no number", device.name)))?;
    let known = fs::symlink_metadata(&node).is_ok_and(|found| found.file_type().is_block_device());
    if known {
        fs::remove_file(&node).map_err(Error::file(&node))?;
    }
    make_node(&node, FileType::BlockDevice, major, minor)?;
    Ok(device)
}

fn node(home: &Home, id: MachineId, disk: DiskId) -> Result<PathBuf, Error> {
    let state = state::read(home)?;
    let device = state.disk(disk)?.device.clone().unwrap_or_default();
    let name = device.rsplit('/').next().filter(|name| !name.is_empty());
    let name = name.ok_or_else(|| Error::Internal(format!("{} has no device name", disk.noun())))?;
    Ok(volumes(home, id).join(name))
}

pub(super) fn unplug(home: &Home, machine: &MachineRecord, disk: DiskId) -> Result<(), Error> {
    let file = home.disk(disk);
    if machine.state() == MachineState::Running {
        let init = machine.process.and_then(super::launch::init);
        for known in mount::loops().into_iter().filter(|known| known.file == file) {
            if init.is_some_and(|init| mount::is_mounted_by(init.pid, &known.device)) {
                return Err(Error::InUse {
                    what: disk.noun(),
                    holder: format!("a mount in {}", machine.id.noun()),
                });
            }
            cgroup::allow_device(home, machine.id, &known.device, false)?;
        }
        match fs::remove_file(node(home, machine.id, disk)?) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(Error::file(file)(error));
            }
            _ => {}
        }
    }
    mount::detach_loops(&file)
}

/// The loop devices of a home, by the files behind them.
pub(crate) fn devices_of(home: &Home) -> Vec<Loop> {
    mount::loops().into_iter().filter(|known| known.file.starts_with(home.state())).collect()
}
