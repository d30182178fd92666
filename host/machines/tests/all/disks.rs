//! Disks of real machines.

use skywright_machines::{Disk, DiskId, DiskSpec, DiskState, MachineState, Machines};

use crate::rig::{Rig, key, rig, traces};

async fn disk(rig: &Rig, name: &str) -> Disk {
    let spec = DiskSpec {
        intent: key(name),
        name: name.to_owned(),
        size_gib: 1,
        attributes: vec![("speed".to_owned(), "ssd".to_owned())],
        tags: Vec::new(),
    };
    rig.machines.create_disk(spec).await.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_disk_comes_and_goes_while_the_machine_runs_and_keeps_its_data() {
    let Some(rig) = rig() else { return };
    let made = rig.machines.create_machine(rig.spec("disky", &[])).await.unwrap();
    let machine = rig.until(made.id, MachineState::Running).await;
    let address = machine.public_address.unwrap();
    rig.wait_for_ssh(address, &machine);

    let data = disk(&rig, "data").await;
    assert_eq!(disk(&rig, "data").await, data);
    assert_eq!((data.state, data.size_gib), (DiskState::Available, 1));
    let attached = rig.machines.attach_disk(data.id, machine.id).await.unwrap();
    assert_eq!(rig.machines.attach_disk(data.id, machine.id).await.unwrap(), attached);
    let device = attached.device.clone().unwrap();
    let script = format!(
        "set -e; sudo mkfs.ext4 -q {device}; sudo mkdir -p /mnt/data
        echo UUID=$(sudo blkid -s UUID -o value {device}) /mnt/data ext4 defaults 0 2 | sudo tee -a /etc/fstab
        sudo mount /mnt/data; echo precious | sudo tee /mnt/data/file; sync"
    );
    let said = rig.ssh(address, &machine, &script);
    assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stderr));
    // No other device of this machine can be read, not even by making a node of it.
    let said = rig.ssh(
        address,
        &machine,
        "sudo mknod /tmp/node b 254 0; sudo head -c 1 /tmp/node; sudo head -c 1 /dev/volumes/vdz",
    );
    assert!(!said.status.success() && said.stdout.is_empty(), "{said:?}");

    let refused = rig.machines.detach_disk(data.id, machine.id).await.unwrap_err();
    assert_eq!(refused.code(), "in-use");
    assert_eq!(rig.machines.delete_disk(data.id).await.unwrap_err().code(), "in-use");
    rig.machines.extend_disk(data.id, 2).await.unwrap();
    let grown = format!(
        "sudo blockdev --getsize64 {device} && sudo resize2fs {device} && df --output=size /mnt/data | tail -1"
    );
    let said = String::from_utf8(rig.ssh(address, &machine, &grown).stdout).unwrap();
    assert!(said.starts_with("2147483648\n"), "{said}");

    for force in [false, true] {
        rig.machines.reboot_machine(machine.id, force).await.unwrap();
        rig.until(machine.id, MachineState::Running).await;
        let said = rig.ssh(
            address,
            &machine,
            "cat /mnt/data/file; findmnt -no FSTYPE /mnt/data; findmnt -no FSTYPE /srv",
        );
        assert_eq!(
            String::from_utf8(said.stdout).unwrap(),
            "precious\next4\next4\n",
            "{}",
            String::from_utf8_lossy(&said.stderr)
        );
    }
    // From within: its supervisor starts it anew, and we are not asked.
    rig.ssh(
        address,
        &machine,
        "sudo touch /run/before; sudo systemd-run --quiet --on-active=1 systemctl reboot",
    );
    while !rig.ssh(address, &machine, "test ! -e /run/before").status.success() {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let said = rig.ssh(address, &machine, "cat /mnt/data/file");
    assert_eq!(
        String::from_utf8(said.stdout).unwrap(),
        "precious\n",
        "{}",
        String::from_utf8_lossy(&said.stderr)
    );

    let said = rig.ssh(address, &machine, "sudo umount /mnt/data && sudo sed -i /data/d /etc/fstab");
    assert!(said.status.success());
    let detached = rig.machines.detach_disk(data.id, machine.id).await.unwrap();
    assert_eq!((detached.machine, detached.device, detached.state), (None, None, DiskState::Available));
    assert!(!rig.ssh(address, &machine, &format!("test -e {device}")).status.success());

    let other = rig.machines.create_machine(rig.spec("other", &[])).await.unwrap();
    rig.machines.attach_disk(data.id, other.id).await.unwrap();
    assert_eq!(rig.machines.attach_disk(data.id, machine.id).await.unwrap_err().code(), "in-use");
    let other = rig.until(other.id, MachineState::Running).await;
    let said =
        rig.ssh(other.public_address.unwrap(), &other, &format!("sudo mount {device} /mnt && cat /mnt/file"));
    assert_eq!(String::from_utf8(said.stdout).unwrap(), "precious\n");
    // A disk outlives the machine that has it.
    rig.until_gone(other.id).await;
    assert_eq!(rig.machines.disk(data.id).await.unwrap().state, DiskState::Available);
    rig.machines.delete_disk(data.id).await.unwrap();
    rig.machines.delete_disk(data.id).await.unwrap();
    assert_eq!(rig.machines.disk(DiskId::clone(&data.id)).await.unwrap_err().code(), "no-such");
    rig.clear().await;
    assert_eq!(traces(&rig), Default::default());
}
