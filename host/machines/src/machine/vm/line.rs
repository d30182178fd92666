//! QEMU's command line.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::acceleration::Acceleration;
use super::{disk, monitor, seed};
use crate::id::DiskId;
use crate::image::VirtualImage;
use crate::net;
use crate::state::MachineRecord;

/// Runs machines of the one architecture that this is known on.
pub(super) const PROGRAM: &str = "qemu-system-x86_64";

/// Its socket and files are for their owner alone, and named from its folder: names of sockets are short.
const IN_FOLDER: &str = "umask 077; cd \"$1\"; shift; exec \"$@\"";

/// What a machine's kernel is told. Names of links are those that cloud-init is told of.
const KERNEL: &str = "root=/dev/vda rw console=ttyS0 net.ifnames=0";

/// As much memory holds what was translated, in MiB; otherwise it grows beyond all limits.
const TRANSLATED_MIB: u32 = 96;

/// What a command line is made of.
pub(super) struct Line<'a> {
    pub(super) machine: &'a MachineRecord,
    pub(super) image: &'a VirtualImage,
    pub(super) acceleration: Acceleration,
    pub(super) namespace: &'a Path,
    /// The machine's own.
    pub(super) folder: &'a Path,
    /// With their files.
    pub(super) disks: Vec<(DiskId, PathBuf)>,
}

impl Line<'_> {
    /// The whole of it. The machine waits until it is told to go on.
    pub(super) fn render(&self) -> Vec<String> {
        let mut line = words(&["nsenter", &format!("--net={}", self.namespace.display()), "--"]);
        // It opens files and devices as their owner, which takes no capability. But its folder may be below one that
        // is another's, such as a person's own.
        line.extend(words(&[
            "setpriv",
            "--bounding-set=-all,+dac_read_search",
            "--inh-caps=-all",
            "--no-new-privs",
            "--",
        ]));
        line.extend(words(&["sh", "-c", IN_FOLDER, "sh", &self.folder.display().to_string(), PROGRAM]));
        line.extend(self.board());
        line.extend(self.ports());
        line.extend(self.drives());
        line
    }

    fn board(&self) -> Vec<String> {
        let size = self.machine.size;
        let mut line = words(&["-S", "-nodefaults", "-no-user-config", "-display", "none", "-machine", "pc"]);
        line.extend(words(&["-cpu", "max", "-smp", &size.vcpus.to_string()]));
        line.extend(words(&["-m", &size.memory_mib.to_string(), "-device", "virtio-rng-pci"]));
        line.extend(match self.acceleration {
            Acceleration::Kvm => words(&["-accel", "kvm"]),
            Acceleration::Emulation => {
                words(&["-accel", &format!("tcg,thread=multi,tb-size={TRANSLATED_MIB}")])
            }
        });
        let forbidden = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
        line.extend(words(&["-sandbox", forbidden]));
        let (kernel, initrd) = (self.image.kernel(), self.image.initrd());
        line.extend(words(&["-kernel", &kernel.display().to_string()]));
        line.extend(words(&["-initrd", &initrd.display().to_string(), "-append", KERNEL]));
        line.extend(words(&["-chardev", "file,id=console,path=console.log,append=on"]));
        line.extend(words(&["-serial", "chardev:console"]));
        line.extend(words(&["-qmp", &format!("unix:{},server=on,wait=off", monitor::SOCKET)]));
        line
    }

    fn ports(&self) -> Vec<String> {
        let ports = self.machine.ports.iter().enumerate().flat_map(|(number, port)| {
            let cable = net::cable(self.machine.id, number);
            let end = format!("tap,id=port{number},ifname={cable},script=no,downscript=no");
            let card = format!("virtio-net-pci,netdev=port{number},mac={},romfile=", port.mac);
            words(&["-netdev", &end, "-device", &card])
        });
        ports.collect()
    }

    /// Its own disk is the first, which the kernel's command line relies on.
    fn drives(&self) -> Vec<String> {
        let own = json!({
            "driver": "qcow2",
            "node-name": "root",
            "discard": "unmap",
            "file": { "driver": "file", "filename": self.folder.join("disk.qcow2") },
        });
        let device = json!({ "driver": "virtio-blk-pci", "drive": "root", "serial": "skywright-root" });
        let mut line = drive(&own, &device);
        // A folder as a file system, which takes no program to make.
        let told = json!({
            "driver": "vvfat",
            "node-name": "seed",
            "dir": self.folder.join(seed::FOLDER),
            "label": seed::LABEL,
            "read-only": true,
        });
        let device = json!({ "driver": "virtio-blk-pci", "drive": "seed", "serial": "skywright-seed" });
        line.extend(drive(&told, &device));
        for (id, file) in &self.disks {
            line.extend(drive(&disk::node(*id, file), &disk::device(*id)));
        }
        line
    }
}

