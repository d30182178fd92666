//! The image of virtual machines: a disk without partitions, and the kernel that starts from it.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::BUILD;
use crate::command::Command;
use crate::error::Error;
use crate::mount;

/// What a virtual machine has beside what a container has.
pub(super) const PACKAGES: &str = "initramfs-tools,cloud-init,systemd-resolved,systemd-timesyncd,udev,kmod";

/// The one for machines that have no other devices than a cloud's.
pub(crate) const KERNEL_PACKAGE: &str = "linux-image-cloud-amd64";

/// What makes a fresh root an image of virtual machines, and takes the kernel out of it.
pub(super) const CUSTOMIZE: &str = include_str!("customize-vm.sh");

/// The smallest disk. A machine's own grows from it.
const LEAST_BYTES: u64 = 1 << 30;

/// The files of an image, by the folder that they are in.
#[derive(Debug, Clone)]
pub(crate) struct VirtualImage(PathBuf);

impl VirtualImage {
    /// [`Error::Corrupt`] where it is gone.
    pub(crate) fn at(folder: &Path) -> Result<Self, Error> {
        let image = Self(folder.to_owned());
        match [image.disk(), image.kernel(), image.initrd()].into_iter().find(|file| !file.is_file()) {
            None => Ok(image),
            Some(path) => Err(Error::Corrupt {
                path,
                reason: "the image that the machine was made from is gone".to_owned(),
            }),
        }
    }

    /// Whether it is there or not.
    #[cfg(test)]
    pub(crate) fn unchecked(folder: &str) -> Self {
        Self(PathBuf::from(folder))
    }

    /// A file system as it is, raw.
    pub(crate) fn disk(&self) -> PathBuf {
        self.0.join("disk.raw")
    }

    pub(crate) fn kernel(&self) -> PathBuf {
        self.0.join("vmlinuz")
    }

    pub(crate) fn initrd(&self) -> PathBuf {
        self.0.join("initrd.img")
    }
}

/// Makes the disk of a root that takes this much room, which goes.
pub(super) fn make(folder: &Path, root: &Path, size_bytes: u64) -> Result<(), Error> {
    let disk = folder.join("disk.raw");
    let file = File::create(&disk).map_err(Error::file(&disk))?;
    file.set_len(disk_bytes(size_bytes)).map_err(Error::file(&disk))?;
    // By copying: neither a loop device nor a mount is needed.
    Command::new("mkfs.ext4")
        .args(["-q", "-F", "-m", "0", "-L", "root", "-d"])
        .args([root, &disk])
        .timeout(BUILD)
        .run()?;
    mount::remove_folder(root)
}

/// Half as much again as is on it, in whole GiB.
fn disk_bytes(content: u64) -> u64 {
    (content + content / 2).max(1).div_ceil(LEAST_BYTES) * LEAST_BYTES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_has_room_for_what_is_on_it() {
        assert_eq!(disk_bytes(0), 1 << 30);
        assert_eq!(disk_bytes(400 << 20), 1 << 30);
        assert_eq!(disk_bytes(800 << 20), 2 << 30);
    }

    #[test]
    fn an_image_that_lacks_a_file_is_gone() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["disk.raw", "vmlinuz", "initrd.img"] {
            assert_eq!(VirtualImage::at(folder.path()).unwrap_err().code(), "corrupt-state", "{name}");
            std::fs::write(folder.path().join(name), "").unwrap();
        }
        assert!(VirtualImage::at(folder.path()).is_ok());
    }
}
