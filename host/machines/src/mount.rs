//! Mounts and loop devices, as the kernel tells them.

use std::fs;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use crate::command::Command;
use crate::error::Error;

/// The places that are mounted in this process's view, in the order mounted.
pub(crate) fn mounted() -> Result<Vec<PathBuf>, Error> {
    let path = "/proc/self/mountinfo";
    let text = fs::read_to_string(path).map_err(Error::file(path))?;
    Ok(text.lines().filter_map(mount_point).collect())
}

/// Whether something is mounted right there.
pub(crate) fn is_mounted(place: &Path) -> Result<bool, Error> {
    Ok(mounted()?.iter().any(|mounted| mounted == place))
}

/// The fifth field, in which four letters are written in octal.
fn mount_point(line: &str) -> Option<PathBuf> {
    let field = line.split(' ').nth(4)?;
    let plain =
        field.replace("\\040", " ").replace("\\011", "\t").replace("\\012", "\n").replace("\\134", "\\");
    Some(PathBuf::from(plain))
}

/// Whether a device, such as `7:3`, is mounted in another process's view.
pub(crate) fn is_mounted_by(pid: u32, device: &str) -> bool {
    let text = fs::read_to_string(format!("/proc/{pid}/mountinfo")).unwrap_or_default();
    text.lines().any(|line| line.split(' ').nth(2) == Some(device))
}

/// Unmounts whatever is mounted at or below a folder, the last first.
pub(crate) fn unmount_below(folder: &Path) -> Result<(), Error> {
    let mut places: Vec<_> = mounted()?.into_iter().filter(|place| place.starts_with(folder)).collect();
    while let Some(place) = places.pop() {
        unmount(&place)?;
    }
    Ok(())
}

/// Unmounts one place. What still uses it keeps it out of everyone's sight until it ends.
pub(crate) fn unmount(place: &Path) -> Result<(), Error> {
    match Command::new("umount").arg(place).run() {
        Ok(_) => Ok(()),
        // An orderly unmount waits for the data; a lazy one is for what is still open.
        Err(_) if is_mounted(place)? => Command::new("umount").arg("--lazy").arg(place).run().map(drop),
        Err(_) => Ok(()),
    }
}

/// Removes a folder with all that is in it, and nothing that is mounted there.
pub(crate) fn remove_folder(folder: &Path) -> Result<(), Error> {
    unmount_below(folder)?;
    if mounted()?.iter().any(|place| place.starts_with(folder)) {
        return Err(Error::Internal(format!("{} is still mounted", folder.display())));
    }
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => Err(Error::file(folder)(error)),
        _ => Ok(()),
    }
}

/// A loop device and the file behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Loop {
    /// `loop3`.
    pub(crate) name: String,
    pub(crate) file: PathBuf,
    /// `7:3`.
    pub(crate) device: String,
}

/// The loop devices that are in use on this machine.
pub(crate) fn loops() -> Vec<Loop> {
    let entries = fs::read_dir("/sys/block").into_iter().flatten().flatten();
    let found = entries.filter_map(|entry| {
        let file = fs::read_to_string(entry.path().join("loop/backing_file")).ok()?;
        let device = fs::read_to_string(entry.path().join("dev")).ok()?;
        let file = file.trim_end_matches('\n').trim_end_matches(" (deleted)");
        Some(Loop {
            name: entry.file_name().into_string().ok()?,
            file: PathBuf::from(file),
            device: device.trim().to_owned(),
        })
    });
    found.collect()
}

/// The loop device of a file; a new one, where it has none.
///
/// One that somebody let go of who was killed may be there for a moment more: it goes before this takes another.
pub(crate) fn attach_loop(file: &Path) -> Result<Loop, Error> {
    let known = || loops().into_iter().find(|known| known.file == file);
    let deadline = Instant::now() + LET_GO;
    while let Some(found) = known() {
        if found.stays() {
            return Ok(found);
        }
        wait_a_moment(file, deadline)?;
    }
    Command::new("losetup").arg("--find").arg("--show").arg(file).timeout(Duration::from_secs(20)).run()?;
    known().ok_or_else(|| Error::Internal(format!("{} has no loop device", file.display())))
}

impl Loop {
    /// Whether it is there until somebody lets go of it, and nobody did.
    fn stays(&self) -> bool {
        let folder = Path::new("/sys/block").join(&self.name);
        let says = |name: &str| fs::read_to_string(folder.join(name)).unwrap_or_default().trim().to_owned();
        says("loop/autoclear") == "0" && !matches!(says("size").as_str(), "" | "0")
    }
}

/// Waits for a file's devices to change, until then.
fn wait_a_moment(file: &Path, deadline: Instant) -> Result<(), Error> {
    if Instant::now() > deadline {
        let what = format!("{} was not let go of", file.display());
        return Err(Error::Late { what, timeout: LET_GO });
    }
    thread::sleep(Duration::from_millis(5));
    Ok(())
}

/// How long a device may be open after whoever used it has ended.
const LET_GO: Duration = Duration::from_secs(10);

/// Lets go of all loop devices of a file, and waits until they are free: the kernel takes a moment to take
/// down what a machine had mounted.
pub(crate) fn detach_loops(file: &Path) -> Result<(), Error> {
    let of_file = || loops().into_iter().filter(|known| known.file == file);
    for known in of_file() {
        let detached = Command::new("losetup").arg("--detach").arg(format!("/dev/{}", known.name)).run();
        // It may have gone by itself meanwhile.
        if detached.is_err() && of_file().any(|left| left == known) {
            detached?;
        }
    }
    let deadline = Instant::now() + LET_GO;
    while of_file().next().is_some() {
        wait_a_moment(file, deadline)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_read_as_the_kernel_writes_them() {
        let line = r"36 35 98:0 /mnt1 /mnt\0402\134x rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(mount_point(line), Some(PathBuf::from(r"/mnt 2\x")));
        assert!(mounted().unwrap().contains(&PathBuf::from("/")));
    }

    /// Needs root and loop devices.
    #[test]
    fn a_device_that_is_about_to_go_is_not_taken_for_one_that_stays() {
        if !rustix::process::geteuid().is_root() || !Path::new("/dev/loop-control").exists() {
            println!("there are no loop devices to try this with");
            return;
        }
        let folder = tempfile::tempdir().unwrap();
        let image = folder.path().join("image");
        fs::File::create(&image).unwrap().set_len(1 << 20).unwrap();
        let first = attach_loop(&image).unwrap();
        assert_eq!(attach_loop(&image).unwrap(), first);
        let device = format!("/dev/{}", first.name);
        let open = fs::File::open(&device).unwrap();
        Command::new("losetup").arg("--detach").arg(&device).run().unwrap();
        assert!(loops().contains(&first) && !first.stays());
        let holder = thread::spawn(move || {
            thread::sleep(Duration::from_millis(100));
            drop(open);
        });
        let second = attach_loop(&image).unwrap();
        assert!(holder.is_finished() && second.stays());
        holder.join().unwrap();
        detach_loops(&image).unwrap();
    }
}