fn drive(node: &Value, device: &Value) -> Vec<String> {
    words(&["-blockdev", &node.to_string(), "-device", &device.to_string()])
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Backend;
    use crate::state::record;

    fn rendered(acceleration: Acceleration) -> Vec<String> {
        let machine = record(Backend::Qemu);
        let image = VirtualImage::unchecked("/cache/image");
        let line = Line {
            machine: &machine,
            image: &image,
            acceleration,
            namespace: Path::new("/run/netns/sw-abcdef-m3"),
            folder: Path::new("/home/a b/m3"),
            disks: vec![(DiskId(4), PathBuf::from("/home/a b/disks/d4.img"))],
        };
        line.render()
    }

    fn after<'a>(line: &'a [String], word: &str) -> Vec<&'a str> {
        let pairs = line.windows(2).filter(|pair| pair[0] == word);
        pairs.map(|pair| pair[1].as_str()).collect()
    }

    #[test]
    fn a_machine_has_what_its_record_says() {
        let line = rendered(Acceleration::Kvm);
        assert_eq!(line[..3], ["nsenter", "--net=/run/netns/sw-abcdef-m3", "--"]);
        assert_eq!(after(&line, "-smp"), ["2"]);
        assert_eq!(after(&line, "-m"), ["768"]);
        assert_eq!(after(&line, "-kernel"), ["/cache/image/vmlinuz"]);
        assert_eq!(after(&line, "-netdev"), ["tap,id=port0,ifname=m3p0,script=no,downscript=no"]);
        let devices = after(&line, "-device");
        assert!(
            devices.contains(&"virtio-net-pci,netdev=port0,mac=02:00:00:00:00:01,romfile="),
            "{devices:?}"
        );
        let disks: Vec<Value> = devices.iter().filter_map(|text| serde_json::from_str(text).ok()).collect();
        let drives: Vec<_> = disks.iter().map(|device| device["drive"].as_str().unwrap()).collect();
        assert_eq!(drives, ["root", "seed", "d4"]);
        assert_eq!(disks[2]["serial"], "volume-d4");
        let nodes: Vec<Value> =
            after(&line, "-blockdev").iter().map(|text| serde_json::from_str(text).unwrap()).collect();
        assert_eq!(nodes[0]["file"]["filename"], "/home/a b/m3/disk.qcow2");
        assert_eq!(
            (nodes[1]["label"].as_str(), nodes[1]["read-only"].as_bool()),
            (Some("cidata"), Some(true))
        );
        assert_eq!(nodes[2]["file"]["filename"], "/home/a b/disks/d4.img");
    }

    #[test]
    fn nothing_listens_but_a_socket_and_nothing_is_started_by_qemu() {
        let line = rendered(Acceleration::Kvm);
        assert_eq!(after(&line, "-qmp"), ["unix:monitor.sock,server=on,wait=off"]);
        let sandbox = after(&line, "-sandbox").join("");
        assert!(sandbox.contains("spawn=deny") && sandbox.contains("elevateprivileges=deny"), "{sandbox}");
        assert!(
            line.iter().all(|word| !["-vnc", "-spice", "-monitor", "-incoming"].contains(&word.as_str()))
        );
    }

    #[test]
    fn emulation_is_told_how_much_memory_it_has() {
        assert_eq!(after(&rendered(Acceleration::Kvm), "-accel"), ["kvm"]);
        assert_eq!(after(&rendered(Acceleration::Emulation), "-accel"), ["tcg,thread=multi,tb-size=96"]);
    }
}
