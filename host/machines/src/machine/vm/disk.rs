//! A virtual machine's own disk, and how its other disks are described to QEMU.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::command::Command;
use crate::error::Error;
use crate::home::Home;
use crate::id::{DiskId, MachineId};
use crate::image::VirtualImage;
use crate::state::{self, MachineRecord};

/// The file of a machine's own disk: what differs from the image.
pub(super) fn file(home: &Home, id: MachineId) -> PathBuf {
    home.machine(id).join("disk.qcow2")
}

/// Makes it anew.
pub(super) fn make(home: &Home, machine: &MachineRecord, image: &VirtualImage) -> Result<(), Error> {
    let base = image.disk();
    let least = fs::metadata(&base).map_err(Error::file(&base))?.len();
    if u64::from(machine.size.disk_gib) << 30 < least {
        let reason = format!("its image needs {} GiB", least.div_ceil(1 << 30));
        return Err(Error::invalid("the machine's disk", reason));
    }
    Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2", "-F", "raw", "-b"])
        .args([&base, &file(home, machine.id)])
        .arg(format!("{}G", machine.size.disk_gib))
        .run()
        .map(drop)
}

#[derive(Deserialize)]
struct Information {
    #[serde(rename = "virtual-size")]
    virtual_size: u64,
}

/// Lets it grow to the machine's size. Its file system grows at the start.
pub(super) fn grow(home: &Home, machine: &MachineRecord) -> Result<(), Error> {
    let disk = file(home, machine.id);
    let text = Command::new("qemu-img").args(["info", "--output=json"]).arg(&disk).run()?;
    let information: Information = serde_json::from_str(&text)
        .map_err(|error| Error::Internal(format!("what `qemu-img` says of a disk: {error}")))?;
    if information.virtual_size >= u64::from(machine.size.disk_gib) << 30 {
        return Ok(());
    }
    Command::new("qemu-img")
        .args(["resize", "-q", "-f", "qcow2"])
        .arg(&disk)
        .arg(format!("{}G", machine.size.disk_gib))
        .run()
        .map(drop)
}

/// The file of a disk, as QEMU's block layer is told.
pub(super) fn node(disk: DiskId, file: &Path) -> Value {
    json!({
        "driver": "raw",
        "node-name": disk.to_string(),
        "discard": "unmap",
        "file": { "driver": "file", "filename": file },
    })
}

/// The device of a disk. The serial number is how the machine's system knows it.
pub(super) fn device(disk: DiskId) -> Value {
    json!({
        "driver": "virtio-blk-pci",
        "id": disk.to_string(),
        "drive": disk.to_string(),
        "serial": state::serial(disk),
    })
}
